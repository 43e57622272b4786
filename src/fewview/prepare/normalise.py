"""Counts to transmission: flats, darks, and the pixels that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ScanError

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass
class Unusable:
    """Mask of pixels (True: unusable), and how many fell to each reason.

    A pixel counts once, for the first reason that was found.

    Parameters
    ----------
    mask : array of bool
    counts : dict of str to int
    """

    mask: Mask
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, reason: str, where: NDArray) -> None:
        """Mask more pixels; ``where`` broadcasts to the mask."""
        new = np.broadcast_to(where, self.mask.shape) & ~self.mask
        found = int(np.count_nonzero(new))
        if found:
            self.mask |= new
            self.counts[reason] = self.counts.get(reason, 0) + found


def combine(stack: ArrayLike, how: str) -> Floats:
    """One reference frame of several, by "mean" or "median"; values that are not numbers are left out.

    Parameters
    ----------
    stack : array, shape (n, v, u)

    Returns
    -------
    array, shape (v, u)
        Not a number where no frame has one.
    """
    frames = np.asarray(stack, dtype=np.float32)
    finite = np.isfinite(frames)
    if how == "median" and not finite.all():
        ordered = np.sort(np.where(finite, frames, np.inf), axis=0)
        count = finite.sum(axis=0)
        low, high = np.maximum((count - 1) // 2, 0), count // 2
        pair = [np.take_along_axis(ordered, np.minimum(i, len(frames) - 1)[None], 0)[0] for i in (low, high)]
        return np.where(count > 0, (pair[0] + pair[1]) / 2, np.nan).astype(np.float32)
    if how == "median":
        return np.median(frames, axis=0).astype(np.float32)
    count = finite.sum(axis=0)
    total = np.where(finite, frames, 0).sum(axis=0, dtype=np.float64)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0).astype(np.float32)


@dataclass(frozen=True)
class FlatField:
    """Flat frame for any view: one for all, or interpolated in time between groups of flats.

    Parameters
    ----------
    times : array, shape (groups,)
        When each group was taken, in parts of the scan, 0 to 1, ascending.
    frames : array, shape (groups, v, u)
    """

    times: NDArray[np.float64]
    frames: Floats

    @classmethod
    def of(cls, flats: ArrayLike, how: str, flat_times: ArrayLike | None = None) -> FlatField:
        """Combine flats; "interpolate" averages those of equal time and interpolates between the times.

        Raises
        ------
        ScanError
            Interpolation without the times of the flats, or with as many times as flats missing.
        """
        stack = np.asarray(flats, dtype=np.float32)
        if how != "interpolate":
            return cls(np.zeros(1), combine(stack, how)[None])
        if flat_times is None:
            raise ScanError(
                "Flats cannot be interpolated: when they were taken is not known.", "Use flat=mean or flat=median."
            )
        times = np.asarray(flat_times, dtype=float)
        if times.shape != (len(stack),):
            raise ScanError(f"{times.size} flat times for {len(stack)} flats.", "Give one time per flat frame.")
        moments = np.unique(times)
        return cls(moments, np.stack([combine(stack[times == moment], "mean") for moment in moments]))

    def at(self, times: ArrayLike) -> Floats:
        """Flats at these times, ``(1 or len(times), v, u)``; before the first and after the last group as they are."""
        if len(self.times) == 1:
            return self.frames
        place = np.interp(np.asarray(times, dtype=float), self.times, np.arange(len(self.times)))
        before = np.minimum(place.astype(int), len(self.times) - 2)
        part = (place - before).astype(np.float32)[:, None, None]
        return (1 - part) * self.frames[before] + part * self.frames[before + 1]


def transmission(
    frames: ArrayLike, flat: Floats, dark: Floats | float, saturation: float = 65535.0, dead: float = 0.02
) -> tuple[Floats, Floats, Unusable]:
    """(frames - dark) / (flat - dark), with everything that cannot be divided masked and counted.

    Parameters
    ----------
    frames : array, shape (angle, v, u)
        Counts.
    flat : array, shape (1 or angle, v, u)
    dark : array, shape (v, u), or float
    saturation : float
        Counts from which a pixel is saturated.
    dead : float
        A pixel whose net flat lies below this part of the median net flat is dead.

    Returns
    -------
    transmission : array, shape (angle, v, u)
        1 where masked. Values of noise below zero stay: it is the logarithm that cannot take them.
    light : array, shape (angle, v, u)
        Net counts over the median net flat: what a pixel's statistical weight is proportional to.
    unusable : Unusable
        Reasons: "not a number", "saturated", "no light in the flat", "dead".
    """
    counts = np.asarray(frames, dtype=np.float32)
    open_beam = flat - dark
    usable_flat = np.isfinite(open_beam) & (open_beam > 0)
    if not usable_flat.any():
        raise ScanError("No pixel of the flats is brighter than the darks.", "Check which frames are flats and darks.")
    level = float(np.median(open_beam[usable_flat]))
    unusable = Unusable(np.zeros(counts.shape, dtype=bool))
    unusable.add("no light in the flat", ~usable_flat)
    unusable.add("dead", open_beam < dead * level)
    unusable.add("not a number", ~np.isfinite(counts))
    unusable.add("saturated", (counts >= saturation) | (flat >= saturation))
    net = counts - dark
    good = ~unusable.mask
    ratio = np.divide(net, np.broadcast_to(open_beam, net.shape), out=np.ones_like(net), where=good)
    light = np.where(good, net / np.float32(level), np.float32(0))
    return ratio, light, unusable


def dark_views(levels: Sequence[float] | NDArray, part: float = 0.05) -> Mask:
    """Views without beam: brightest parts below ``part`` of the other views' (shutter closed, beam lost)."""
    values = np.nan_to_num(np.asarray(levels, dtype=float), nan=0.0)
    return values < part * np.median(values)
