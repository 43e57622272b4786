"""An angle for each view: from what the user says, else from what the file says, checked in either case."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from ..provenance import Provenance
from . import angles as rules
from .angle_log import read_angle_file
from .checks.angles import HALF, absurd, judge, settle_unit, typical_step
from .image_numbers import gaps_in_words, missing
from .kind import sample
from .request import Draft, Request, leave_out_as_well
from .scan_facts import Angles
from .units import RADIANS

Span = tuple[float, float, bool]  # start and stop in degrees, and whether stop is a view


def chosen_angles(made: Draft, request: Request) -> tuple[Angles | None, Span | None]:
    """Angles as the user or the file says them, or the range that the user gives."""
    choice = request.angles
    if choice is None:
        return made.found.angles, None
    if isinstance(choice, (str, Path)):
        span = rules.parse_range(str(choice))
        return (None, span) if span else (read_angle_file(Path(choice)), None)
    return Angles(np.asarray(choice, dtype=np.float64).reshape(-1), "radians", "the angles given"), None


def fit_angles(made: Draft, request: Request, stored: Angles | None, span: Span | None) -> None:
    """Give the draft its angles, in radians, or say what keeps it from having them.

    Parameters
    ----------
    made : Draft
        Is changed.
    request : Request
        What the user says.
    stored : Angles or None
        Angles that the file holds.
    span : Span or None
        Those that it names by start and stop.
    """
    views = None if made.frames is None else made.frames.shape[0]
    gap = None if views is None else missing(made.found.names, made.found.other_names)
    if gap is not None:
        made.notes.append(gaps_in_words(made.found.names, gap[0]))
    if span is not None and views is not None:
        _spread(made, span, views, gap)
    elif stored is not None:
        _fit(made, request, _of_views(made, stored, views), views, gap)
    else:
        made.provenance["angles"] = Provenance("missing", made.found.no_angles or "the file says nothing")
        _refuse_without_angles(made)
    if request.reverse_angles and made.angles is not None:
        made.angles = -made.angles
        how = made.provenance["angles"]
        made.provenance["angles"] = replace(how, where=f"{how.where}, sense of rotation reversed")
    made.keep = None if views is None else _kept(request.exclude, views)
    _check(made, request, given=request.angles is not None and stored is None)


def _of_views(made: Draft, stored: Angles, views: int | None) -> Angles:
    """The source of angles whose number fits, the first where none does; what the others say is compared."""
    if views is None or stored is not made.found.angles:
        return stored
    fitting = [one for one in (stored, *made.found.more_angles) if len(one.values) == views]
    return fitting[0] if fitting else stored


def _spread(made: Draft, span: Span, views: int, gap: tuple[NDArray[np.int64], int, int] | None) -> None:
    said = f"--angles {span[0]:g}:{span[1]:g}{':endpoint' if span[2] else ''}"
    if gap is None:
        made.angles = rules.spread(*span, views)
        made.provenance["angles"] = Provenance("given", f"{said}, {views} equal steps")
    else:
        places, total, _ = gap
        made.angles = rules.spread(*span, total)[places]
        where = f"{said}, {total} equal steps of which the {views} images have theirs by their numbers"
        made.provenance["angles"] = Provenance("assumed", where)
    if rules.like_radians(span[1] - span[0]):
        made.notes.append(f"{said}: an arc of {span[1] - span[0]:.4g} degrees. Are the angles in radians?")


def _fit(
    made: Draft, request: Request, stored: Angles, views: int | None, gap: tuple[NDArray[np.int64], int, int] | None
) -> None:
    """Stored angles in radians, one per view; what does not fit is refused, unless it explains itself."""
    values, given = stored.values, request.angles is not None
    doubts = [stored.doubt] if stored.doubt else []
    picks = None if views is None else _picks(made, stored, views, gap, doubts)
    if picks is None and views is not None:
        made.provenance["angles"] = Provenance("missing", f"{len(values)} angles for {views} projections")
        made.refuse(
            f"{stored.where} holds {len(values)} angles for the {views} projections of {made.path.name}."
            f"{_hole(values)}",
            "Flats and darks may have lines of their own, or frames may be missing: leave the lines of the "
            "projections in the log, or give --angles START:STOP.",
        )
        return
    if picks is not None:
        values = values[picks]
        if stored.monitor is not None:
            made.monitor = stored.monitor[picks] / stored.monitor[picks].mean()
    unit = stored.unit
    if len(known := values[np.isfinite(values)]):
        unit, why = settle_unit(known, stored.unit)
        doubts = [f"taken for {unit}: {why}", *doubts] if why else doubts
    made.notes += stored.notes
    radians = values * RADIANS[unit or "degrees"]
    others = _disagreement(made, stored, radians)
    doubts += [] if given else others  # the user has said which is right
    how = Provenance("given" if given else "read", f"{stored.where}, {unit or 'no unit'}")
    if doubts:
        how = Provenance("assumed", f"{stored.where}, {'; '.join(doubts)}")
    made.provenance["angles"], made.angles = how, radians


def _picks(
    made: Draft,
    stored: Angles,
    views: int,
    gap: tuple[NDArray[np.int64], int, int] | None,
    doubts: list[str],
) -> NDArray[np.intp] | None:
    """Which of the angles belong to the views, in their order; None when that cannot be told."""
    by_name = {Path(name).stem.lower(): i for i, name in enumerate(stored.images)}
    names = [Path(name).stem.lower() for name in made.found.names]
    if len(names) == views and by_name and all(name in by_name for name in names):
        return np.array([by_name[name] for name in names], dtype=np.intp)
    count = len(stored.values)
    if count == views:
        return np.arange(views)
    if gap is not None and count == gap[1]:
        doubts.append(f"{count} angles of which the {views} images have theirs by their numbers")
        return gap[0].astype(np.intp)
    trimmed = rules.trim_repeats(stored.values, views)
    if trimmed is None:
        return None
    _, before, after = trimmed
    made.notes.append(
        f"{stored.where} holds {count} angles for {views} projections: the first {before} and "
        f"the last {after} repeat the end positions (flats and darks) and are left out."
    )
    return np.arange(before, count - after)


def _hole(values: NDArray[np.float64]) -> str:
    """Where a log leaves out an angle, told by a step twice as wide as the others."""
    if len(values) < 4 or not np.all(np.isfinite(values)):
        return ""
    steps = np.diff(values)
    usual = float(np.median(steps))
    wide = np.flatnonzero(steps / usual > 1.6) if usual else np.array([])
    if not 0 < len(wide) <= 3:
        return ""
    return " " + " ".join(
        f"It jumps from {values[i]:g} to {values[i + 1]:g} after its angle {i + 1}, which leaves something out."
        for i in wide
    )


def _disagreement(made: Draft, used: Angles, radians: NDArray[np.float64]) -> list[str]:
    """What other sources of as many angles say, where it is something else."""
    doubts = []
    tolerance = max(0.5 * typical_step(radians), np.radians(0.1))
    for other in (made.found.angles, *made.found.more_angles):
        if other is None or other is used or len(other.values) != len(radians) or not np.all(np.isfinite(other.values)):
            continue
        unit, _ = settle_unit(other.values, other.unit)
        apart = np.abs(np.angle(np.exp(1j * (other.values * RADIANS[unit] - radians))))
        if np.any(apart > tolerance):
            first, last = np.degrees(other.values[[0, -1]] * RADIANS[unit])
            most = np.degrees(apart.max())
            made.notes.append(
                f"{used.where} and {other.where} disagree on the angles by up to {most:.3g} degrees: "
                f"the latter says {first:g} to {last:g}. Say which is right with --angles FILE or START:STOP."
            )
            doubts.append(f"although {other.where} says something else")
    return doubts


def _kept(exclude: str | None, views: int) -> NDArray[np.intp] | None:
    """Views that are not excluded; ``exclude`` lists views from 0, single ones and ranges ``A:B`` without B."""
    if exclude is None:
        return None
    keep = np.ones(views, dtype=bool)
    for part in filter(None, re.split(r"[,;\s]+", exclude)):
        match = re.fullmatch(r"(\d+)(?::(\d+))?", part)
        first = int(match[1]) if match else views
        stop = int(match[2]) if match and match[2] else first + 1
        if match is None or not first < stop <= views:
            raise ScanError(
                f"--exclude {part} names no views of this scan, which are 0 to {views - 1}.",
                "List views and ranges, for instance 3,7,10:20 (10 to 19).",
            )
        keep[first:stop] = False
    if not keep.any():
        raise ScanError(f"--exclude {exclude} leaves no view.", "Leave out fewer views.")
    return np.flatnonzero(keep)


def _enough(made: Draft, request: Request) -> float:
    """Arc in degrees that sees an edge in every direction: half a turn, and the opening of a fan beyond it."""
    pixel = request.pixel or (None if made.found.pixel is None else made.found.pixel[0])
    if made.found.fan is None or made.frames is None or pixel is None:
        return HALF
    return HALF + made.found.fan.opening(made.frames.shape[2] * pixel)


def _check(made: Draft, request: Request, *, given: bool) -> None:
    """Angles of the views that are used: not numbers, never written, or such as no scan has."""
    if made.angles is None:
        return
    how = made.provenance["angles"]
    kept = np.arange(len(made.angles)) if made.keep is None else made.keep
    angles = made.angles[kept]
    made.angles = np.where(np.isin(np.arange(len(made.angles)), kept), made.angles, 0.0)  # others may be anything
    bad = kept[~np.isfinite(angles)]
    if len(bad):
        which = ",".join(map(str, bad[:20]))
        remedy = f"Leave it out with {leave_out_as_well(made.excluded, which)}, or give all angles: {rules.FLAG}"
        made.angles = None  # no beam has them
        made.refuse(f"{how.where}: the angle of view {bad[0]} is not a number ({len(bad)} such).", remedy)
        return
    if len(angles) > 1 and np.ptp(angles) == 0:
        same = f"all {len(angles)} views have the same angle ({np.degrees(angles[0]):g} degrees)"
        made.refuse(f"{how.where}: {same}.", rules.FLAG)
        return
    if why := absurd(np.degrees(angles)):
        made.angles = None  # no beam has them
        made.refuse(f"{how.where}: {why}.", rules.FLAG)
        return
    verdict = judge(np.degrees(angles), _enough(made, request), kept, made.excluded)
    made.notes += verdict.notes
    if given:
        return
    if verdict.question:
        made.provenance["angles"] = Provenance("assumed", f"{how.where}; {verdict.question}")
        made.refuse(f"{how.where}: {verdict.question}.", rules.FLAG)
    elif verdict.doubt:
        made.provenance["angles"] = Provenance("assumed", f"{how.where}; {verdict.doubt}")
        made.notes.append(f"The angles may be wrong: {verdict.doubt}.")


def _refuse_without_angles(made: Draft) -> None:
    if made.found.no_angles:
        made.refuse(made.found.no_angles, rules.FLAG)
        return
    if made.frames is None:
        made.refuse(f"{made.path.name} says no angles.", rules.FLAG)
        return
    views, rows, columns = made.frames.shape
    if views == 1:
        made.refuse(
            f"{made.path.name} holds a single projection of {rows} x {columns} pixels: a radiograph, not a scan.",
            "Name the folder or file with all projections.",
            hopeless=True,
        )
    elif made.found.flats is None and (classes := _classes(sample(made.frames))):
        made.refuse(
            f"{made.path.name} ({views} x {rows} x {columns}) holds only {classes}: a segmented volume, not a scan.",
            "Give it as --reference or --aux.",
            hopeless=True,
        )
    else:
        made.refuse(f"{made.path.name} says no angles for its {views} views.", rules.FLAG)


def _classes(values: NDArray[np.float32]) -> str:
    """The labels of a segmented volume in words: a few whole numbers, 0 among them; empty for anything else."""
    levels = np.unique(values)
    if len(levels) > 4 or levels[0] != 0 or np.any(levels != np.round(levels)):
        return ""
    *first, last = (f"{level:g}" for level in levels)
    return f"{', '.join(first)} and {last}" if first else last
