"""How much of the sample a volume holds: notes on an axis aside and on what reaches over the detector's edge."""

from __future__ import annotations

from ..geometry import ASIDE, FanBeam
from ..prepare.logarithm import PLAUSIBLE
from ..scan import AXIS_ROWS, LineIntegrals

TRUNCATED = 0.1  # level at the detector's edge, as a part of the highest


def field_of_view_notes(lines: LineIntegrals, learned: bool = False) -> list[str]:
    """What a user should know of the volume's width and of the beam, before the run and in its record.

    How much of a turn the views cover is told where their angles are read (:mod:`fewview.io.checks.angles`).

    Parameters
    ----------
    lines : LineIntegrals
    learned : bool
        Whether the method has a network.
    """
    geometry = lines.geometry
    where = f"The axis lies {abs(geometry.aside):.0f} columns beside the middle of the detector"
    notes = []
    if geometry.half_acquired:
        notes.append(
            f"{where} (half acquisition): the volume is {geometry.grid} pixels wide, all that a full turn has seen."
        )
    elif abs(geometry.aside) > ASIDE * geometry.columns:
        notes.append(
            f"{where}: the volume holds the {geometry.columns} columns about the axis, not all that the detector saw."
        )
    if learned and notes:
        notes.append(
            "The network has learnt scans whose axis lies within 4 % of the detector's width from its middle: compare "
            "its result with tv or mbir."
        )
    if truncated(lines):
        worst = "most of all near its border, and with iterative methods"
        notes.append(f"The sample reaches over the edge of the detector: the volume's values are too high, {worst}.")
        if learned:
            notes.append("Few of the samples that the network has learnt did so: compare its result with tv or mbir.")
    if learned and isinstance(geometry, FanBeam):
        notes.append("The network has learnt the streaks of parallel beams; those of a fan look a little different.")
    return notes


def truncated(lines: LineIntegrals) -> bool:
    """Whether there is no air where the volume ends; values on an arbitrary scale do not tell."""
    rows = max(1, lines.geometry.rows // AXIS_ROWS)
    level = lines.values[:, ::rows].mean(axis=(0, 1))  # signed: noise has no level
    edge = max(1, len(level) // 40)
    ends = [level[:edge].mean(), level[-edge:].mean()]
    if lines.geometry.half_acquired:  # the near edge lies within what the other half of the turn sees
        ends = ends[1:] if lines.geometry.aside < 0 else ends[:1]
    return bool(TRUNCATED * level.max() < max(ends) and level.max() < PLAUSIBLE)
