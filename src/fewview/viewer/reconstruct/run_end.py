"""What a layer is told at the end of its run, or of its window: what it holds, and its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari.layers import Image

from ...runs.worker.queued_run import QueuedRun
from ..common.layers import METADATA, facts
from ..common.names import unfinished, with_prefix, without_prefix

LIES = ("scale", "translate", "rotate", "shear", "affine")  # of a layer


def ended(metadata: Mapping[str, Any], run: QueuedRun) -> dict[str, Any]:
    """Metadata of the layer of a run that is over.

    Parameters
    ----------
    metadata : mapping
        As they were while it went on.
    run : QueuedRun
    """
    about = {
        "record": run.record,
        "status": run.status,
        "holds": run.holds,
        "step": run.kept_step,
        "history": dict(run.history),
    }
    return {**metadata, METADATA: {**facts(metadata), **about}}


def name_at_end(name: str, metadata: Mapping[str, Any], title: str, run: QueuedRun) -> str:
    """A name promises the method's result; where something else was kept, it says so. Not a name of the user's.

    Parameters
    ----------
    name : str
        Of the layer.
    metadata : mapping
        Of the layer: a scan may have come since the run began, and its name is before the layer's.
    title : str
        Own name of the run, without that of its scan.
    run : QueuedRun

    Returns
    -------
    str
        ``name`` as it is, where nothing else was kept than it promises.
    """
    prefix = facts(metadata).get("prefix", "")
    if not run.holds or without_prefix(prefix, name) != title:
        return name
    return with_prefix(prefix, unfinished(title, run.kept, run.holds))


def left_layer(run: QueuedRun, shown: Any, layer: Any = None) -> Image:
    """What a run leaves whose viewer is about to go, as a layer of no viewer: nothing there may be touched any more.

    Parameters
    ----------
    run : QueuedRun
        That is over, and has a volume.
    shown : Shown
        How it was to be shown.
    layer : napari layer, optional
        In which it was shown.

    Returns
    -------
    Image
        Named as what it is, with the record of the run in its metadata.
    """
    if layer is None:
        name, metadata, place = shown.name, {METADATA: {**shown.metadata, "run": run.number}}, shown.place
    else:
        name, metadata = layer.name, layer.metadata
        place = {key: getattr(layer, key) for key in (*LIES, "units", "axis_labels")}
    named = name_at_end(name, metadata, shown.title, run)
    return Image(run.volume, name=named, metadata=ended(metadata, run), **place)
