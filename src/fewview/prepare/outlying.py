"""Detector pixels that read what no sample can give, in all views: far too bright, stuck, or a whole row without beam.

A view tells nothing here: a spot in one of them is a zinger. What turns with the sample changes from view to view, so
that a pixel which differs from its neighbours in the median over the views is wrong, or lies on the rotation axis.
Brighter than the open beam nothing is; but a needle on the axis, and the wall of a tube, are narrow and dark in all
views, too. A dark column is therefore told and kept: it counts for next to nothing wherever counts are weighed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_opening, percentile_filter

from .logarithm import PLAUSIBLE

BRIGHT = np.log(3.0)
"""Attenuation below that of the open beam, and of the neighbours, from which a pixel is too bright."""
DARK = np.log(200.0)
"""Attenuation above that of the neighbours from which a row has no beam, and a column is told to be dark."""
AROUND = 15  # pixels that are neighbours: of a wider patch the middle has none that are right
MIDDLE = 40  # percentile of the neighbours, on the side of what is right: of two rows, one may be wrong
WHOLE = 0.9  # of a row, that must differ from the rows above and below: a plate across the axis is narrower
STUCK = 4, 16  # columns at most, that read the same in all of so many views at least
FEWEST_VIEWS = 3  # two of which outvote the third
MOST = 8  # runs of rows or columns that a note names
TOO_BRIGHT, DARK_ROW, SAME, FLAT = (
    "too bright in all views",
    "row without beam",
    "the same in all views",
    "flat far too bright",
)


@dataclass(frozen=True, eq=False)
class Outlying:
    """Pixels of the detector that are left out of all views, by the reason, and those that are only told.

    Parameters
    ----------
    masks : dict of str to array of bool, shape (v, u)
    dark : array of bool, shape (v, u), optional
        Far darker than their neighbours along the row, and kept.
    """

    masks: dict[str, NDArray[np.bool_]]
    dark: NDArray[np.bool_] | None = None

    def notes(self, first: tuple[int, int] = (0, 0)) -> list[str]:
        """What is left out and why, a sentence for each reason; the mask begins at this row and column."""
        said = [
            f"{_named(mask, first)} left out, in all views: {_WHY[r]}." for r, mask in self.masks.items() if mask.any()
        ]
        if self.dark is not None and self.dark.any():
            said.append(f"{_named(self.dark, first)} {DARK_TOLD}")
        return said


def outlying(
    usual: NDArray[np.float32], read: NDArray[np.float32], changes: NDArray[np.bool_] | None = None
) -> Outlying:
    """Find the pixels of the detector that cannot be right.

    Parameters
    ----------
    usual : array, shape (v, u)
        Minus the logarithm of the transmission, the median over views spread over the scan; not a number where there
        is none.
    read : array, shape (v, u)
        The same of what was read, before it was divided by the flats.
    changes : array of bool, shape (v, u), optional
        Where a pixel does not read the same in all views of the scan; None where they are too few to tell.

    Returns
    -------
    Outlying
    """
    known = np.isfinite(usual)
    if not known.any():
        return Outlying({})
    usual = np.where(known, usual, 0)
    low, high = np.percentile(usual[known], (5, 95))
    unit = 1.0 if max(-low, high) <= PLAUSIBLE else float(high - low)
    air = min(0.0, float(np.median(np.percentile(usual, 25, axis=1))))  # below 0 with flats of another exposure
    bright = (_along(-usual, BRIGHT * unit) | _rows(-usual, BRIGHT * unit)) & (usual < air - BRIGHT * unit) & known
    dark_rows = _rows(usual, DARK * unit) & known
    same = np.zeros_like(known) if changes is None else _stuck(~changes) & known & ~bright & ~dark_rows
    beam = np.where(known, usual - read, np.median((usual - read)[known]))  # logarithm of the flats
    flat = _along(usual, DARK * unit / 2) & _along(beam, DARK * unit / 2) & known & ~dark_rows & ~same
    dark = _along(usual, DARK * unit) & known & ~dark_rows & ~same & ~flat
    return Outlying({TOO_BRIGHT: bright, DARK_ROW: dark_rows, SAME: same, FLAT: flat}, dark)


def middle_view(attenuation: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median over views (angle, v, u), shape (v, u); not a number where fewer than half of them hold one, or no three.

    Parameters
    ----------
    attenuation : array, shape (angle, v, u)
        Not a number where unusable.
    """
    views = len(attenuation)
    usual = np.full(attenuation.shape[1:], np.nan, np.float32)
    if views >= FEWEST_VIEWS:
        known = np.isfinite(attenuation).sum(axis=0) * 2 > views
        usual[known] = np.nanmedian(attenuation[:, known], axis=0)
    return usual


