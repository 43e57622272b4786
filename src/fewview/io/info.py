"""``inspect``: all that is known about a scan file, what was assumed and what is missing. Behind ``fewview info``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from ..geometry import HALF_TURN, ParallelBeam, duplicate_views
from .assemble import draft
from .read import scan_of
from .request import Draft, Request
from .units import AngleUnit

LISTED = 4  # duplicates told one by one
_FEW_PIXELS = 1.2e5  # of a detector whose views are prepared only to tell the axis
_VIEWS = 64  # of them that tell it well enough


@dataclass(frozen=True)
class AngleFacts:
    """Angles of a scan, in degrees.

    ``start`` and ``stop`` are those of the first and last view, ``low`` and ``high`` the smallest and largest;
    ``step`` is the median distance of neighbours; ``irregular`` when some distances differ from it by over 5 %.
    """

    count: int
    start: float
    stop: float
    low: float
    high: float
    step: float
    irregular: bool
    unit_in_file: AngleUnit | None
    origin: str


@dataclass(frozen=True)
class Missing:
    """One thing that is missing or wrong, and what to do about it."""

    problem: str
    remedy: str


@dataclass(frozen=True)
class ScanInfo:
    """What is known about a scan file or folder.

    Parameters
    ----------
    path, format : str
    ready : bool
        Whether the scan can be reconstructed as it is.
    hopeless : bool
        Whether no flag would make it a scan that can be.
    shape : (int, int, int) or None
        Views, detector rows, detector columns.
    dtype : str or None
        On disk.
    file_bytes, files : int
        Size of all files read, and how many.
    layout, kind : str or None
    angles : AngleFacts or None
    flats, darks : int
        Number of frames; those that the file lists, where its pixels are not there.
    beam : str
        How the rays run, in words.
    axis : float or None
        0-based column, where the file or the user says it.
    pixel_mm : float or None
    duplicates : list of (int, int)
        Pairs of views that measure the same lines (0 and 180, 0 and 360 degrees).
    provenance : mapping of str to str
        How each value came to be.
    assumed : list of str
        Names of the values that were assumed.
    missing : list of Missing
        What keeps the scan from being reconstructed.
    notes : list of str
    """

    path: str
    format: str
    ready: bool
    hopeless: bool
    shape: tuple[int, int, int] | None
    dtype: str | None
    file_bytes: int
    files: int
    layout: str | None
    kind: str | None
    angles: AngleFacts | None
    flats: int
    darks: int
    beam: str
    axis: float | None
    pixel_mm: float | None
    duplicates: list[tuple[int, int]]
    provenance: dict[str, str]
    assumed: list[str]
    missing: list[Missing]
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Text for people, one fact per line."""
        size = f"{self.files} files, " if self.files > 1 else ""
        out = [f"{self.path}", f"  format      {self.format} ({size}{self.file_bytes / 1e6:.1f} MB)"]
        if self.shape is not None:
            views, rows, columns = self.shape
            out.append(f"  shape       {views} views of {rows} x {columns} pixels, {self.dtype}")
        if self.angles is not None:
            a = self.angles
            uneven = ", irregular" if a.irregular else ""
            ends = f"{a.count}: {a.start:.6g} to {a.stop:.6g} deg"
            if {a.start, a.stop} != {a.low, a.high}:
                ends = f"{a.count}, not in order: within {a.low:.6g} to {a.high:.6g} deg"
            out.append(f"  angles      {ends}, step {a.step:.4g} deg{uneven}")
            out.append(f"{'':14}({a.origin})")
        if self.layout is not None:
            out.append(f"  layout      {self.layout} ({self.provenance['layout']})")
        if self.kind is not None:
            out.append(f"  kind        {self.kind} ({self.provenance['kind']})")
        for name, count in (("flats", self.flats), ("darks", self.darks)):
            out.append(f"  {name:12}{f'{count} ({self.provenance[name]})' if count else 'none'}")
        out.append(f"  beam        {self.beam}")
        axis = "" if self.axis is None else f"column {self.axis:g}, "
        pixel = "" if self.pixel_mm is None else f"{self.pixel_mm:g} mm, "
        out.append(f"  axis        {axis}{self.provenance['axis']}")
        out.append(f"  pixel size  {pixel}{self.provenance['pixel']}")
        for first, later in self.duplicates[:LISTED]:
            out.append(f"  duplicate   views {first} and {later} measure the same lines")
        if len(self.duplicates) > LISTED:
            out.append(f"{'':14}and {len(self.duplicates) - LISTED} more pairs")
        out += [f"  note        {note}" for note in self.notes]
        if self.assumed:
            out.append(f"  ASSUMED     {', '.join(self.assumed)}: check, or say with the flags")
        out += [f"  MISSING     {one.problem}\n{'':14}{one.remedy}" for one in self.missing]
        return [*out, "  ready to reconstruct" if self.ready else "  not ready to reconstruct"]


