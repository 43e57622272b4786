"""Whatever fewview can read, dropped on napari: a scan becomes projections for the docks, a volume becomes a volume."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import FewviewError
from ...io import inspect
from ..common.layers import METADATA
from ..scan.samples import LayerTuple, scan_layer, volume_layer


def get_reader(path: str | list[str]) -> Callable[[Any], list[LayerTuple]] | None:
    """The reader for one file or folder; None for a list of files (napari then asks for each)."""
    return read if isinstance(path, str) else None


def read(path: Any) -> list[LayerTuple]:
    """Layers of a scan or of a volume.

    What has angles is a scan; what tells that it is a volume, by its unit or its record, is one. All else is taken as a
    scan with what it lacks, as "File…" of the Scan dock does, which offers to take it as a volume.

    Raises
    ------
    FewviewError
        Neither a scan nor a volume.
    """
    path = Path(path[0] if isinstance(path, list) else path)
    info, problem = None, None
    try:
        info = inspect(path)
    except FewviewError as error:
        problem = error
    if info is not None and info.ready:
        return [scan_layer(path)]
    if info is None or info.angles is None:
        try:
            volume = volume_layer(path)
        except FewviewError as error:
            problem = problem or error
        else:
            about = volume[1]["metadata"][METADATA]
            if info is None or about["record"] or about["unit"]:
                return [volume]
    if info is not None:
        return [_unready(path)]
    assert problem is not None
    raise problem


def _unready(path: Path) -> LayerTuple:
    """An empty stand-in: the Scan dock takes the file from its metadata and says what is missing."""
    import numpy as np

    about = {"scan": str(path), "standin": True}
    keywords = {"name": f"{path.name} (not ready: see the Scan dock)", "metadata": {METADATA: about}}
    return np.zeros((1, 1), np.float32), keywords, "image"