def changing(frames: NDArray[np.float32], tick: Callable[[], None] = lambda: None) -> NDArray[np.bool_] | None:
    """Where a pixel changes from view to view, shape (v, u); None of views too few to tell.

    Parameters
    ----------
    frames : array, shape (angle, v, u)
    tick : callable
        Called for each frame; what it raises ends the work.
    """
    if len(frames) < STUCK[1]:
        return None
    changes = np.zeros(frames.shape[1:], dtype=bool)
    for frame in frames[1:]:
        tick()
        changes |= frame != frames[0]
    return changes


def _along(values: NDArray[np.float32], least: float) -> NDArray[np.bool_]:
    """Where a value is that much above its neighbours along the row."""
    return np.asarray(values - percentile_filter(values, MIDDLE, size=(1, AROUND), mode="mirror") > least)


def _rows(values: NDArray[np.float32], least: float) -> NDArray[np.bool_]:
    """The same of whole rows, against those above and below."""
    if len(values) == 1:
        return np.zeros(values.shape, dtype=bool)
    across = values - percentile_filter(values, MIDDLE, size=(AROUND, 1), mode="mirror") > least
    return np.asarray(across & (across.mean(axis=1, keepdims=True) >= WHOLE))


def _stuck(same: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Runs of few pixels of a row that never change, with some on either side that do: wider ones are air."""
    wide = binary_opening(
        np.pad(same, ((0, 0), (STUCK[0], STUCK[0])), constant_values=True), np.ones((1, STUCK[0] + 1))
    )
    return np.asarray(same & ~wide[:, STUCK[0] : -STUCK[0]])


def _named(mask: NDArray[np.bool_], first: tuple[int, int]) -> str:
    """Columns and rows as a whole, and the rest as pixels."""
    rows, columns = np.asarray(mask.all(axis=1)), np.asarray(mask.all(axis=0))
    parts = [
        _counted(name, np.flatnonzero(lines) + start)
        for name, lines, start in (("column", columns, first[1]), ("row", rows, first[0]))
        if lines.any()
    ]
    single = np.argwhere(mask & ~rows[:, None] & ~columns)
    if len(single) > 1:
        parts.append(f"{len(single)} pixels")
    elif len(single):
        parts.append(f"the pixel in row {single[0][0] + first[0]}, column {single[0][1] + first[1]}")
    named = " and ".join(parts)
    return f"{named[:1].upper()}{named[1:]} of the detector"


_WHY = {
    TOO_BRIGHT: "more than 3 times as bright as the open beam and as what lies beside",
    DARK_ROW: "more than 200 times darker than the rows beside",
    FLAT: "the flats are more than 10 times as bright there as beside, and the views are not",
    SAME: "the same reading throughout, though what lies beside changes",
}


DARK_TOLD = (
    "read more than 200 times less than what lies beside, in all views: a needle on the axis, or dead? It is kept, and "
    "counts for little where counts are weighed; FBP, which weighs nothing, shows it as a ring."
)


def _counted(name: str, lines: NDArray[np.intp]) -> str:
    runs = np.split(lines, np.flatnonzero(np.diff(lines) > 1) + 1)
    parts = [f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    more = f" and {len(parts) - MOST} more" if len(parts) > MOST else ""
    return f"{name}{'s' * (len(lines) > 1)} {', '.join(parts[:MOST])}{more}"
