"""One call from a phantom's name to a neutron scan, an X-ray scan and the truth of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..geometry import FanBeam
from ..options import Options, option
from .acquire import Beam, Counts, Preset, beams, measure
from .fan import FanPhantom
from .phantoms import Phantom, make_phantom

Volume = NDArray[np.float32]


class Simulation(Options):
    """Options of :func:`simulate`."""

    phantom: str = option(
        "microstructure",
        "Phantom",
        "The kind of sample: microstructure, ellipses, shapes, grains, fibres, foam or anatomy.",
    )
    size: int = option(
        128,
        "Size",
        "Pixels on each side of a slice, an even number. More show finer detail and take longer.",
        unit="px",
        ge=16,
        le=1024,
    )
    depth: int = option(
        0,
        "Slices",
        "The number of slices; 0 takes as many as a slice has pixels on a side.",
        unit="slices",
        ge=0,
        le=2048,
    )
    views: int = option(
        32,
        "Views",
        "The number of neutron views, spread equally over 180 degrees, or over 360 for a fan beam. Fewer leave "
        "more streaks.",
        unit="views",
        ge=1,
        le=20_000,
    )
    counts: float = option(
        2000.0,
        "Counts",
        "Neutron counts per pixel of the open beam. More make less noise, and 0 makes none.",
        ge=0,
        le=1e9,
    )
    xray_views: int = option(
        128,
        "X-ray views",
        "The number of X-ray views, spread over the same arc; 0 makes no X-ray scan.",
        unit="views",
        ge=0,
        le=20_000,
    )
    beam: Literal["parallel", "fan"] = option(
        "parallel",
        "Beam",
        "Whether rays are parallel, with views over 180 degrees, or a fan from a source, with views over 360 "
        "degrees, row by row.",
    )
    sod: float = option(
        40.0,
        "Source to axis",
        "Distance from the source of a fan beam to the rotation axis. A smaller one magnifies more and widens the fan.",
        unit="mm",
        gt=0,
        le=1e6,
    )
    sdd: float = option(
        120.0,
        "Source to detector",
        "Distance from the source of a fan beam to the detector. A larger one magnifies more.",
        unit="mm",
        gt=0,
        le=1e6,
    )
    preset: Preset = option(
        "ideal",
        "Imperfections",
        "What is wrong with the measurement: ideal has Poisson noise alone; real also has blur, scatter, rings, "
        "zingers and dark counts.",
    )
    seed: int = option(
        0,
        "Seed",
        "The number that every random choice follows from: equal seeds give equal samples. No training uses a seed "
        "below 100000.",
        ge=0,
        le=2**63 - 1,
    )


@dataclass(frozen=True)
class Simulated:
    """What :func:`simulate` returns.

    Volumes are (z, y, x) in mm^-1; scans hold counts (views, v, u), flats and darks, angles in radians; the axis of
    rotation is the middle of the detector, ``(size - 1) / 2``. ``pixel`` is the side of a voxel, mm; ``fan`` says how
    wide the detector's pixels are and where the source is, where the beam is not parallel.
    """

    truth_neutron: Volume
    truth_xray: Volume
    neutron: Counts
    xray: Counts | None
    neutron_beam: Beam
    xray_beam: Beam
    pixel: float
    options: Simulation
    fan: FanBeam | None = None


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
    phantom_size = options.size - options.size % 2
    phantom = make_phantom(options.phantom, phantom_size, options.seed, options.depth or None)
    # Streams of their own: more views or no X-rays leave sample and beams as they were.
    beam_rng, neutron_rng, xray_rng = (np.random.default_rng([options.seed, stream]) for stream in (11, 12, 13))
    neutron_beam, xray_beam = beams(options.preset, options.counts or None, beam_rng)
    fan = FanPhantom(phantom, phantom_size, options.sod, options.sdd) if options.beam == "fan" else None
    seen: Phantom
    seen, turn = (phantom, np.pi) if fan is None else (fan, 2 * np.pi)
    neutron = measure(seen, _angles(options.views, turn), neutron_beam, neutron_rng)
    xray = measure(seen, _angles(options.xray_views, turn), xray_beam, xray_rng) if options.xray_views else None
    return Simulated(
        truth_neutron=phantom.truth("neutron"),
        truth_xray=phantom.truth(80),
        neutron=neutron,
        xray=xray,
        neutron_beam=neutron_beam,
        xray_beam=xray_beam,
        pixel=phantom.pixel,
        fan=None if fan is None else fan.beam,
        options=options,
    )


def _angles(views: int, turn: float) -> NDArray[np.float64]:
    return np.arange(views, dtype=np.float64) * (turn / max(views, 1))
