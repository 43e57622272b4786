"""Data Exchange HDF5 (APS and many neutron beamlines): ``/exchange/data``, ``data_white``, ``data_dark``, ``theta``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ScanError
from ..origins import Origin
from .angles import decide_unit
from .found import Angles, Found, known_layout
from .hdf5 import HDF5Frames, dangling, number, open_hdf5, reach, unit_of
from .units import angle_unit, millimetres, text

_PIXEL = ("measurement/instrument/detector/pixel_size_x", "measurement/instrument/detector/pixel_size")
_AXIS = ("exchange/rotation_axis", "measurement/rotation_axis", "process/rotation_axis")


def recognise(file: Any) -> bool:
    """Whether an open HDF5 file is Data Exchange."""
    return "exchange" in file and file["exchange"].get("data", getlink=True) is not None


def read(path: Path) -> Found:
    """Facts of a Data Exchange file."""
    with open_hdf5(path) as file:
        group = file["exchange"]
        angles, notes = _angles(path, group)
        refusal = dangling(group, "data", path)
        if refusal is None and group["data"].ndim != 3:
            shape = " x ".join(map(str, group["data"].shape))
            refusal = ScanError(
                f"{path.name}: /exchange/data has the shape {shape}.", "It should be (angle, row, column)."
            )
        if refusal is not None:
            return Found("Data Exchange HDF5", (path,), angles=angles, refusal=refusal)
        flats, no_flats = _fields(path, group, "data_white")
        darks, no_darks = _fields(path, group, "data_dark")
        said = text(group["data"].attrs.get("kind", ""))
        return Found(
            "Data Exchange HDF5",
            (path,),
            HDF5Frames.of(path, group["data"]),
            known_layout("projections", "Data Exchange HDF5"),
            angles,
            flats,
            darks,
            kind=said if said in ("counts", "transmission", "attenuation") else None,  # type: ignore[arg-type]
            pixel=_pixel(path, file),
            axis=_axis(file),
            notes=(*notes, *no_flats, *no_darks),
        )


def _fields(path: Path, group: Any, name: str) -> tuple[HDF5Frames | None, tuple[str, ...]]:
    """Flats or darks, and a note where they should be but are not."""
    if group.get(name, getlink=True) is None:
        return None, ()
    broken = dangling(group, name, path)
    if broken is not None:
        return None, (broken.problem,)
    return (HDF5Frames.of(path, group[name]) if group[name].size else None), ()


def _angles(path: Path, group: Any) -> tuple[Angles | None, tuple[str, ...]]:
    stored = reach(group, "theta")
    if stored is None or stored.size == 0:
        return None, ()
    values = np.asarray(stored[()], dtype=np.float64).reshape(-1)
    where = f"{path.name} /exchange/theta"
    unit = angle_unit(unit_of(stored))
    if unit is None and np.all(np.isfinite(values)):
        guess, why = decide_unit(values)
        if guess == "degrees":  # what the format prescribes
            return Angles(values, "degrees", f"{where}, degrees as Data Exchange prescribes"), ()
        return Angles(values, None, where), (f"Data Exchange prescribes degrees, but theta looks like radians: {why}.",)
    return Angles(values, unit, where), ()


def _pixel(path: Path, file: Any) -> tuple[float, Origin] | None:
    for name in _PIXEL:
        value = number(reach(file, name))
        if value is None or not value > 0:
            continue
        unit = unit_of(file[name])
        factor = millimetres(unit or "um")  # Data Exchange: micrometres
        if factor is not None:
            said = f"{path.name} /{name}" + ("" if unit else ", no unit: micrometres")
            return value * factor, Origin("read" if unit else "assumed", said)
    return None


def _axis(file: Any) -> tuple[float, Origin] | None:
    for name in _AXIS:
        value = number(reach(file, name))
        if value is not None:
            return value, Origin("read", f"/{name}")
    return None
