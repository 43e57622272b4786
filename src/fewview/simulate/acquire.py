"""From line integrals to counts: blur, scatter, Poisson noise, zingers, rings, beam hardening, misregistration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift

from .phantoms import Phantom, Radiation

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Beam:
    """A beam and its detector.

    Parameters
    ----------
    spectrum : dict
        Weight of each radiation: ``{"neutron": 1}``, or X-ray energies in keV. Two energies harden the beam.
    counts : float or None
        Mean open-beam counts per pixel and view; None measures without noise.
    blur : float
        Standard deviation of the point spread in pixels (geometric unsharpness for neutrons).
    scatter : float
        Scattered part of what the sample takes out of the beam, arriving as a smooth offset.
    zingers : float
        Part of the pixels hit by a gamma spot in each view.
    rings : float
        Relative standard deviation of the gain drift of a pixel between flat fields and scan.
    dark : float
        Mean dark counts.
    turn, offset : float, tuple of float
        The sample in this beam is turned by so many radians about the axis and moved by so many pixels (z, y, x)
        against the neutron frame.
    """

    spectrum: dict[Radiation, float] = field(default_factory=lambda: {"neutron": 1.0})
    counts: float | None = 2000.0
    blur: float = 0.0
    scatter: float = 0.0
    zingers: float = 0.0
    rings: float = 0.0
    dark: float = 0.0
    turn: float = 0.0
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)


Preset = Literal["ideal", "real"]


def beams(preset: Preset, counts: float | None, rng: np.random.Generator) -> tuple[Beam, Beam]:
    """Return the neutron and the X-ray beam of a preset.

    "ideal" has Poisson noise alone, which is what methods are compared on; "real" adds everything else. X-rays
    have ten times the counts.

    Parameters
    ----------
    preset : Preset
        ideal or real.
    counts : float or None
        Open-beam counts of a neutron pixel; None without noise.
    rng : np.random.Generator
        Draws blur and scatter.

    Returns
    -------
    neutron, xray : Beam
    """
    many = None if counts is None else 10 * counts
    if preset == "ideal":
        return Beam(counts=counts), Beam(spectrum={80: 1.0}, counts=many)
    neutron = Beam(
        counts=counts, blur=rng.uniform(0.6, 1.2), scatter=rng.uniform(0.02, 0.05), zingers=5e-4, rings=0.002, dark=20.0
    )
    xray = Beam(
        spectrum={60: 0.3, 100: 0.7},
        counts=many,
        blur=rng.uniform(0.3, 0.8),
        zingers=1e-5,
        rings=0.005,
        dark=100.0,
        turn=float(np.radians(rng.uniform(-2, 2))),
        offset=tuple(rng.uniform(-1.5, 1.5, 3)),
    )
    return neutron, xray


@dataclass(frozen=True)
class Counts:
    """A scan: projections (views, v, u), flat and dark fields (frames, v, u), all float32; angles in radians."""

    projections: Array
    flats: Array
    darks: Array
    angles: NDArray[np.float64]


def transmission(phantom: Phantom, angles: NDArray[np.float64], beam: Beam) -> Array:
    """Ideal transmission (views, v, u): intensities, not logarithms, are averaged over a pixel and a spectrum.

    Parameters
    ----------
    phantom : Phantom
    angles : ndarray, shape (views,)
        In radians.
    beam : Beam
        Whose spectrum counts.

    Returns
    -------
    ndarray of float32, shape (views, v, u)
        1 where the beam is open.
    """
    size = phantom.depth
    slabs = []
    for first in range(0, size, 16):
        last = min(first + 16, size)
        total: Array | None = None
        for radiation, weight in beam.spectrum.items():
            share = np.float32(weight / sum(beam.spectrum.values()))
            rays = share * np.exp(-phantom.integrals(radiation, angles + beam.turn, first, last))
            total = rays if total is None else total + rays
        assert total is not None, "a spectrum has at least one entry"
        slabs.append(total)
    fine = np.concatenate(slabs).transpose(1, 0, 2)
    if any(beam.offset):
        fine = _moved(fine, angles, beam.offset)
    result: Array = fine.reshape(*fine.shape[:2], -1, 2).mean(axis=3, dtype=np.float32)
    return result


def measure(
    phantom: Phantom, angles: NDArray[np.float64], beam: Beam, rng: np.random.Generator, frames: int = 10
) -> Counts:
    """Measure a phantom.

    Parameters
    ----------
    phantom : Phantom
        What stands in the beam.
    angles : ndarray
        (views,), radians.
    beam : Beam
        Beam and detector.
    rng : Generator
        Source of noise.
    frames : int
        Flat and dark frames.

    Returns
    -------
    Counts
        Projections (views, v, u), flats and darks (frames, v, u) in counts, of which the open beam is 1 without noise;
        angles in radians.
    """
    ideal = transmission(phantom, angles, beam)
    if beam.blur:
        ideal = gaussian_filter(ideal, (0, beam.blur, beam.blur), mode="nearest")
    if beam.scatter:
        wide = ideal.shape[2] / 8
        ideal = ideal + beam.scatter * gaussian_filter(1 - ideal, (0, wide, wide), mode="nearest")
    detector = ideal.shape[1:]
    open_beam = _profile(detector) if beam.counts is not None else np.ones(detector)
    level = 1.0 if beam.counts is None else beam.counts
    drift = 1 + beam.rings * rng.standard_normal(detector) if beam.rings else np.ones(detector)
    expected = level * open_beam * drift * ideal + beam.dark
    if beam.zingers:
        hit = rng.random(expected.shape) < beam.zingers
        expected = expected + hit * level * rng.uniform(0.5, 5.0, expected.shape)
    flats = np.broadcast_to(level * open_beam + beam.dark, (frames, *detector))
    darks = np.broadcast_to(np.full(detector, beam.dark), (frames, *detector))

    def counted(mean: NDArray[np.floating]) -> Array:
        return np.asarray(mean if beam.counts is None else rng.poisson(mean), np.float32)

    return Counts(counted(expected), counted(flats), counted(darks), angles)


def _profile(detector: tuple[int, ...]) -> NDArray[np.float64]:
    """Open beam: brighter in the middle by a few per cent, so that forgetting the flat field shows."""
    v, u = (np.linspace(-1, 1, n) for n in detector)
    return 1.03 - 0.06 * (0.5 * v[:, None] ** 2 + u[None, :] ** 2)


def _moved(fine: Array, angles: NDArray[np.float64], offset: tuple[float, float, float]) -> Array:
    """Shift each view as a sample moved by ``offset`` pixels (z, y, x; y downwards) would be; u is twice as fine."""
    dz, dy, dx = offset
    out = np.empty_like(fine)
    for index, angle in enumerate(angles):
        along = 2 * (dx * np.cos(angle) - dy * np.sin(angle))
        out[index] = shift(fine[index], (dz, along), order=1, mode="nearest")
    return out
