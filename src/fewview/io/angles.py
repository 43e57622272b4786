"""Angles: the user's range, and log lines that belong to flats and darks."""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError

FLAG = (
    "Give the angles with --angles START:STOP (degrees; add :endpoint if the last view lies at STOP) or --angles FILE."
)
_RANGE = re.compile(r"^\s*([-+.\deE]+)\s*:\s*([-+.\deE]+)\s*(:\s*endpoint\s*)?$")

_STEPPED = re.compile(r"^\s*[-+.\deE]+\s*:\s*[-+.\deE]+\s*:\s*[-+.\deE]*\d\s*$")


def parse_range(text: str) -> tuple[float, float, bool] | None:
    """``START:STOP[:endpoint]`` in degrees as (start, stop, endpoint); None when it is not a range.

    Raises
    ------
    ScanError
        Looks like a range, but its numbers do not make one.
    """
    if _STEPPED.match(text):
        begin, end, _ = text.split(":")
        raise ScanError(
            f"--angles {text}: a third number is not understood; the step follows from the number of views.",
            f"Say {begin}:{end} (STOP is no view) or {begin}:{end}:endpoint (the last view lies at STOP).",
        )
    match = _RANGE.match(text)
    if match is None:
        return None
    try:
        start, stop = float(match[1]), float(match[2])
    except ValueError:
        raise ScanError(f"--angles {text}: these are no numbers.", FLAG) from None
    if not (math.isfinite(start) and math.isfinite(stop)) or start == stop:
        raise ScanError(f"--angles {text}: an arc from {start:g} to {stop:g} degrees holds no views.", FLAG)
    return start, stop, match[3] is not None


def spread(start: float, stop: float, endpoint: bool, views: int) -> NDArray[np.float64]:
    """``views`` equally spaced angles in radians, from degrees.

    Parameters
    ----------
    start : float
        In degrees.
    stop : float
        In degrees.
    endpoint : bool
        Whether the last view is at ``stop``.
    views : int

    Returns
    -------
    ndarray
        Shape (views,), in radians.
    """
    return np.deg2rad(np.linspace(start, stop, views, endpoint=endpoint))


def like_radians(arc: float) -> bool:
    """Whether an arc in degrees has the number of a half or a full turn in radians."""
    return any(abs(abs(arc) - turn) < 0.02 * turn for turn in (math.pi, 2 * math.pi))


def trim_repeats(values: NDArray[np.float64], views: int) -> tuple[NDArray[np.float64], int, int] | None:
    """Drop the repeats of the first and the last angle that a log holds for flats and darks.

    The stage stands still while flats and darks are taken. When the repeats at both ends are together exactly as
    many as there are lines too many, no doubt is left which lines belong to the projections.

    Returns
    -------
    (angles, before, after) or None
        With the number of lines left out at each end; None when the repeats do not explain the difference.
    """
    extra = len(values) - views
    gaps = np.abs(np.diff(values))
    moving = gaps[gaps > 1e-9]
    if extra <= 0 or views < 2 or not len(moving):
        return None
    still = gaps < 0.01 * np.median(moving)  # an encoder's last digit flickers
    if still.all():
        return None
    before = int(np.argmin(still))
    after = int(np.argmin(still[::-1]))
    if before + after != extra:
        return None
    return values[before : len(values) - after], before, after
