"""NXtomo (NeXus): ``image_key`` tells projections (0), flats (1) and darks (2) of one stack apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from ..provenance import Provenance
from .hdf5 import HDF5Frames, dangling, number, open_hdf5, reach, unit_of
from .scan_facts import Angles, Found, known_layout
from .units import angle_unit, millimetres

_ANGLES = ("sample/rotation_angle", "data/rotation_angle", "instrument/detector/rotation_angle")


def recognise(file: Any) -> bool:
    """Whether an open HDF5 file has an NXtomo entry."""
    return next(_entries(file), None) is not None


def read(path: Path, dataset: str | None) -> Found:
    """Facts of one entry of an NXtomo file; ``dataset`` names the entry where there are several."""
    with open_hdf5(path) as file:
        entries = dict(_entries(file))
        if dataset is not None:
            wanted = dataset.strip("/")
            chosen = [name for name in entries if wanted == name or wanted.startswith(f"{name}/")]
        else:
            chosen = list(entries)
        if len(chosen) != 1:
            listed = ", ".join(entries)
            problem = f"{path.name} holds {len(entries)} scans: {listed}."
            if dataset is not None:
                problem = f"{path.name} has no NXtomo entry '{dataset}', but {listed}."
            raise ScanError(problem, "Name one with --dataset ENTRY.")
        return _entry(path, file, chosen[0], entries[chosen[0]])


def _entries(file: Any) -> Iterator[tuple[str, str]]:
    """Name of each entry with the detector group in it; beamlines nest the NXtomo part one level down (GDA)."""
    for top in _groups(file):
        for entry in (top, *_groups(top)):
            if "instrument" not in entry:
                continue
            for detector in _groups(entry["instrument"]):
                if "image_key" in detector and detector.get("data", getlink=True) is not None:
                    yield entry.name.strip("/"), detector.name
                    break


def _groups(group: Any) -> list[Any]:
    """Groups in a group, without the links that lead nowhere."""
    import h5py

    found = [reach(group, name) for name in group]
    return [node for node in found if isinstance(node, h5py.Group)]


def _entry(path: Path, file: Any, entry: str, detector: str) -> Found:
    keys = np.asarray(file[f"{detector}/image_key"][()]).reshape(-1).round().astype(int)
    picks = np.flatnonzero(keys == 0)
    notes = []
    if np.any((keys < 0) | (keys > 2)):
        odd = int(np.sum((keys < 0) | (keys > 2)))
        notes.append(f"{odd} frames are marked invalid (image_key other than 0, 1, 2) and left out.")
    refusal = dangling(file[detector], "data", path)
    frames = None if refusal is not None else file[f"{detector}/data"]
    if frames is not None and (frames.ndim != 3 or frames.shape[0] != len(keys)):
        shape = " x ".join(map(str, frames.shape))
        refusal = ScanError(
            f"{path.name}: {len(keys)} entries of image_key for data of shape {shape}: the file contradicts itself.",
            "Its frames may be cut off: copy the file again.",
        )
        frames = None
    if not len(picks):
        refusal = ScanError(f"{path.name}: image_key marks no frame as a projection (0).", "Name the scan's file.")
    angles, angle_notes = _angles(path, file, entry, keys)
    fields, listed = {}, {}
    for name, key in (("flats", 1), ("darks", 2)):
        which = np.flatnonzero(keys == key)
        listed[name] = len(which)
        fields[name] = HDF5Frames.of(path, file[detector], "data", which) if frames is not None and len(which) else None
    return Found(
        "NXtomo",
        (path,),
        None if frames is None or not len(picks) else HDF5Frames.of(path, file[detector], "data", picks),
        known_layout("projections", "NXtomo"),
        angles,
        fields["flats"],
        fields["darks"],
        listed,
        _times(keys) if fields["flats"] is not None else None,
        kind="counts" if fields["flats"] is not None else None,  # image_key marks raw images
        pixel=_pixel(path, file, detector),
        notes=(*notes, *angle_notes),
        refusal=refusal,
    )


def _angles(path: Path, file: Any, entry: str, keys: NDArray) -> tuple[Angles | None, list[str]]:
    for name in (f"{entry}/{tail}" for tail in _ANGLES):
        stored = reach(file, name)
        if stored is None:
            continue
        values = np.asarray(stored[()], dtype=np.float64).reshape(-1)
        angles = Angles(values, angle_unit(unit_of(stored)), f"{path.name} /{name}")
        if len(values) == len(keys):
            return Angles(values[keys == 0], angles.unit, angles.where), []
        if len(values) == np.sum(keys == 0):
            return angles, [f"/{name} has angles for the projections only."]
        return angles, []  # the count check reports it
    return None, []


def _times(keys: NDArray) -> NDArray[np.float64] | None:
    """When each flat was taken, as a share of the projections before it; None when they are all at one end."""
    before = np.cumsum(keys == 0)[keys == 1]
    times = before / max(np.sum(keys == 0), 1)
    return times if np.ptp(times) > 0 else None


def _pixel(path: Path, file: Any, detector: str) -> tuple[float, Provenance] | None:
    name = f"{detector}/x_pixel_size"
    value = number(reach(file, name))
    if value is None or not value > 0:
        return None
    unit = unit_of(file[name])
    factor = millimetres(unit or "m")  # NeXus: metres
    if factor is None:
        return None
    said = f"{path.name} /{name}" + ("" if unit else ", no unit: metres")
    return value * factor, Provenance("read" if unit else "assumed", said)
