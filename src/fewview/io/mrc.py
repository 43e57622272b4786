"""MRC stacks of electron tomography; the tilts lie in a text file beside (.tlt, .rawtlt). Read with mrcfile."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from ..frames import ArrayFrames
from ..provenance import Provenance
from .angle_log import read_angle_file
from .damaged import reading
from .extras import require
from .scan_facts import Angles, Found

TITLE = "MRC"


def starts(head: bytes) -> bool:
    """Whether a file begins like MRC: the map's mark at byte 208."""
    return head[208:212] == b"MAP "


def read(path: Path) -> Found:
    """Facts of an MRC stack.

    Raises
    ------
    ScanError
        Damaged, or mrcfile is not installed.
    """
    mrcfile = require("mrcfile", path.name, TITLE)
    with reading(path, TITLE), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a file that is longer than its header says
        file = mrcfile.mmap(path, mode="r")
    array = file.data if file.data.ndim == 3 else file.data[None]
    size = float(file.voxel_size.x)  # Angstrom
    pixel = None if size <= 0 else (size * 1e-7, Provenance("read", f"{path.name}, header"))
    return Found(TITLE, (path,), ArrayFrames(array[:, ::-1]), angles=_tilts(path, len(array)), pixel=pixel)


def _tilts(path: Path, count: int) -> Angles | None:
    for ending in (".tlt", ".rawtlt"):
        beside = path.with_suffix(ending)
        if beside.is_file():
            found = read_angle_file(beside)
            return Angles(np.asarray(found.values[:count]), "degrees", beside.name)
    return None
