"""Raw files of BLISS (ESRF): an entry ``1.1``, ``2.1``, ... per scan, whose titles say darks, flats or projections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AnswerNeeded
from . import names
from .angle_columns import speaks_of_an_angle
from .hdf5 import dangling, listed, members, open_hdf5, reach, unit_of
from .hdf5_frames import HDF5Frames
from .picked import Joined
from .scan_facts import Angles, Found, known_layout
from .units import angle_unit, text

TITLE = "ESRF HDF5"
_ENTRY = re.compile(r"\d+\.\d+")
_PLACES = ("measurement", "instrument", "instrument/positioners")


@dataclass(frozen=True)
class _Entry:
    name: str
    title: str
    role: names.Role
    group: str  # of the frames
    data: str


def recognise(file: Any) -> bool:
    """Whether an open HDF5 file has entries of BLISS, one of them with images."""
    return next(_entries(file), None) is not None


def read(path: Path, dataset: str | None) -> Found:
    """Facts of the one entry with projections, with flats and darks of the others."""
    with open_hdf5(path) as file:
        entries = list(_entries(file))
        scans = [one for one in entries if one.role == "projection"]
        turning = [one for one in scans if _turns(path, file, one)]
        scans = turning or scans
        if dataset is not None:
            scans = [one for one in entries if dataset.strip("/").split("/")[0] == one.name]
        known = listed(f"{one.name} ({one.title or 'no title'})" for one in entries)
        if dataset is not None and not scans:
            raise AnswerNeeded(f"{path.name} has no scan '{dataset}', but {known}.", "Name one with --dataset.")
        if len(scans) != 1:
            raise AnswerNeeded(
                f"{path.name} holds {len(scans)} scans of projections: {known}.", "Name one with --dataset."
            )
        scan = scans[0]
        broken = dangling(file[scan.group], scan.data, path)
        frames = None if broken is not None else HDF5Frames.of(path, file[scan.group], scan.data)
        sources = {
            role: [
                HDF5Frames.of(path, file[one.group], one.data)
                for one in entries
                if one.role == role and frames is not None and file[one.group][one.data].shape[-2:] == frames.shape[1:]
            ]
            for role in ("flat", "dark")
        }
        order = [entries.index(one) > entries.index(scan) for one in entries if one.role == "flat"]
        flats, darks = (Joined(tuple(parts)) if parts else None for parts in sources.values())
        times = [
            float(later) for later, part in zip(order, sources["flat"], strict=False) for _ in range(part.shape[0])
        ]
        return Found(
            TITLE,
            (path,),
            frames,
            known_layout("projections", f"{TITLE}, entry {scan.name}"),
            None if frames is None else _angles(path, file, scan.name, frames.shape[0]),
            flats,
            darks,
            flat_times=np.array(times) if len(set(times)) > 1 else None,
            kind="counts" if flats is not None else None,
            refusal=broken,
        )


def _turns(path: Path, file: Any, one: _Entry) -> bool:
    """Whether a motor turned while the frames were taken."""
    frames = reach(file[one.group], one.data)
    return frames is not None and frames.shape[0] > 2 and _angles(path, file, one.name, frames.shape[0]) is not None


def _entries(file: Any) -> Iterator[_Entry]:
    """Entries with images, in the order of their numbers."""
    import h5py

    for name in sorted(
        (one for one in members(file) if _ENTRY.fullmatch(one)), key=lambda one: [int(i) for i in one.split(".")]
    ):
        entry = reach(file, name)
        title = reach(entry, "title") if isinstance(entry, h5py.Group) else None
        said = text(title[()]) if isinstance(title, h5py.Dataset) else ""
        found = _images(entry) if isinstance(entry, h5py.Group) else None
        if found is not None:
            yield _Entry(name, said, names.role(said), *found)


def _images(entry: Any) -> tuple[str, str] | None:
    """Group and name of the stack of frames: in the measurement, or of a detector."""
    import h5py

    groups = [entry.get("measurement")]
    instrument = reach(entry, "instrument")
    if isinstance(instrument, h5py.Group):
        groups += [reach(instrument, name) for name in members(instrument)]
    for group in groups:
        for name in members(group) if isinstance(group, h5py.Group) else ():
            node = reach(group, name)
            if isinstance(node, h5py.Dataset) and node.ndim == 3 and node.dtype.kind in "iuf":
                return group.name, name
    return None


def _angles(path: Path, file: Any, entry: str, count: int) -> Angles | None:
    """Positions of a motor that turned during the scan, one per frame."""
    import h5py

    for place in _PLACES:
        group = reach(file, f"{entry}/{place}")
        for name in members(group) if isinstance(group, h5py.Group) else ():
            node = reach(group, name)
            node = reach(node, "value") if isinstance(node, h5py.Group) else node
            fits = isinstance(node, h5py.Dataset) and node.size == count and node.dtype.kind in "iuf"
            if fits and speaks_of_an_angle(name):
                values = np.asarray(node[()], dtype=np.float64).reshape(-1)
                return Angles(values, angle_unit(unit_of(node)), f"{path.name} /{entry}/{place}/{name}")
    return None
