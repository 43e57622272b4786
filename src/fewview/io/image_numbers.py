"""Numbers in the names of a series of images: they tell which images are missing from it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def numbers(names: Sequence[str], least: int = 3) -> NDArray[np.int64] | None:
    """The number of each image: the last one in the names that counts up; None where none does, or under ``least``."""
    found = [re.findall(r"\d+", name.rpartition(".")[0] or name) for name in names]
    places = {len(texts) for texts in found}
    if len(names) < least or len(places) != 1:
        return None
    for place in reversed(range(places.pop())):
        values = np.array([int(texts[place]) for texts in found if len(texts[place]) < 16], dtype=np.int64)
        if len(values) == len(names) and np.all(np.diff(values) > 0):
            return values
    return None


def missing(names: Sequence[str], others: Sequence[str]) -> tuple[NDArray[np.int64], int, int] | None:
    """Place of each image in the whole series, where some are missing from it.

    Parameters
    ----------
    names : sequence of str
        Of the projections, in order.
    others : sequence of str
        Of flats and darks: numbers that they have are not missing.

    Returns
    -------
    (places, length, usual step of the numbers) or None
        None where the series has no gaps.
    """
    series = numbers(names)
    if series is None:
        return None
    steps = np.diff(series)
    step = int(np.median(steps))
    if np.all(steps == step) or np.any(steps % step):
        return None
    taken = {int(number) for name in others for number in re.findall(r"\d+", name)}
    lost = set(range(int(series[0]), int(series[-1]) + 1, step)) - set(series.tolist())
    if lost <= taken or len(lost) > 0.5 * len(series):
        return None
    places = (series - series[0]) // step
    return places, int(places[-1]) + 1, step


def gaps_in_words(names: Sequence[str], places: NDArray[np.int64]) -> str:
    """Which images are missing, between which others."""
    wide = np.flatnonzero(np.diff(places) > 1)
    said = [f"{int(places[i + 1] - places[i]) - 1} between {names[i]} and {names[i + 1]}" for i in wide[:3]]
    more = f" and in {len(wide) - 3} more places" if len(wide) > 3 else ""
    return f"Images are missing from the series: {', '.join(said)}{more}."
