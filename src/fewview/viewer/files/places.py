"""Where the viewer puts the files that it writes unasked: beside the scan, where they are found again."""

from __future__ import annotations

import os
from pathlib import Path

from ...samples import FOLDER

HOME = Path.home() / ".fewview"  # where the place beside the scan is not ours to write to


def folder_of(scan: str) -> Path:
    """The folder of what belongs to a scan: ``tooth.fewview`` beside ``tooth.h5``; made when it is not there.

    A scan that lies where one must not write, or among the samples of the package, has its folder below the user's
    home; so has what belongs to no scan.
    """
    path = Path(scan)
    beside = path.with_name(f"{path.stem}.fewview") if scan else HOME / "layers"
    if scan and (FOLDER in path.parents or not os.access(path.parent, os.W_OK)):
        beside = HOME / f"{path.stem}.fewview"
    beside.mkdir(parents=True, exist_ok=True)
    return beside
