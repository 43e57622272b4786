"""Where the viewer puts the files that it writes unasked: beside the scan, where they are found again."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ...samples import FOLDER

HOME = Path.home() / ".fewview"  # where the place beside the scan is not ours to write to

_DATASET = re.compile(r"(\.\w+):/[^:]*$")  # behind the name of an HDF5 file; not the colon of a drive


def on_disk(path: str | Path) -> Path:
    """File or folder of a scan or volume, without the dataset that may be named behind it."""
    return Path(_DATASET.sub(r"\1", str(path)))


def place_of(scan: str) -> Path:
    """The folder of what belongs to a scan, whether it is there or not: ``tooth.fewview`` beside ``tooth.h5``.

    A scan that lies where one must not write, or among the samples of the package, has its folder below the user's
    home; so has what belongs to no scan.
    """
    path = Path(scan)
    if not scan:
        return HOME / "layers"
    if FOLDER in path.parents or not os.access(path.parent, os.W_OK):
        return HOME / f"{path.stem}.fewview"
    return path.with_name(f"{path.stem}.fewview")


def folder_of(scan: str) -> Path:
    """:func:`place_of`, made when it is not there."""
    place = place_of(scan)
    place.mkdir(parents=True, exist_ok=True)
    return place