def inspect(path: str | Path, *, find_axis: bool = False, **said: Any) -> ScanInfo:
    """Facts about a scan, also where it cannot be reconstructed.

    Parameters
    ----------
    path : str or Path
        File or folder.
    find_axis : bool
        Look for an unknown rotation axis in the data, as a reconstruction does, unless the scan is large.
    **said
        What the user says of the scan: the keywords of :func:`fewview.read_scan`.

    Raises
    ------
    ScanError
        Nothing can be said at all: no such file, damaged, of no known format, several scans.
    """
    made = draft(path, Request(**said))
    lacks = [*made.lacks, *_lacks_of_counts(made)]
    if find_axis and not lacks and made.axis is None:
        _find_axis(made)
        lacks = made.lacks
    files = [file for file in made.found.paths if file.is_file()]
    return ScanInfo(
        path=str(path),
        format=made.found.format,
        ready=not lacks,
        hopeless=made.hopeless,
        shape=_shape(made),
        dtype=None if made.found.images is None else made.found.images.dtype.name,
        file_bytes=sum(file.stat().st_size for file in files),
        files=len(files),
        layout=made.layout,
        kind=made.kind if "kind" in made.provenance else None,
        angles=_angle_facts(made),
        flats=_number(made, "flats"),
        darks=_number(made, "darks"),
        beam=_beam(made),
        axis=made.axis,
        pixel_mm=made.pixel,
        duplicates=_duplicates(made),
        provenance={name: str(origin) for name, origin in made.provenance.items()},
        assumed=[name for name, origin in made.provenance.items() if origin.how == "assumed"],
        missing=[Missing(lack.problem, lack.remedy) for lack in lacks],
        notes=made.notes,
    )


def _lacks_of_counts(made: Draft) -> Iterable[ScanError]:
    """Counts without flats may be read and looked at, but not reconstructed."""
    if made.frames is not None and not made.hopeless and made.kind == "counts" and made.flats is None:
        remedy = "Give open-beam frames with --flats FILE, or say --kind transmission or --kind attenuation."
        if made.open_beside:
            remedy = (
                "Give open-beam frames with --flats FILE; or say --kind transmission --prepare dose=edges: the open "
                "beam beside the sample then stands for them."
            )
        problem = f"{made.path.name} holds raw counts ({made.provenance['kind'].where}) and there are no flats."
        yield ScanError(problem, remedy)


def _beam(made: Draft) -> str:
    try:
        beam = made.beam()
    except ScanError as error:  # told among what is missing
        return error.problem
    if beam is not None:
        return beam.description()
    return "unknown" if made.found.fan is None else "fan"


def _find_axis(made: Draft) -> None:
    """What a reconstruction would take for the axis, give or take a tenth of a column.

    It costs a look at many pixels, so a large scan is spared; that of a fan beam takes reconstructions to find.
    """
    scan = scan_of(made)
    if not isinstance(scan.geometry, ParallelBeam) or scan.geometry.rows * scan.geometry.columns > _FEW_PIXELS:
        return
    if scan.views > _VIEWS:
        scan = scan.sparse(_VIEWS)
    try:
        lines = scan.line_integrals()
    except ScanError as error:  # what a reconstruction would end with
        made.lacks.append(error)
        return
    made.axis, made.provenance["axis"] = lines.geometry.axis, lines.provenance["axis"]
    made.notes += [note for note in lines.notes if note not in made.notes]


def _number(made: Draft, name: Literal["flats", "darks"]) -> int:
    frames = made.flats if name == "flats" else made.darks
    return made.found.listed.get(name, 0) if frames is None else frames.shape[0]


def _shape(made: Draft) -> tuple[int, int, int] | None:
    """Of the views that are used."""
    if made.frames is None:
        return None
    views, rows, columns = made.frames.shape
    return views if made.keep is None else len(made.keep), rows, columns


def _angles(made: Draft) -> NDArray[np.float64] | None:
    """Of the views that are used; None where they are not known."""
    if made.angles is None or not len(made.angles):
        return None
    used = made.angles if made.keep is None else made.angles[made.keep]
    return used if np.all(np.isfinite(used)) else None


def _duplicates(made: Draft) -> list[tuple[int, int]]:
    angles = _angles(made)
    period = HALF_TURN if made.found.fan is None else 2 * HALF_TURN
    return [] if angles is None else duplicate_views(angles, period)


def _angle_facts(made: Draft) -> AngleFacts | None:
    angles = _angles(made)
    if angles is None:
        return None
    gaps = np.diff(np.sort(angles))
    gaps = gaps[gaps > 1e-9]
    step = float(np.median(gaps)) if len(gaps) else 0.0
    return AngleFacts(
        count=len(angles),
        start=math.degrees(angles[0]),
        stop=math.degrees(angles[-1]),
        low=math.degrees(angles.min()),
        high=math.degrees(angles.max()),
        step=math.degrees(step),
        irregular=bool(np.any(np.abs(gaps - step) > 0.05 * step)),
        unit_in_file=None if made.found.angles is None else made.found.angles.unit,
        origin=str(made.provenance["angles"]),
    )
