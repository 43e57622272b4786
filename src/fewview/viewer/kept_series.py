"""The layer of a time series in a session: of each frame, the file that holds it; and the layer that they are again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from ..errors import FewviewError
from ..io import read_volume
from .common.layers import METADATA, facts
from .common.names import own_name
from .files.layer_files import files_of
from .reconstruct.run_end import LIES
from .reconstruct.series import Frames

KEPT = ("extra", "of", "unit", "frames")  # of what the metadata tell; the scans that are open say the rest


def all_series(bench: Any) -> list[Any]:
    """Layers of time series, whether in sight or waiting for their scan to be meant.

    Parameters
    ----------
    bench : Workbench
    """
    waiting = [layer for scan in bench.scans.all for layer in bench.scans.everything_of(scan)]
    found = {id(layer): layer for layer in (*bench.viewer.layers, *waiting) if is_series(layer)}
    return list(found.values())


def is_series(layer: Any) -> bool:
    """Whether a layer steps through the frames of a series, as it was made."""
    return isinstance(getattr(layer, "data", None), Frames)


def described_series(layer: Any, file_of: Callable[[NDArray[Any]], str]) -> dict[str, Any] | None:
    """A series as plain values; None where a frame of it lies in no file.

    Parameters
    ----------
    layer : napari layer
    file_of : callable
        File that holds the volume of a frame; empty where none does.
    """
    files = [None if volume is None else file_of(volume) for volume in layer.data.volumes]
    if "" in files:
        return None
    about = facts(layer.metadata)
    lies = {key: np.asarray(getattr(layer, key)).tolist() for key in (*LIES, "contrast_limits")}
    return {
        "name": own_name(layer.name, layer.metadata),
        "files": files,
        "shape": list(layer.data.shape[1:]),
        "about": {key: about[key] for key in KEPT if key in about},
        "units": [str(unit) for unit in layer.units],
        **lies,
    }


def show_series(bench: Any, entries: Sequence[Mapping[str, Any]], moved: Callable[[str], str]) -> list[str]:
    """Show the series of a session.

    Parameters
    ----------
    bench : Workbench
    entries : sequence of mapping
        As :func:`described_series` gave them.
    moved : callable
        Where a file of the session lies by now.

    Returns
    -------
    list of str
        Names of those of which a file is gone; they are not shown.
    """
    lost = []
    for entry in entries:
        layers = [*bench.viewer.layers, *(one for scan in bench.scans.all for one in bench.scans.everything_of(scan))]
        files = [None if file is None else moved(file) for file in entry["files"]]
        frames = {file: one for one in layers for file in files_of(one) & set(files)}
        try:
            volumes = [_values(file, frames) for file in files]
        except FewviewError:
            lost.append(entry["name"])
            continue
        for frame in frames.values():
            frame.visible = False  # it would lie over the others
        prefix = bench.scans.prefix_at(entry["about"].get("of", ""))
        bench.viewer.add_layer(
            Image(
                Frames(volumes, tuple(entry["shape"])),
                name=prefix + entry["name"],
                axis_labels=["t", "z", "y", "x"],
                metadata={METADATA: {**entry["about"], "prefix": prefix}},
                **{key: entry[key] for key in (*LIES, "contrast_limits", "units")},
            )
        )
    return lost


def _values(file: str | None, frames: Mapping[str, Any]) -> NDArray[Any] | None:
    if file is None:
        return None
    if file in frames:  # the layer of the frame: no copy of it
        values: NDArray[Any] = frames[file].data
        return values
    if not Path(file).exists():
        raise FewviewError(f"{file} is gone.")
    return read_volume(file).values
