"""Files behind layers: a recipe names files, so a layer that has none gets one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..common.layers import METADATA, facts
from .places import folder_of


def file_of(layer: Any, scan: str = "") -> str:
    """File that holds a layer's volume: the one it came from, or one written now, beside the ``scan``.

    The name of a new file holds a digest of its content, so that a changed layer gives a changed recipe. The layer
    remembers it as "written", and is found again by it.
    """
    known = facts(layer.metadata).get("file") or layer.source.path
    if known and Path(str(known)).exists():
        return str(known)
    values = np.ascontiguousarray(layer.data, dtype=np.float32)
    digest = hashlib.sha256(values.tobytes()).hexdigest()[:16]
    path = folder_of(scan) / f"layer-{digest}.npy"
    if not path.exists():
        np.save(path, values)
    layer.metadata = {**layer.metadata, METADATA: {**facts(layer.metadata), "written": str(path)}}
    return str(path)


def files_of(layer: Any) -> set[str]:
    """Files that are known to hold a layer's volume."""
    about = facts(layer.metadata)
    return {str(file) for file in (about.get("file"), about.get("written"), layer.source.path) if file}


def is_volume(layer: Any) -> bool:
    """Whether a layer can serve as X-ray volume or reference, or be compared."""
    return type(layer).__name__ == "Image" and not _ours_beside(layer) and not _unfit(layer)


def left_out(layers: Iterable[Any]) -> list[str]:
    """A sentence on each picture that is no volume although its user may take it for one."""
    others = [one for one in layers if type(one).__name__ == "Image" and not _ours_beside(one)]
    return [
        f"“{layer.name}” {_unfit(layer)}: it is left out."
        for layer in others
        if _unfit(layer) and "extra" not in facts(layer.metadata)
    ]


def _ours_beside(layer: Any) -> bool:
    """Projections; sinograms and trial slices."""
    about = facts(layer.metadata)
    return bool(about.get("scan") or about.get("look"))


def _unfit(layer: Any) -> str:
    """Why the pixels of a layer are not the values of one volume; empty where they are."""
    if getattr(layer, "rgb", False):
        return "is a colour picture, not values"
    if getattr(layer, "multiscale", False):
        return "comes at several resolutions, as one layer"
    if layer.ndim not in (2, 3):
        return f"has {layer.ndim} axes, a volume has 3"
    return ""
