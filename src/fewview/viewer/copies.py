"""Copies of our layers that users make: duplicated, or converted to labels; napari copies what we wrote into them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .common.layers import METADATA, facts
from .scans import scan_of

OF_PICTURES = {"recipe", "record", "file", "scan", "look", "extra"}  # what only a picture of ours says


def disown(layer: Any, others: Iterable[Any]) -> Mapping[str, Any]:
    """Take from a layer that has just come what only the one that it was copied from is, and return what is left.

    A copy of the layer of a run stands still, whatever the run tells; one of the projections is not taken away at the
    next run; one that became labels is no result, and is nowhere saved as one.

    Parameters
    ----------
    layer : napari layer
    others : iterable of napari layers
        That were there before.
    """
    about = facts(layer.metadata)
    known = [facts(other.metadata) for other in others]
    left = dict(about)
    if "run" in about and about["run"] in [one.get("run") for one in known]:
        for key in ("run", "shows"):
            left.pop(key, None)
    if about.get("scan") and about["scan"] in [one.get("scan") for one in known]:
        left = {"of": about["scan"], "look": True, "prefix": about.get("prefix", "")}
    if type(layer).__name__ != "Image" and OF_PICTURES & left.keys():
        left = {"of": scan_of(layer) or "", "prefix": about.get("prefix", "")}
    if left != about:
        layer.metadata = {**layer.metadata, METADATA: left}
    return left
