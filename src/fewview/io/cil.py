"""NeXus files of CIL (``NEXUSDataWriter``): parallel, fan and cone beams are read, finished images refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AnswerNeeded, ScanError
from ..frames import FrameSource
from ..provenance import Provenance
from . import hdf5_named
from .fan import Fan, incomplete_fan, placed
from .hdf5 import open_hdf5, reach
from .hdf5_frames import HDF5Frames
from .oriented import Oriented
from .picked import Picked
from .rearranged import Rearranged
from .scan_facts import Angles, Found, known_layout
from .units import angle_unit, text

_DATA = "entry1/tomo_entry/data/data"
_CONFIG = "entry1/tomo_entry/config"
_PLACES = {
    "source": "source/position",
    "detector": "detector/position",
    "axis": "rotation_axis/position",
    "step": "detector/direction_x",
}


def recognise(file: Any) -> bool:
    """Whether an open HDF5 file was written by CIL."""
    data = reach(file, _DATA)
    return data is not None and "data_type" in data.attrs


def channels(path: str | Path) -> int:
    """How many channels (times or energies) a file holds, each of them a scan; 1 of any other file."""
    path = Path(path)
    if path.suffix not in (".nxs", ".nx", ".h5", ".hdf5") or not path.is_file():
        return 1
    with open_hdf5(path) as file:
        if not recognise(file):
            return 1
        data = file[_DATA]
        axes = [text(data.attrs[f"dim{i}"]) for i in range(data.ndim)]
        return int(data.shape[axes.index("channel")]) if axes[0] == "channel" and data.ndim == 3 else 1


def read(path: Path, dataset: str | None) -> Found:
    """Facts of a CIL file; of several channels (times or energies) the one that ``dataset`` numbers."""
    if dataset is not None and not dataset.isdigit():
        return hdf5_named.read(path, dataset)
    with open_hdf5(path) as file:
        data = file[_DATA]
        axes = [text(data.attrs[f"dim{i}"]) for i in range(data.ndim)]
        angles = _angles(path, file)
        pixel = data.attrs.get("pixel_size_h")
        found = Found(
            "CIL NeXus",
            (path,),
            angles=angles,
            pixel=None if pixel is None else (float(pixel), Provenance("read", f"{path.name}: pixel_size_h")),
            kind="attenuation",  # what CIL reconstructs; its files hold no flats
            refusal=_refusal(path, data, axes, dataset),
        )
        if found.refusal is not None:
            return found
        frames: FrameSource = HDF5Frames.of(path, file, _DATA)
        if "channel" in axes:
            frames = Picked(frames, np.array([int(dataset or 0)]))
            axes = ["vertical", *axes[1:]]  # the one channel is the one row
        order = ["angle", "vertical", "horizontal"]
        stored = axes if data.ndim == 3 else ["vertical", *axes]  # a single sinogram is one row
        source: FrameSource = Rearranged(frames, tuple(stored.index(name) for name in order))  # type: ignore[arg-type]
        found = replace(found, images=source, layout=known_layout("projections", "CIL NeXus"))
        return found if text(data.attrs.get("geometry", "parallel")) == "parallel" else _diverging(path, file, found)


def _diverging(path: Path, file: Any, found: Found) -> Found:
    """The fan of a CIL file.

    CIL turns the object and lets Y rise with the row of the image, so that its places are mirror images of ours.
    """
    assert found.images is not None and found.angles is not None
    places = {
        name: np.asarray(file[f"{_CONFIG}/{where}"][()], dtype=np.float64)[:2] * (1, -1)
        for name, where in _PLACES.items()
        if f"{_CONFIG}/{where}" in file
    }
    if len(places) < len(_PLACES) or found.pixel is None:
        return replace(found, refusal=incomplete_fan(path))
    columns, pitch = found.images.shape[2], found.pixel[0]
    middle = places["axis"]
    fan = placed(places["source"] - middle, places["detector"] - middle, pitch * places["step"], columns)
    origin = text(file[_DATA].attrs.get("panel_origin", "bottom-left"))
    stored_reversed = fan.reversed_ != origin.endswith("right")
    how = Provenance("read", f"{path.name}: places of source and detector")
    turn = fan.turn if found.angles.unit == "radians" else np.degrees(fan.turn)
    return replace(
        found,
        images=Oriented(found.images, mirror=True) if stored_reversed else found.images,
        angles=replace(found.angles, values=found.angles.values + turn),
        axis=(fan.axis, how),
        fan=Fan(fan.sod, fan.sdd, how, fan.principal),
    )


def _angles(path: Path, file: Any) -> Angles | None:
    stored = file.get(f"{_CONFIG}/angles")
    if stored is None:
        return None
    values = np.asarray(stored[()], dtype=np.float64).reshape(-1)
    values = values + float(stored.attrs.get("initial_angle", 0.0))
    unit = angle_unit(text(stored.attrs.get("angle_unit", "")))
    return Angles(values, unit, f"{path.name} {stored.name}")


def _refusal(path: Path, data: Any, axes: list[str], dataset: str | None) -> ScanError | None:
    if text(data.attrs["data_type"]) == "ImageData":
        shape = " x ".join(map(str, data.shape))
        return ScanError(
            f"{path.name} holds a reconstructed image ({shape}, CIL ImageData), not a scan.",
            "Give it as --reference or --aux, or name the file of the projections.",
        )
    if "channel" in axes:
        count = data.shape[axes.index("channel")]
        if axes[0] != "channel" or data.ndim > 3:
            return ScanError(f"{path.name} holds {count} channels (times or energies).", "Save one of them as a scan.")
        if dataset is None or int(dataset) >= count:
            return AnswerNeeded(
                f"{path.name} holds {count} channels (times or energies).",
                f"Choose one by its number, --dataset 0 to --dataset {count - 1}.",
            )
    if set(axes) - {"angle", "vertical", "horizontal", "channel"}:
        return ScanError(f"{path.name} has the axes {', '.join(axes)}.", "Save angle, vertical, horizontal.")
    return None
