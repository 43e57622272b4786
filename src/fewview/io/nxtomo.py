"""NXtomo (NeXus): ``image_key`` tells projections (0), flats (1) and darks (2) of one stack apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from .hdf5 import dangling, open_hdf5, reach
from .hdf5_frames import HDF5Frames
from .nxtomo_entries import Detector, chosen, detectors, with_projections
from .nxtomo_values import NXtomoValues
from .picked import Picked
from .scan_facts import Found, known_layout

_KEYS = (("flats", 1), ("darks", 2))


def recognise(file: Any) -> bool:
    """Whether an open HDF5 file has an NXtomo entry."""
    return next(detectors(file), None) is not None


def read(path: Path, dataset: str | None) -> Found:
    """Facts of one entry of an NXtomo file; ``dataset`` names the entry or detector where there are several.

    Flats and darks of an entry of their own are used for the only one that has projections.
    """
    with open_hdf5(path) as file:
        every = list(detectors(file))
        one = chosen(path, file, every, dataset)
        found = _detector(path, file, one)
        if found.images is None or found.flats is not None:
            return found
        for other in every:
            if other.entry != one.entry and not with_projections(file, other):
                found = _with_flats_and_darks_of(found, _detector(path, file, other), other.entry)
        return found


def _with_flats_and_darks_of(found: Found, other: Found, entry: str) -> Found:
    """The scan with the flats and darks of another entry, where they fit and it has none."""
    assert found.images is not None
    added = {
        name: getattr(other, name)
        for name, _ in _KEYS
        if getattr(found, name) is None
        and getattr(other, name) is not None
        and getattr(other, name).shape[1:] == found.images.shape[1:]
    }
    if not added:
        return found
    note = f"The {' and '.join(added)} come from the entry {entry} of the same file."
    kind = "counts" if "flats" in added else found.kind
    return replace(found, **added, kind=kind, notes=(*found.notes, note))


def _detector(path: Path, file: Any, one: Detector) -> Found:
    keys, alignment = _keys(file, one)
    picks = np.flatnonzero(keys == 0)
    notes = []
    if alignment:
        notes.append(f"{alignment} views for alignment (image_key_control -1) are left out.")
    odd = int(np.sum((keys > 2) | (keys < -1)))
    if odd:
        notes.append(f"{odd} frames are marked invalid (image_key other than 0, 1, 2) and left out.")
    group = file[one.group]
    refusal = dangling(group, "data", path)
    frames = None if refusal is not None else group["data"]
    if frames is not None and (frames.ndim < 3 or int(np.prod(frames.shape[:-2])) != len(keys)):
        shape = " x ".join(map(str, frames.shape))
        refusal = ScanError(
            f"{path.name}: {len(keys)} entries of image_key for data of shape {shape}: the file contradicts itself.",
            "Its frames may be cut off: copy the file again.",
        )
        frames = None
    if not len(keys):
        refusal = ScanError(f"{path.name} holds no frames: its data are empty.", "Was the scan ended before its first?")
    elif not len(picks):
        refusal = ScanError(f"{path.name}: image_key marks no frame as a projection (0).", "Name the scan's file.")
    values = NXtomoValues(path, file, one, keys)
    angles = values.angles()
    sources, counts = {}, {}
    for role, key in _KEYS:
        which = np.flatnonzero(keys == key)
        counts[role] = len(which)
        sources[role] = _picked(path, group, which) if frames is not None and len(which) else None
    width = None if frames is None else frames.shape[-1]
    return Found(
        "NXtomo",
        (path,),
        None if frames is None or not len(picks) else _picked(path, group, picks),
        known_layout("projections", "NXtomo"),
        angles.angles,
        sources["flats"],
        sources["darks"],
        counts,
        _times(keys) if sources["flats"] is not None else None,
        kind="counts" if sources["flats"] is not None else None,  # image_key marks raw images
        pixel=values.pixel(),
        axis=None if width is None else values.axis(width),
        notes=(*notes, *angles.notes),
        refusal=refusal,
        monitor=values.monitor(),
        no_angles=angles.why_none,
    )


def _picked(path: Path, group: Any, which: NDArray[np.intp]) -> Picked:
    return Picked(HDF5Frames.of(path, group, "data"), which)


def _keys(file: Any, one: Detector) -> tuple[NDArray[np.intp], int]:
    """What each frame is, alignment views marked -1, and how many of these there are."""
    keys = np.asarray(file[one.keys][()]).reshape(-1).round().astype(np.intp)
    control = reach(file, f"{one.keys}_control")
    if control is None or control.size != len(keys):
        return keys, int(np.sum(keys == -1))
    controlled = np.asarray(control[()]).reshape(-1).round().astype(np.intp)
    keys = np.where(controlled == -1, -1, keys)
    return keys, int(np.sum(keys == -1))


def _times(keys: NDArray[Any]) -> NDArray[np.float64] | None:
    """When each flat was taken, as a share of the projections before it; None when they are all at one end."""
    before = np.cumsum(keys == 0)[keys == 1]
    times = before / max(np.sum(keys == 0), 1)
    return times if np.ptp(times) > 0 else None
