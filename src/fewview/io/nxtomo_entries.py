"""Which detector of which entry of an NXtomo file is the scan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AnswerNeeded
from .hdf5 import dangling, listed, members, reach


@dataclass(frozen=True)
class Detector:
    """A stack of frames and the keys that say what each of them is.

    Parameters
    ----------
    entry : str
        Path of the entry, without a leading slash.
    group : str
        Path of the group of frames and keys.
    broken : bool
        Whether the frames are a link that leads nowhere.
    """

    entry: str
    group: str
    broken: bool

    @property
    def name(self) -> str:
        """Path of the frames, without a leading slash."""
        return f"{self.group}/data".strip("/")

    @property
    def keys(self) -> str:
        """Path of ``image_key``."""
        return f"{self.group}/image_key"


def detectors(file: Any) -> Iterator[Detector]:
    """All stacks with an ``image_key``; beamlines nest the NXtomo part one level down (GDA)."""
    for top in _groups(file):
        for entry in (top, *_groups(top)):
            instrument = reach(entry, "instrument")
            if instrument is None or not hasattr(instrument, "keys"):
                continue
            groups = [*_groups(instrument), *(group for group in _groups(entry) if group.name != instrument.name)]
            for group in groups:
                if "image_key" in group and group.get("data", getlink=True) is not None:
                    broken = dangling(group, "data", Path(file.filename)) is not None
                    yield Detector(entry.name.strip("/"), group.name, broken)


def with_projections(file: Any, one: Detector) -> bool:
    """Whether any frame is one."""
    return bool(np.any(np.asarray(file[one.keys][()]).round() == 0))


def chosen(path: Path, file: Any, every: list[Detector], dataset: str | None) -> Detector:
    """The detector that the user names, else the only one that is there and has projections.

    Parameters
    ----------
    path : Path
        Of the file, for messages.
    file : Any
        Open.
    every : list of Detector
        Detectors that it holds.
    dataset : str or None
        What the user names.

    Returns
    -------
    Detector
        With frames that can be read, where there is one.

    Raises
    ------
    ScanError
        None of that name, or several.
    """
    candidates = every
    if dataset is not None:
        wanted = dataset.strip("/")
        candidates = [
            one
            for one in every
            if wanted in (one.entry, one.name, one.group.strip("/")) or f"{one.name}/".startswith(f"{wanted}/")
        ]
        candidates = candidates or [one for one in every if wanted.startswith(f"{one.entry}/")]
        if not candidates:
            known = listed(one.name for one in every)
            raise AnswerNeeded(
                f"{path.name} has no NXtomo entry '{dataset}', but {known}.", "Name one with --dataset ENTRY."
            )
    there = [one for one in candidates if not one.broken] or candidates[:1]
    first = [one for i, one in enumerate(there) if one.group not in {other.group for other in there[:i]}]
    if len(first) > 1:
        first = [one for one in first if with_projections(file, one)] or first
    entries = {one.entry for one in first}
    if len(entries) > 1:
        problem = f"{path.name} holds {len(entries)} scans: {listed(one.entry for one in first)}."
        raise AnswerNeeded(problem, "Name one with --dataset ENTRY.")
    if not _are_links(file, first):
        raise AnswerNeeded(
            f"{path.name} holds the frames of several detectors: {listed(sorted(one.name for one in first))}.",
            "Name one with --dataset.",
        )
    return first[0]


def _are_links(file: Any, every: list[Detector]) -> bool:
    """Whether all are the same frames: NXdata links to those of the NXdetector."""
    first, *others = [reach(file, one.name) for one in every]
    return all(node is not None and node == first for node in others)


def _groups(group: Any) -> list[Any]:
    """Groups in a group, without the links that lead nowhere."""
    import h5py

    found = [reach(group, name) for name in members(group)]
    return [node for node in found if isinstance(node, h5py.Group)]
