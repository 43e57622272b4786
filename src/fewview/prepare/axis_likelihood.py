"""How well a sinogram agrees with itself about a rotation axis: the likelihood behind the axis finder.

Take the Fourier transform of every view about a trial axis. Whatever the object, if the trial axis is right then

* a view and the mirror of the view opposite to it are the same, so that over the angle the real part holds only even
  harmonics and the imaginary part only odd ones, and
* at spatial frequency w an object within radius R puts its power into harmonics |k| < 2 pi w R, the "double wedge".

Both are the Helgason-Ludwig conditions in Fourier form (Natterer, *The Mathematics of Computerized Tomography*, 1986,
II.4). The usual finder (Vo et al., Opt. Express 22, 19078, 2014) looks for energy outside the wedge of a regularly
sampled sinogram; with few views the wedge of the sampled transform overlaps its own aliases, and the finder is pixels
off. Here the harmonics of a filled disk serve as a Gaussian prior instead, fitted to the views at the angles where
they lie. Any number of views, any angles and any arc go through the same formula, and low frequencies, where few views
suffice, weigh by themselves as much as they know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import jv

Array = NDArray[np.float64]

_COARSEST = 4.0  # lowest frequency: one period in four radii, where two harmonics hold all that there is to know
_FINEST = 0.25  # cycles per column; above, the detector's blur and noise have taken the signal
# Frequencies in units of the lowest: dense where few views have most to say, then as far apart as is independent.
_GRID = np.r_[1:9, 10:33:2, 36:65:4]
_FLOOR = 1e-5  # part of the power that a real detector gets wrong even without noise
_INDEPENDENT = 2  # of those units: a sinogram as wide as the object has independent frequencies this far apart


@dataclass(frozen=True)
class Window:
    """Part of the detector that is looked at, symmetric about the trial axis.

    A symmetric window keeps the mirror symmetry when the object reaches over the detector's edge, and a constant
    background drops out.

    Parameters
    ----------
    half : float or None
        Half width in columns; None takes all that fits around each trial axis, infinity the whole detector (not
        symmetric: for an object that lies within it, on air at zero).
    taper : float
        Part of the half width over which the window falls from one to zero.
    level : bool
        Take the mean level within the window off. A level is consistent about any axis, so that distant axes whose
        windows differ in level are compared fairly only without it.
    """

    half: float | None = None
    taper: float = 0.25
    level: bool = False

    def at(self, axis: float, columns: int) -> Array:
        """Weight of every column for this trial axis, ``(columns,)``."""
        half = min(axis, columns - 1 - axis) + 0.5 if self.half is None else self.half
        outward = np.abs(np.arange(columns) - axis) / max(half, 1.0)
        fall = np.clip((outward - (1 - self.taper)) / self.taper, 0, 1)
        return np.where(outward < 1, 0.5 + 0.5 * np.cos(np.pi * fall), 0.0)


class Consistency:
    """Log-likelihood of trial axes for one set of sinograms.

    The noise of each frequency and slice counts as unknown, so that an inconsistency of whatever origin widens the
    answer, and an empty slice adds nothing.

    Parameters
    ----------
    sinograms : array, shape (slices, angles, columns)
        Line integrals, air near zero.
    angles : array, shape (angles,)
        Radians; any order and spacing.
    radius : float
        Radius about the axis that holds the object, columns.
    noise : float
        Variance of one pixel.
    lowest : int, optional
        Only that many frequencies, from the lowest on.
    finest : float
        Highest frequency, cycles per column.
    tick : callable
        Called several times per second; what it raises ends the search.
    """

    def __init__(
        self,
        sinograms: Array,
        angles: Array,
        radius: float,
        noise: float,
        lowest: int | None = None,
        finest: float = _FINEST,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        self.sinograms, self._tick = sinograms, tick
        grid = _GRID[:lowest][_GRID[:lowest] <= finest * _COARSEST * radius]
        self.waves = grid / (_COARSEST * radius)
        self._independence = np.minimum(np.diff(grid, prepend=0) / _INDEPENDENT, 1)
        columns = sinograms.shape[2]
        offsets = np.arange(columns) - (columns - 1) / 2
        kernel = np.exp(-2j * np.pi * offsets[:, None] * self.waves)
        self._mean_view = sinograms.mean(axis=1)
        self._kernel = np.concatenate([kernel.real, kernel.imag], axis=1)
        power = ((sinograms @ self._kernel) ** 2).mean(axis=(0, 1)).reshape(2, -1).sum(axis=0)
        # Where the power is below the noise the prior says "nothing to see", and the frequency adds nothing.
        ratio = np.maximum(noise * columns / np.maximum(power, np.finfo(float).tiny), _FLOOR) / 2
        self._fits = []
        for w, r in zip(self.waves, ratio, strict=True):
            tick()
            self._fits.append(_harmonics(angles, 2 * np.pi * w * radius, r))

    @property
    def weight(self) -> float:
        """Log-likelihood gained by a misfit smaller by a factor e at all frequencies."""
        slices, views, _ = self.sinograms.shape
        freedom = np.array([2 * views - even.freedom - odd.freedom for even, odd in self._fits])
        return float(0.5 * slices * float(self._independence @ freedom))

    def __call__(self, trials: Array, window: Window) -> Array:
        """Log-likelihood of every trial column up to a constant, ``(trials,)``."""
        slices, views, _ = self.sinograms.shape
        spectra = self._spectra(trials, window)
        total = np.zeros(len(trials))
        tiny = np.finfo(float).tiny
        for (even, odd), spectrum, independence in zip(self._fits, spectra, self._independence, strict=True):
            self._tick()
            values = spectrum.reshape(views, slices * len(trials))
            power = (values.real**2 + values.imag**2).sum(axis=0)
            freedom = 2 * views - even.freedom - odd.freedom
            unexplained = power - even.explained(values.real) - odd.explained(values.imag)
            ratio = np.maximum(unexplained, tiny) / np.maximum(power, tiny)
            total -= 0.5 * independence * freedom * np.log(ratio).reshape(slices, -1).sum(axis=0)
        return total

    def _spectra(self, trials: Array, window: Window) -> NDArray[np.complex128]:
        """Windowed transform of every view about every trial axis, ``(waves, views, slices, trials)``."""
        slices, views, columns = self.sinograms.shape
        count = len(self.waves)
        rows = self.sinograms.transpose(1, 0, 2).reshape(views * slices, columns)
        out = np.empty((count, views, slices, len(trials)), dtype=complex)
        both = rows @ self._kernel  # of the whole detector: what the windows of finite width replace
        for index, axis in enumerate(trials):
            self._tick()
            if window.half != np.inf:
                weight = window.at(axis, columns)
                both = rows @ (weight[:, None] * self._kernel)
                if window.level:
                    level = self._mean_view @ weight / weight.sum()
                    both -= np.tile(level, views)[:, None] * (weight @ self._kernel)
            about_axis = np.exp(2j * np.pi * self.waves * (axis - (columns - 1) / 2))
            spectrum = (both[:, :count] + 1j * both[:, count:]) * about_axis
            out[..., index] = spectrum.T.reshape(count, views, slices)
        return out


@dataclass(frozen=True)
class _Fit:
    """Gaussian smoother over the angle within one parity of harmonics.

    Parameters
    ----------
    half : array, shape (harmonics, angles)
        The power that the harmonics explain of values y is |half y|^2.
    freedom : float
        Number of values that they can explain.
    """

    half: Array
    freedom: float

    def explained(self, values: Array) -> Array:
        result: Array = ((self.half @ values) ** 2).sum(axis=0)
        return result


def _harmonics(angles: Array, reach: float, noise: float) -> tuple[_Fit, _Fit]:
    """Even and odd harmonics over the angle, each as strong as a filled disk makes it.

    ``reach`` is 2 pi w R. The mean of J_k(reach r)^2 over the disk is J_k^2 - J_(k-1) J_(k+1) (Lommel's integral).
    """
    orders = np.arange(int(np.ceil(reach + 6 + 3 * np.cbrt(reach))) + 1)
    strength = np.maximum(jv(orders, reach) ** 2 - jv(orders - 1, reach) * jv(orders + 1, reach), 0)
    kept = orders[strength > 1e-3 * noise / len(angles)]
    return _fit(angles, kept[kept % 2 == 0], strength, noise), _fit(angles, kept[kept % 2 == 1], strength, noise)


def _fit(angles: Array, orders: NDArray[np.intp], strength: Array, noise: float) -> _Fit:
    waves = np.outer(orders, angles)
    scale = np.sqrt(np.where(orders == 0, 1, 2) * strength[orders])[:, None]
    design = np.concatenate([np.cos(waves) * scale, np.sin(waves[orders > 0]) * scale[orders > 0]])
    normal = design @ design.T
    normal.flat[:: len(normal) + 1] += noise
    half = solve_triangular(np.linalg.cholesky(normal), design, lower=True)
    return _Fit(half, float((half**2).sum()))
