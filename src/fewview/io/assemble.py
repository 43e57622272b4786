"""From what a file says and what the user adds to a scan, or to the list of what is still missing.

``read_scan`` raises the first thing that is missing; ``inspect`` shows them all. Both stand on the same draft.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import AnswerNeeded, ScanError
from ..geometry import FanBeam
from ..provenance import Provenance
from ..scan.advice import without_given
from . import kind as kind_rules
from .arrange import arrange
from .fan import cone_note
from .flats_darks import add_flats_darks
from .geometry_file import with_geometry
from .look import look
from .names import Role
from .registry import find
from .request import Draft, FramesChoice, Request, require_said


def draft(path: str | Path, request: Request) -> Draft:
    """Read the headers and decide.

    Raises
    ------
    ScanError
        Nothing can be said about the file at all: missing, damaged, unknown.
    """
    require_said("path", path)
    path = Path(path)
    patterns: dict[Role, str] = {}
    choices: tuple[tuple[Role, FramesChoice | None], ...] = (("flat", request.flats), ("dark", request.darks))
    for role, choice in choices:
        if isinstance(choice, str) and path.is_dir() and "/" not in choice and not Path(choice).exists():
            patterns[role] = choice
    found = find(path, request.dataset, patterns)
    if request.geometry is not None:
        found, reversed_ = with_geometry(found, Path(request.geometry))
        request = replace(request, mirror=request.mirror != reversed_)
    made = Draft(path, found, notes=list(found.notes), monitor=found.monitor)
    made.excluded = request.exclude or ""
    made.mirrored = request.mirror
    if found.refusal is not None:
        made.lacks.append(found.refusal)
        made.hopeless = not isinstance(found.refusal, AnswerNeeded)
    arrange(made, request)
    add_flats_darks(made, request, set(patterns))
    _numbers(made, request)
    _beam(made)
    if made.frames is not None:
        _kind(made, request)
        look(made)
    made.notes = without_given(made.notes, request.given())
    return made


def _numbers(made: Draft, request: Request) -> None:
    given: tuple[tuple[str, float | None, tuple[float, Provenance] | None, str], ...] = (
        ("pixel", request.pixel, made.found.pixel, "values are per pixel; --pixel gives it in mm"),
        ("axis", request.axis, made.found.axis, "found from the data when reconstructing"),
    )
    for name, choice, found, missing in given:
        if choice is not None:
            setattr(made, name, float(choice))
            made.provenance[name] = Provenance("given", f"--{name} {choice:g}")
        elif found is not None and (why := _impossible(made, name, found[0])):
            made.provenance[name] = Provenance("missing", missing)
            made.notes.append(f"{found[1].where}, says {found[0]:g}, which is {why}: it is not used ({missing}).")
        elif found is not None:
            setattr(made, name, found[0])
            made.provenance[name] = found[1]
            if name == "axis" and request.mirror and made.frames is not None:
                made.axis = made.frames.shape[2] - 1 - found[0]
        else:
            made.provenance[name] = Provenance("missing", missing)


def _impossible(made: Draft, name: str, value: float) -> str:
    """Why a number that a file holds cannot be the pixel size or the axis; empty where it can."""
    if name == "pixel":
        return "" if 0 < value < np.inf else "no size of a pixel"
    last = np.inf if made.frames is None else made.frames.shape[2] - 1
    return "" if 0 <= value <= last else f"no column of the detector (0 to {last:g})"


def _beam(made: Draft) -> None:
    """Provenance of the beam; whether it can be, and which rows of a cone beam a fan beam is right for."""
    if made.found.fan is not None:
        made.provenance["beam"] = made.found.fan.where
        if made.pixel is None:
            made.refuse(
                f"{made.path.name} is a fan-beam scan and does not say how large a detector pixel is.",
                "Give the size in mm with --pixel SIZE.",
            )
            return
    try:
        beam = made.beam()
    except ScanError as error:  # a pixel or distances that cannot be
        made.refuse(error.problem, error.remedy)
        return
    if isinstance(beam, FanBeam) and beam.rows > 1 and (note := cone_note(beam)):
        made.notes.append(note)


def _kind(made: Draft, request: Request) -> None:
    assert made.frames is not None
    values = kind_rules.sample(made.frames)
    if kind_rules.swapped(values, made.frames.dtype):
        made.refuse(
            f"The pixels of {made.path.name} look byte-swapped: they are smooth only in the other byte order.",
            "Save the file again with the right byte order (endian).",
        )
    if request.kind is not None:
        made.kind, made.provenance["kind"] = request.kind, Provenance("given", f"--kind {request.kind}")
    elif made.found.kind is not None:
        made.kind, made.provenance["kind"] = made.found.kind, Provenance("read", made.found.format)
    else:
        made.kind, reason = kind_rules.guess_kind(values, made.frames.dtype, made.flats is not None)
        made.provenance["kind"] = Provenance("assumed", reason)
    note = kind_rules.scale_note(values, made.kind)
    if note is not None:
        made.notes.append(note)
