"""NeXus files of CIL (``NEXUSDataWriter``): parallel-beam data is read, cones and finished images are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ScanError
from ..provenance import Provenance
from .hdf5 import open_hdf5, reach
from .hdf5_frames import HDF5Frames
from .named_variables import fan_beam
from .rearranged import Rearranged
from .scan_facts import Angles, Found, known_layout
from .units import angle_unit, text

_DATA = "entry1/tomo_entry/data/data"
_CONFIG = "entry1/tomo_entry/config"


def recognise(file: Any) -> bool:
    """Whether an open HDF5 file was written by CIL."""
    data = reach(file, _DATA)
    return data is not None and "data_type" in data.attrs


def read(path: Path) -> Found:
    """Facts of a CIL file."""
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
            refusal=_refusal(path, file, data, axes),
        )
        if found.refusal is not None:
            return found
        frames = HDF5Frames.of(path, file, _DATA)
        order = ["angle", "vertical", "horizontal"]
        stored = axes if data.ndim == 3 else ["vertical", *axes]  # a single sinogram is one row
        source = Rearranged(frames, tuple(stored.index(name) for name in order))  # type: ignore[arg-type]
        return Found(
            found.format,
            found.paths,
            source,
            known_layout("projections", "CIL NeXus"),
            angles,
            kind=found.kind,
            pixel=found.pixel,
        )


def _angles(path: Path, file: Any) -> Angles | None:
    stored = file.get(f"{_CONFIG}/angles")
    if stored is None:
        return None
    values = np.asarray(stored[()], dtype=np.float64).reshape(-1)
    values = values + float(stored.attrs.get("initial_angle", 0.0))
    unit = angle_unit(text(stored.attrs.get("angle_unit", "")))
    return Angles(values, unit, f"{path.name} {stored.name}")


def _refusal(path: Path, file: Any, data: Any, axes: list[str]) -> ScanError | None:
    if text(data.attrs["data_type"]) == "ImageData":
        shape = " x ".join(map(str, data.shape))
        return ScanError(
            f"{path.name} holds a reconstructed image ({shape}, CIL ImageData), not a scan.",
            "Give it as --reference or --aux, or name the file of the projections.",
        )
    beam = text(data.attrs.get("geometry", "parallel"))
    if beam != "parallel":
        named = {"source": "source/position", "detector": "detector/position"}
        places = {who: file.get(f"{_CONFIG}/{where}") for who, where in named.items()}
        said = ", ".join(
            f"{who} at ({', '.join(f'{x:g}' for x in np.asarray(place))})" for who, place in places.items() if place
        )
        flat = text(data.attrs.get("dimension", "")) == "2D"
        return fan_beam(path, "fan" if flat else beam, said)
    if "channel" in axes:
        count = data.shape[axes.index("channel")]
        return ScanError(f"{path.name} holds {count} channels (times or energies).", "Save one of them as a scan.")
    if set(axes) - {"angle", "vertical", "horizontal"}:
        return ScanError(f"{path.name} has the axes {', '.join(axes)}.", "Save angle, vertical, horizontal.")
    return None
