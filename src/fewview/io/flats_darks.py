"""Flats and darks of a draft: from the scan's own files, or from those that the user names."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import ScanError
from ..frames import ArrayFrames, FrameSource
from ..provenance import Provenance
from .names import Role
from .numpy_files import as_images
from .registry import find
from .request import Draft, FieldChoice, Request


def add_fields(made: Draft, request: Request, by_pattern: set[Role]) -> None:
    """Add flats and darks; ``by_pattern`` names those that a pattern of the user picked from the scan's folder.

    Raises
    ------
    ScanError
        The files that the user names are not there, or cannot be read.
    """
    made.flats = _choose(made, "flat", "flats", request.flats, made.found.flats, by_pattern)
    made.darks = _choose(made, "dark", "darks", request.darks, made.found.darks, by_pattern)
    if made.flats is not made.found.flats:
        made.flat_times = None
    if made.flats is not None:
        _note_zeros(made, made.flats)


def _choose(
    made: Draft, role: Role, name: str, choice: FieldChoice | None, found: FrameSource | None, by_pattern: set[Role]
) -> FrameSource | None:
    source, how = found, Provenance("read", made.found.format)
    if role in by_pattern:
        how = Provenance("given", f"--{name} {choice}")
        if found is None:
            raise ScanError(f"--{name} {choice}: {made.path.name} has no file of such a name.", "Check the pattern.")
    elif choice is not None:
        source = _frames(choice)
        how = Provenance("given", f"--{name} {choice}" if isinstance(choice, (str, Path)) else "an array")
    if source is None:
        listed = made.found.listed.get(name, 0)
        lost = f"listed by {made.found.format}, their pixels are not there" if listed else f"no {name} in the file"
        made.provenance[name] = Provenance("missing", lost)
        return None
    made.provenance[name] = how
    if made.frames is not None and source.shape[1:] != made.frames.shape[1:]:
        made.refuse(
            f"The {name} are {source.shape[1]} x {source.shape[2]} pixels, the projections of "
            f"{made.path.name} {made.frames.shape[1]} x {made.frames.shape[2]}.",
            f"Give {name} of the same detector window with --{name}.",
        )
    return source


def _frames(choice: FieldChoice) -> FrameSource:
    if isinstance(choice, (str, Path)):
        found = find(Path(choice), patterns={"projection": "*"})  # whatever their names say
        if found.images is None:
            raise found.refusal or ScanError(f"{choice} holds no frames.", "Name a file or folder of frames.")
        return found.images
    return ArrayFrames(as_images(np.asarray(choice), "the array given"))


def _note_zeros(made: Draft, flats: FrameSource) -> None:
    """Say that there are dead pixels; one frame tells, and the preparation counts and masks them."""
    first = flats.read(np.array([0], dtype=np.intp), (0, flats.shape[1]), (0, flats.shape[2]))
    zeros = int(np.sum(~(first > 0)))
    if zeros:
        what = "pixel of the first flat is" if zeros == 1 else "pixels of the first flat are"
        made.notes.append(f"{zeros} {what} zero: masked in the preparation.")
