"""A look at flats and darks, among themselves and against the views: part of :mod:`fewview.io.look`."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..frames import FrameSource
from .checks import flats_darks as checks
from .checks import frames
from .picked import Picked
from .request import Draft

Name = Literal["flats", "darks"]
MOST = 64  # frames that are looked at
_ROWS = 16  # in the middle of the detector
_BELOW = 0.02  # of the pixels of the views, below the dark, that cannot be noise or dead pixels


def middle_rows(source: FrameSource, which: NDArray[np.intp]) -> NDArray[np.float32]:
    """Rows in the middle of the detector, of some frames."""
    start = max((source.shape[1] - _ROWS) // 2, 0)
    return source.read(which, (start, min(start + _ROWS, source.shape[1])), (0, source.shape[2]))


def look_at_flats_darks(made: Draft, sample: NDArray[np.float32]) -> None:
    """Add what flats and darks tell: those that are left out, and questions."""
    if made.flats is None or made.frames is None:
        return
    flats, darks = _with_numbers(made, "flats"), _with_numbers(made, "darks")
    if flats is None:
        return
    flat_levels = checks.levels(flats)
    dark_levels = np.zeros(1) if darks is None else checks.levels(darks)
    if darks is not None and checks.exchanged(flat_levels, dark_levels):
        beside = frames.beside(sample).level
        if abs(beside - np.median(flat_levels)) < abs(beside - np.median(dark_levels)):
            made.refuse(
                f"All greys of {made.path.name} are inverted: beside the sample its views are as dark as the flats, "
                "and the darks are brighter than both.",
                "Save the frames with their greys the right way round.",
            )
            return
        made.refuse(
            f"The flats are darker than the darks ({np.median(flat_levels):.4g} and {np.median(dark_levels):.4g}).",
            "Exchange them: give the open-beam frames with --flats and those without beam with --darks.",
        )
        return
    below = 0.0 if darks is None else frames.darker_than_dark(sample, darks)
    if below > _BELOW:
        made.refuse(
            f"{100 * below:.0f} % of the pixels of the views are darker than the darks ({np.median(dark_levels):.4g}): "
            "these are of another exposure or camera setting, or were taken with light.",
            "Give the right ones with --darks FILE.",
        )
        return
    dark = float(np.median(dark_levels))
    top = frames.ceiling(flats, made.flats.dtype)
    blind = 0.0 if top is None or np.ptp(flats) == 0 else float(np.mean(flats >= top))
    if blind > 0.01:
        made.notes.append(
            f"{100 * blind:.2g} % of the pixels of the flats are saturated at {top:g}: the beam is brighter there than "
            "they say, and the attenuation comes out too small. Take flats of a shorter exposure."
        )
    if darks is not None:
        _leave_out_darks(made, dark_levels, float(np.median(flat_levels)))
    times = None if made.flat_times is None else made.flat_times[: len(flat_levels)]
    odd = checks.odd_ones(flat_levels, dark, times)
    if odd:
        listed = "; ".join(f"flat {i} {why}" for i, why in list(odd.items())[:4])
        _leave_out(made, "flats", list(odd), listed)
        times = None if made.flat_times is None else made.flat_times
        flat_levels, flats = np.delete(flat_levels, list(odd)), np.delete(flats, list(odd), axis=0)
    exposures = checks.several_exposures(flat_levels, dark, times)
    if exposures:
        made.notes.append(
            f"{exposures} If so, --prepare dose=edges scales each view to the open beam beside the sample."
        )
    views_of_a_sample = checks.unlike(flats, dark, times)
    if views_of_a_sample:
        made.refuse(f"{made.path.name}: {views_of_a_sample}.", "Name the open-beam frames with --flats FILE.")
    wild = checks.spots(flats) if times is None else 0
    if wild:
        some = "A pixel of one flat is" if wild == 1 else f"{wild} pixels of single flats are"
        made.notes.append(f"{some} far brighter than in the others (zingers): --prepare flat=median leaves them out.")
    noise = 0.0 if darks is None else float(np.median(np.std(darks.astype(np.float64), axis=(1, 2))))
    why = checks.too_dark(flat_levels, dark, noise) if made.flats.dtype.kind in "iu" else ""
    if why:
        made.refuse(f"{made.path.name}: {why}.", "Give brighter flats, or more of them, with --flats FILE.")


def _leave_out_darks(made: Draft, darks: NDArray[np.float64], flat: float) -> None:
    """A flat among the darks."""
    bright = np.flatnonzero(darks > 0.5 * (float(np.median(darks)) + flat))
    if made.darks is None or not 0 < len(bright) < 0.5 * len(darks):
        return
    _leave_out(made, "darks", bright, "as bright as flats")


def _with_numbers(made: Draft, name: Name) -> NDArray[np.float32] | None:
    """Rows of the frames that hold any number; the others are left out, and refused where they are all there are."""
    source = made.flats if name == "flats" else made.darks
    if source is None:
        return None
    stack = middle_rows(source, np.arange(min(source.shape[0], MOST)))
    empty = np.flatnonzero(~np.isfinite(stack).any(axis=(1, 2)))
    if len(empty) == len(stack):
        made.refuse(f"The {name} of {made.path.name} hold no numbers.", f"Give others with --{name} FILE.")
        return None
    if len(empty):
        which = ", ".join(map(str, empty[:8])) + ("" if len(empty) <= 8 else " ...")
        _leave_out(made, name, empty, f"{name[:-1]} {which} without a single number")
    return np.delete(stack, empty, axis=0)


def _leave_out(made: Draft, name: Name, bad: ArrayLike, why: str) -> None:
    source = made.flats if name == "flats" else made.darks
    assert source is not None
    count, keep = source.shape[0], np.setdiff1d(np.arange(source.shape[0]), bad)
    setattr(made, name, Picked(source, keep))
    if name == "flats" and made.flat_times is not None:
        made.flat_times = made.flat_times[keep]
    made.notes.append(f"{count - len(keep)} of the {count} {name} are left out: {why}.")
