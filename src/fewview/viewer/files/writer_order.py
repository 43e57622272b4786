"""Napari's save dialog offers writers in the order in which plugins happened to be found: ours is put first."""

from __future__ import annotations

from typing import Any

from npe2 import PluginManager

COMMAND = "fewview.write"


def offer_first() -> None:
    """Put fewview's writer before the others that save an image: only it keeps scale, unit and run record.

    There is no public way; where npe2 keeps its list elsewhere one day, the order stays as it is.
    """
    writers = getattr(getattr(PluginManager.instance(), "_contrib", None), "_writers", None)
    if isinstance(writers, list):
        writers.sort(key=_not_ours)


def _not_ours(entry: tuple[Any, ...]) -> bool:
    return str(getattr(entry[-1], "command", "")) != COMMAND
