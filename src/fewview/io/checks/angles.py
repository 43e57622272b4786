"""Whether numbers can be the angles of a scan, from whatever source they come."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...geometry.base import TURNS
from ..request import leave_out_as_well
from ..units import RADIANS, AngleUnit

Array = NDArray[np.float64]

NEXT_TO_NONE = 8.0  # degrees: no scan covers less
NO_ARC = 1e-2  # degrees: in all of it, nothing moves by a pixel
HALF, FULL = 180.0, 360.0
_UNITS: tuple[AngleUnit, ...] = (
    *("degrees", "radians", "millidegrees", "milliradians", "arcminutes", "arcseconds", "microradians"),
)


@dataclass(frozen=True)
class Verdict:
    """What is odd about the angles of a scan.

    Parameters
    ----------
    question : str
        Why they are next to certainly wrong; empty where nothing says so.
    doubt : str
        Why they may be wrong, though a scan could have them.
    notes : tuple of str
        What is unusual but right in itself.
    """

    question: str = ""
    doubt: str = ""
    notes: tuple[str, ...] = ()


def judge(angles: Array, enough: float = HALF, views: NDArray[np.intp] | None = None, excluded: str = "") -> Verdict:
    """Look at angles in degrees, in the order of the views.

    Span, repeated values, steps that are out of line, and runs that stand still: a frame number, a time, a wrong
    unit, or entries that were reserved and never written show up in one of them.

    Parameters
    ----------
    angles : array of float, shape (views,)
    enough : float
        Arc that sees an edge in every direction.
    views : array of int, shape (views,), optional
        Their numbers in the scan, where some were left out.
    excluded : str
        Those that the user has left out, so that gaps need no word.

    Returns
    -------
    Verdict
        Why they cannot be used (empty where they can), whether to doubt them, and notes for the user.
    """
    if len(angles) < 3 or not np.all(np.isfinite(angles)) or np.ptp(angles) == 0:
        return Verdict()
    views = np.arange(len(angles)) if views is None else views
    step = typical_step(angles)
    arc = float(np.ptp(angles)) + step
    if arc < NEXT_TO_NONE:
        return Verdict(f"{len(angles)} angles that cover no more than {arc:.3g} degrees")
    still = _standing_still(angles, views, excluded)
    if still:
        return Verdict(still)
    turns = _turns(angles)
    if turns.question:
        return turns
    out = _out_of_line(angles, views, excluded)
    if out:
        return Verdict(out)
    repeats = _repeats(angles)
    notes = [*turns.notes, *repeats.notes, *(_gaps(angles) if not excluded else ())]
    if arc < enough - 10:
        notes.append(
            f"The views cover {arc:.4g} of {enough:.4g} degrees: edges in the directions not seen will be blurred, and "
            "values are not quantitative."
        )
    return Verdict("", turns.doubt or repeats.doubt, tuple(notes))


def absurd(angles: Array) -> str:
    """Why angles in degrees, whoever gives them, are those of no scan; empty where a scan could have them."""
    far = np.flatnonzero(np.abs(angles) > FULL * TURNS)
    if len(far):
        return f"view {far[0]} lies at {angles[far[0]]:.4g} degrees, {abs(angles[far[0]]) / FULL:.3g} turns from 0"
    if len(angles) < 2:
        return ""
    pace, arc = float(np.median(np.abs(np.diff(angles)))), float(np.ptp(angles))
    if pace > FULL:
        return f"from each view to the next the sample would turn by {pace:.4g} degrees, more than a whole turn"
    return f"all {len(angles)} views lie within {arc:.3g} degrees" if 0 < arc < NO_ARC else ""


def typical_step(angles: Array) -> float:
    """Median distance of neighbours in order of angle; repeated angles count once."""
    gaps = np.diff(np.sort(angles))
    gaps = gaps[gaps > 1e-6]
    return float(np.median(gaps)) if len(gaps) else 0.0


def settle_unit(values: Array, said: AngleUnit | None) -> tuple[AngleUnit, str]:
    """Unit of angles, and why it was guessed; empty where the file says it and nothing speaks against it.

    The unit that makes the arc half a turn or a full one is the right one, if it is not the one that was said.
    """
    if said is not None and (len(values) < 3 or not _impossible(values * math.degrees(RADIANS[said]))):
        return said, ""
    nice = [unit for unit in _UNITS if _half_or_full(values * math.degrees(RADIANS[unit]))]
    arc = float(np.ptp(values)) + typical_step(values)
    if said is not None:
        if not nice:
            return said, ""  # the judge of the angles says what is wrong
        return nice[0], f"said to be {said}, but their arc of {arc:.4g} is half a turn or a full one in {nice[0]}"
    if nice and nice[0] not in ("degrees", "radians"):
        return nice[0], f"no unit; an arc of {arc:.4g} is half a turn or a full one in {nice[0]}"
    return _of_degrees_and_radians(values)


def _of_degrees_and_radians(values: Array) -> tuple[AngleUnit, str]:
    """A tomography of less than 2 pi degrees is no tomography; nobody turns a stage by whole radians."""
    span = float(np.ptp(values)) if len(values) else 0.0
    step = typical_step(values)
    if span > 2 * math.pi + 1.5 * step:
        return "degrees", f"no unit; a span of {span:.4g} is more than a turn in radians"
    if np.all(values == np.round(values)):
        return "degrees", "no unit; whole numbers"
    return "radians", f"no unit; a span of {span:.4g} would be next to no turn in degrees"


def _impossible(degrees: Array) -> bool:
    arc = float(np.ptp(degrees)) + typical_step(degrees)
    return arc < NEXT_TO_NONE or (arc > 2.2 * FULL and float(np.median(np.abs(np.diff(degrees)))) > 20)


def _half_or_full(degrees: Array) -> bool:
    step = typical_step(degrees)
    span = float(np.ptp(degrees))
    return step < 45 and any(abs(span + part * step - turn) < 0.02 * turn for turn in (180, 360) for part in (0, 1))


def _standing_still(angles: Array, views: NDArray[np.intp], excluded: str) -> str:
    """A run of equal angles at either end, of which no other view has so many."""
    same = np.abs(np.diff(angles)) < 1e-6
    head, tail = int(np.argmin(same)), int(np.argmin(same[::-1]))
    inside = same[head : len(same) - tail]
    longest = max((len(run) for run in "".join("x" if s else " " for s in inside).split()), default=0)
    for run, where in ((head, (0, head + 1)), (tail, (len(angles) - tail - 1, len(angles)))):
        if run >= 2 and run > longest + 1:
            value = angles[where[0]]
            at = "first" if where[0] == 0 else "last"
            first, last = int(views[where[0]]), int(views[where[1] - 1])
            flag = leave_out_as_well(excluded, f"{views[where[0] + (at == 'first')]}:{last + 1}")
            return (
                f"the {at} {run + 1} views ({first} to {last}) all have the angle {value:g}: never written, "
                f"or flats and darks (leave them out with {flag})"
            )
    return ""


def _turns(angles: Array) -> Verdict:
    """Several turns: interlaced and golden-ratio scans spread their views over directions, a wrong column does not."""
    turns = float(np.ptp(angles)) / FULL
    if turns <= 1.02:
        return Verdict()
    directions = np.sort(np.mod(angles, FULL))
    distinct = 1 + int(np.sum(np.diff(directions) > 1e-3))
    pace = float(np.median(np.abs(np.diff(angles))))
    if distinct < 0.5 * len(angles) and pace > 20:
        return Verdict(f"steps of {pace:.4g} degrees over {turns:.3g} turns, which give only {distinct} directions")
    if pace > 20:
        halves = np.sort(np.mod(angles, 180))
        gaps = np.diff(np.r_[halves, halves[0] + 180])
        if gaps.max() < 4 * 180 / len(angles):
            return Verdict(notes=(f"Steps of {pace:.6g} degrees over {turns:.3g} turns spread the views evenly.",))
        return Verdict(
            f"steps of {pace:.4g} degrees over {turns:.3g} turns, which leave {gaps.max():.3g} degrees unseen"
        )
    if turns > 2.2:
        return Verdict(doubt=f"they span {turns:.3g} turns")
    return Verdict(notes=(f"The angles span {turns:.3g} turns.",))


def _out_of_line(angles: Array, numbers: NDArray[np.intp], excluded: str) -> str:
    """Single views whose angle does not fit between those before and after them, in a scan of even steps."""
    steps = np.diff(angles)
    usual = float(np.median(steps))
    if usual == 0 or np.mean(np.abs(steps - usual) < 0.3 * abs(usual)) < 0.7:
        return ""
    odd = np.abs(steps - usual) > 1.5 * abs(usual)
    inner = odd[:-1] & odd[1:] & (np.abs(steps[:-1] + steps[1:] - 2 * usual) < abs(usual))
    views = np.flatnonzero(inner) + 1
    if not len(views):
        return ""
    first = int(views[0])
    more = f" ({len(views)} such)" if len(views) > 1 else ""
    flag = leave_out_as_well(excluded, ",".join(map(str, numbers[views[:20]])))
    return (
        f"the angle {angles[first]:g} of view {numbers[first]} does not lie between its neighbours "
        f"{angles[first - 1]:g} and {angles[first + 1]:g}{more} (mend it, or leave it out with {flag})"
    )


def _repeats(angles: Array) -> Verdict:
    """Angles that are there several times."""
    same = np.abs(np.diff(angles)) < 1e-6
    if not same.any():
        return Verdict()
    ends = np.flatnonzero(np.r_[~same, True])
    runs = np.diff(np.r_[-1, ends])
    if len(set(runs.tolist())) == 1:
        return Verdict(notes=(f"Each angle is there {runs[0]} times: images of one angle, or fractions cut off.",))
    if same.mean() > 0.2:
        return Verdict(doubt=f"{int(same.sum())} of the {len(angles)} angles repeat the one before")
    return Verdict(notes=(f"{int(same.sum())} views have the angle of the view before.",))


def _gaps(angles: Array) -> list[str]:
    """Places where an even scan leaves out views, and views at its end that go back."""
    steps = np.diff(angles)
    usual = float(np.median(steps))
    if usual == 0 or np.mean(np.abs(steps - usual) < 0.1 * abs(usual)) < 0.8:
        return []
    notes = []
    wide = np.flatnonzero(steps / usual > 1.6)
    for view in wide[:3]:
        lost = round(float(steps[view] / usual)) - 1
        notes.append(
            f"Between views {view} and {view + 1} the angle jumps by {steps[view]:.4g} degrees: {lost} missing?"
        )
    back = np.flatnonzero(steps / usual < -1.5)
    if len(back) and len(angles) - back[0] - 1 <= max(4, 0.1 * len(angles)):
        listed = ", ".join(f"{angle:g}" for angle in angles[back[0] + 1 :][:6])
        notes.append(f"The last {len(angles) - back[0] - 1} views go back to {listed} degrees: for alignment?")
    return notes
