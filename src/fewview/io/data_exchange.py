"""Data Exchange HDF5 (APS and many neutron beamlines): ``/exchange/data``, ``data_white``, ``data_dark``, ``theta``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from ..frames import FrameSource
from ..provenance import Provenance
from . import hdf5_named
from .checks.angles import settle_unit
from .fan import Fan
from .hdf5 import attribute, dangling, number, open_hdf5, reach, unit_of
from .hdf5_frames import HDF5Frames
from .picked import Joined
from .rearranged import Rearranged
from .scan_facts import Angles, Found, Layout, known_layout
from .units import angle_unit, millimetres, text

TITLE = "Data Exchange HDF5"
_PIXEL = (
    "measurement/instrument/detector/pixel_size_x",
    "measurement/instrument/detector/pixel_size",
    "measurement/instrument/detector/actual_pixel_size_x",
)
_AXIS = ("exchange/rotation_axis", "measurement/rotation_axis", "process/rotation_axis")

Times = NDArray[np.float64] | None


def recognise(file: Any) -> bool:
    """Whether an open HDF5 file is Data Exchange."""
    return _is_exchange(reach(file, "exchange"))


def read(path: Path, dataset: str | None) -> Found:
    """Facts of a Data Exchange file; ``dataset`` may name another group of the same layout, or any dataset."""
    with open_hdf5(path) as file:
        where = "exchange" if dataset is None else dataset.strip("/").removesuffix("/data")
        for name in (where, f"{where}/exchange"):
            if _is_exchange(reach(file, name)):
                return _exchange(path, file, file[name])
    return hdf5_named.read(path, dataset)


def _is_exchange(group: Any) -> bool:
    return hasattr(group, "keys") and group.get("data", getlink=True) is not None


def _exchange(path: Path, file: Any, group: Any) -> Found:
    angles, notes = _angles(path, group)
    refusal = dangling(group, "data", path)
    if refusal is None and group["data"].ndim != 3:
        shape = " x ".join(map(str, group["data"].shape))
        problem = f"{path.name}: {group.name}/data has the shape {shape}."
        refusal = ScanError(problem, "It should be (angle, row, column).")
    if refusal is not None:
        return Found(TITLE, (path,), angles=angles, refusal=refusal)
    flats, times, no_flats = _flats_or_darks(path, group, "data_white")
    darks, _, no_darks = _flats_or_darks(path, group, "data_dark")
    frames, layout = _in_order(HDF5Frames.of(path, group, "data"), group["data"])
    return Found(
        TITLE,
        (path,),
        frames,
        layout,
        angles,
        flats,
        darks,
        flat_times=times,
        kind="counts" if flats is not None else None,  # so the format defines data that has a white field
        pixel=_pixel(path, file, group),
        fan=_fan(path, group),
        axis=_axis(file, group),
        notes=(*notes, *no_flats, *no_darks),
    )


def _fan(path: Path, group: Any) -> Fan | None:
    """A simulated fan beam: the format has no place for the distances, so they are attributes of ours."""
    names = ("distance_source_axis_mm", "distance_source_detector_mm")
    if not all(name in group.attrs for name in names):
        return None
    sod, sdd = (attribute(group, name) for name in names)
    return Fan(sod, sdd, Provenance("read", f"{path.name}: attributes of {group.name}"))


def _in_order(frames: HDF5Frames, data: Any) -> tuple[FrameSource, tuple[Layout, Provenance]]:
    """Frames by the attribute ``axes``, "theta:y:x" unless it says otherwise."""
    axes = [axis.strip() for axis in re.split(r"[:,\s]+", text(data.attrs.get("axes", ""))) if axis.strip()]
    if len(axes) != 3 or axes[0] == "theta" or "theta" not in axes:
        return frames, known_layout("projections", TITLE)
    said = f"{TITLE}, axes {':'.join(axes)}"
    if axes[1] == "theta":
        return frames, known_layout("sinogram", said)
    return Rearranged(frames, (2, 0, 1)), known_layout("projections", said)


def _flats_or_darks(path: Path, group: Any, name: str) -> tuple[FrameSource | None, Times, tuple[str, ...]]:
    """Flats or darks and when they were taken; and a note where they should be but are not.

    Besides those of the format, some beamlines keep those before and after the scan apart.
    """
    parts: list[FrameSource] = []
    times: list[float] = []
    for ending, time in (("", 0.0), ("_pre", 0.0), ("_post", 1.0), ("_before", 0.0), ("_after", 1.0)):
        if group.get(name + ending, getlink=True) is None:
            continue
        broken = dangling(group, name + ending, path)
        if broken is not None:
            return None, None, (broken.problem,)
        if group[name + ending].size:
            parts.append(HDF5Frames.of(path, group, name + ending))
            times += [time] * parts[-1].shape[0]
    if not parts:
        return None, None, ()
    if len({part.shape[1:] for part in parts}) > 1:
        return parts[0], None, (f"{path.name}: the frames {name} differ in size: only the first ones are used.",)
    one = parts[0] if len(parts) == 1 else Joined(tuple(parts))
    return one, np.array(times) if len(set(times)) > 1 else None, ()


def _angles(path: Path, group: Any) -> tuple[Angles | None, tuple[str, ...]]:
    stored = reach(group, "theta")
    if stored is None or stored.size == 0:
        return None, ()
    values = np.asarray(stored[()], dtype=np.float64).reshape(-1)
    where = f"{path.name} {stored.name}"
    said = unit_of(stored)
    unit = angle_unit(said)
    if unit is None and not said and np.all(np.isfinite(values)):
        guess, why = settle_unit(values, None)
        if guess == "degrees":  # what the format prescribes
            return Angles(values, "degrees", f"{where}, as Data Exchange prescribes"), ()
        return Angles(values, None, where), (f"Data Exchange prescribes degrees, but theta looks like radians: {why}.",)
    return Angles(values, unit, where if unit or not said else f"{where}, whose unit '{said}' is not known"), ()


def _pixel(path: Path, file: Any, group: Any) -> tuple[float, Provenance] | None:
    if "pixel_size_mm" in group.attrs:
        return attribute(group, "pixel_size_mm"), Provenance("read", f"{path.name} {group.name}, pixel_size_mm")
    for name in _PIXEL:
        value = number(reach(file, name))
        if value is None or not value > 0:
            continue
        unit = unit_of(file[name])
        factor = millimetres(unit or "um")  # Data Exchange: micrometres
        if factor is not None:
            said = f"{path.name} /{name}" + ("" if unit else ", no unit: micrometres")
            return value * factor, Provenance("read" if unit else "assumed", said)
    return None


def _axis(file: Any, group: Any) -> tuple[float, Provenance] | None:
    if "axis" in group.attrs:
        return attribute(group, "axis"), Provenance("read", f"{group.name}, attribute axis")
    for name in _AXIS:
        value = number(reach(file, name))
        if value is not None:
            return value, Provenance("read", f"/{name}")
    return None
