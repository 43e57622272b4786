"""Flats and darks of a draft: from the scan's own files, or from those that the user names."""

from __future__ import annotations

import glob
import re
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from ..frames import ArrayFrames, FrameSource
from ..provenance import Provenance
from .arrange import turned_frames
from .folder import read_files
from .names import Role
from .numpy_files import as_images
from .registry import find
from .request import Draft, FramesChoice, Request
from .scan_facts import Found

_WITHIN = re.compile(r"(.+\.\w+):/?([^:\\]+)$")  # FILE.h5:/PATH


def add_flats_darks(made: Draft, request: Request, by_pattern: set[Role]) -> None:
    """Add flats and darks; ``by_pattern`` names those that a pattern of the user picked from the scan's folder.

    Parameters
    ----------
    made : Draft
        Is changed.
    request : Request
        What the user says.
    by_pattern : set[Role]
        Flats, darks or both: picked by a pattern from the scan's folder.

    Raises
    ------
    ScanError
        The files that the user names are not there, cannot be read, or hold no flats or darks.
    """
    flats, times = _choose(made, request, "flats", by_pattern)
    darks, _ = _choose(made, request, "darks", by_pattern)
    made.flats, made.darks, made.flat_times = flats, darks, times
    if made.flats is not None:
        _note_zeros(made, made.flats)


Times = NDArray[np.float64] | None


def _choose(
    made: Draft, request: Request, name: Literal["flats", "darks"], by_pattern: set[Role]
) -> tuple[FrameSource | None, Times]:
    choice = request.flats if name == "flats" else request.darks
    source: FrameSource | None = getattr(made.found, name)
    times, how = made.found.flat_times, Provenance("read", made.found.format)
    if name[:-1] in by_pattern:
        how = Provenance("given", f"--{name} {choice}")
        if source is None:
            raise ScanError(f"--{name} {choice}: {made.path.name} has no file of such a name.", "Check the pattern.")
    elif choice is not None:
        source, times = _frames(choice, name)
        how = Provenance("given", f"--{name} {choice}" if isinstance(choice, (str, Path)) else "an array")
    if source is None:
        listed = made.found.listed.get(name, 0)
        lost = f"listed by {made.found.format}, their pixels are not there" if listed else f"no {name} in the file"
        made.provenance[name] = Provenance("missing", lost)
        return None, None
    made.provenance[name] = how
    source = turned_frames(source, request)
    if made.frames is not None and source.shape[1:] != made.frames.shape[1:]:
        made.refuse(
            f"The {name} are {source.shape[1]} x {source.shape[2]} pixels, the projections of "
            f"{made.path.name} {made.frames.shape[1]} x {made.frames.shape[2]}.",
            f"Give {name} of the same detector window with --{name}.",
        )
    return source, times


def _frames(choice: FramesChoice, name: Literal["flats", "darks"]) -> tuple[FrameSource, Times]:
    """Frames that the user names: a scan stands for its own flats or darks, anything else for its images."""
    if not isinstance(choice, (str, Path)):
        return ArrayFrames(as_images(np.asarray(choice), "the array given")), None
    path, dataset = _named(str(choice))
    if not path.exists() and glob.has_magic(str(path)):
        files = [Path(file) for file in glob.glob(str(path))]
        if not files:
            raise ScanError(f"--{name} {choice}: there is no file of such a name.", "Check the pattern.")
        return read_files(files), None
    if path.is_dir():
        found = find(path, patterns={"projection": "*"})  # whatever their names say
    else:
        found = find(path, dataset)
    stored: FrameSource | None = getattr(found, name)
    if stored is not None and dataset is None:
        return stored, found.flat_times if name == "flats" else None
    if found.images is None:
        raise found.refusal or ScanError(f"{choice} holds no frames.", "Name a file or folder of frames.")
    if dataset is None:
        _refuse_a_scan(found, path, name)
    return found.images, None


def _named(choice: str) -> tuple[Path, str | None]:
    """A file and the dataset in it, as FILE:/PATH."""
    match = _WITHIN.match(choice)
    if match is None or Path(choice).exists() or not Path(match[1]).is_file():
        return Path(choice), None
    return Path(match[1]), match[2]


def _refuse_a_scan(found: Found, path: Path, name: str) -> None:
    """A scan without flats was named for flats: its projections are none."""
    if found.angles is None or found.images is None or len(found.angles.values) < 3:
        return
    if path.is_file() and found.format not in ("TIFF", "FITS"):
        raise ScanError(
            f"{path.name} is a scan ({found.images.shape[0]} images with angles) without {name} of its own.",
            f"Name a file or folder of {name}, or a dataset in it as --{name} {path.name}:/PATH.",
        )


def _note_zeros(made: Draft, flats: FrameSource) -> None:
    """Say that there are dead pixels; one frame tells, and the preparation counts and masks them.

    Of a pixel where it holds no number, the next one tells.
    """
    first = np.full((1, *flats.shape[1:]), np.nan, np.float32)
    for index in range(flats.shape[0]):
        unknown = ~np.isfinite(first)
        if not unknown.any():
            break
        frame = flats.read(np.array([index], dtype=np.intp), (0, flats.shape[1]), (0, flats.shape[2]))
        first[unknown] = frame[unknown]
    zeros = int(np.sum(~(first > 0)))
    if zeros:
        what = "pixel of the first flat is" if zeros == 1 else "pixels of the first flat are"
        nothing = "zero" if np.isfinite(first).all() else "zero or no number"
        made.notes.append(f"{zeros} {what} {nothing}: masked in the preparation.")
