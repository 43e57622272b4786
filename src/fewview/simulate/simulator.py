"""One call from a phantom's name to a neutron scan, an X-ray scan and the truth of both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..options import Options, option
from .acquire import Beam, Counts, Preset, beams, measure
from .phantoms import make_phantom

Volume = NDArray[np.float32]


class Simulation(Options):
    """Options of :func:`simulate`."""

    phantom: str = option("microstructure", "Phantom", "microstructure, ellipses, shapes, grains, fibres or foam.")
    size: int = option(128, "Size", "Pixels a side; even.", unit="px", ge=16, le=1024)
    depth: int = option(0, "Slices", "Slices; 0 for as many as the size.", unit="slices", ge=0, le=2048)
    views: int = option(32, "Views", "Neutron views, equally spread over 180 degrees.", unit="views", ge=1)
    counts: float = option(2000.0, "Counts", "Open-beam neutron counts per pixel; 0 for no noise.", ge=0)
    xray_views: int = option(128, "X-ray views", "X-ray views over 180 degrees; 0 for none.", unit="views", ge=0)
    preset: Preset = option("ideal", "Imperfections", "ideal: Poisson noise alone. real: blur, scatter, rings...")
    seed: int = option(0, "Seed", "Up to 99999: never used by any training.", ge=0)


@dataclass(frozen=True)
class Simulated:
    """What :func:`simulate` returns.

    Volumes are (z, y, x) in mm^-1; scans hold counts (views, v, u), flats and darks, angles in radians; the axis of
    rotation is the middle of the detector, ``(size - 1) / 2``.
    """

    truth_neutron: Volume
    truth_xray: Volume
    neutron: Counts
    xray: Counts | None
    neutron_beam: Beam
    xray_beam: Beam
    pixel: float
    options: Simulation


def simulate(options: Simulation | None = None) -> Simulated:
    """Make a phantom and measure it with neutrons and with X-rays.

    Parameters
    ----------
    options : Simulation, optional
        Everything follows from them; the same options give the same bytes.

    Raises
    ------
    OptionError
        There is no such phantom.
    """
    options = options or Simulation()
    phantom = make_phantom(options.phantom, options.size - options.size % 2, options.seed, options.depth or None)
    # Streams of their own: more views or no X-rays leave sample and beams as they were.
    beam_rng, neutron_rng, xray_rng = (np.random.default_rng([options.seed, stream]) for stream in (11, 12, 13))
    neutron_beam, xray_beam = beams(options.preset, options.counts or None, beam_rng)
    neutron = measure(phantom, _angles(options.views), neutron_beam, neutron_rng)
    xray = measure(phantom, _angles(options.xray_views), xray_beam, xray_rng) if options.xray_views else None
    return Simulated(
        truth_neutron=phantom.truth("neutron"),
        truth_xray=phantom.truth(80),
        neutron=neutron,
        xray=xray,
        neutron_beam=neutron_beam,
        xray_beam=xray_beam,
        pixel=phantom.pixel,
        options=options,
    )


def _angles(views: int) -> NDArray[np.float64]:
    return np.arange(views, dtype=np.float64) * (np.pi / max(views, 1))
