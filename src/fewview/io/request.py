"""A scan in the making: what the user asked for, and what has been decided so far."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ScanError
from ..frames import FrameSource
from ..geometry import Beam, ParallelBeam
from ..provenance import Provenance
from ..scan import Kind
from .scan_facts import Found, Layout

AngleChoice = str | Path | ArrayLike
FramesChoice = str | Path | NDArray[Any]


@dataclass(frozen=True, eq=False)
class Request:
    """What the user says about a scan; the keywords of :func:`fewview.read_scan`."""

    angles: AngleChoice | None = None
    layout: Layout | None = None
    kind: Kind | None = None
    pixel: float | None = None
    flats: FramesChoice | None = None
    darks: FramesChoice | None = None
    axis: float | None = None
    dataset: str | None = None
    exclude: str | None = None
    reverse_angles: bool = False
    mirror: bool = False
    horizontal_axis: bool = False
    geometry: str | Path | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            require_said(one.name, getattr(self, one.name))

    def given(self) -> set[str]:
        """Names of what the user said."""
        return {one.name for one in fields(self) if getattr(self, one.name) is not one.default}


def require_said(name: str, value: object) -> None:
    """Refuse an empty text, such as a variable of a script that was never set, which could stand for anything.

    Raises
    ------
    ScanError
    """
    if isinstance(value, str) and not value.strip():
        raise ScanError(f"The value of '{name}' is empty.", "Give one, or leave it out.")


def leave_out_as_well(excluded: str, views: str) -> str:
    """The flag that leaves out views ("3,10:20") besides those that the user leaves out already."""
    return f"--exclude {','.join(filter(None, (excluded.strip(' ,;'), views)))}"


@dataclass(eq=False)
class Draft:
    """A scan in the making.

    ``keep`` are the views that are used, of all frames; ``angles`` and ``monitor`` are of all of them.
    ``lacks`` names what keeps it from being one, the gravest first. ``hopeless``: no flag would make it a scan, so
    that what else is missing is not worth saying. ``mirrored``: the columns of the frames were reversed.
    ``open_beside``: the open beam shows beside the sample in all views. ``excluded``: views that the user leaves out.
    """

    path: Path
    found: Found
    frames: FrameSource | None = None
    layout: Layout | None = None
    angles: NDArray[np.float64] | None = None
    keep: NDArray[np.intp] | None = None
    monitor: NDArray[np.float64] | None = None
    flats: FrameSource | None = None
    darks: FrameSource | None = None
    flat_times: NDArray[np.float64] | None = None
    kind: Kind = "counts"
    pixel: float | None = None
    axis: float | None = None
    provenance: dict[str, Provenance] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    lacks: list[ScanError] = field(default_factory=list)
    hopeless: bool = False
    mirrored: bool = False
    open_beside: bool = False
    excluded: str = ""

    def beam(self) -> Beam | None:
        """The geometry of all frames; None where there are none, or no angles.

        Raises
        ------
        ScanError
            It is not possible.
        """
        if self.frames is None or self.angles is None:
            return None
        facts = (self.angles, *self.frames.shape[1:], self.axis, self.pixel)
        return ParallelBeam(*facts) if self.found.fan is None else self.found.fan.beam(*facts, mirror=self.mirrored)

    def refuse(self, problem: str, remedy: str, *, hopeless: bool = False) -> None:
        """Add to what is missing or wrong, unless nothing can help any more.

        Parameters
        ----------
        problem : str
            What is wrong.
        remedy : str
            What to do.
        hopeless : bool, optional
            No flag can help.
        """
        if not self.hopeless:
            self.lacks.append(ScanError(problem, remedy))
        self.hopeless = self.hopeless or hopeless
