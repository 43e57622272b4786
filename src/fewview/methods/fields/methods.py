"""The neural fields by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

from ...options import Options
from ..interface import Method
from ..size import Size
from .field import POINTS
from .gaussians import BIRTHS, MOST, SETTLED
from .loop import REVISED
from .options import FieldOptions, GaussiansOptions, SirenOptions
from .pyramid import FEATURES, RATIO, WIDTH
from .siren import BATCH
from .solve import PACING, effort, finishing, solve, tune
from .start import VOXELS, gaussians, pyramid, siren

# On the lattice, counted in the data step: field, target, best so far, first volume, CG's six and TV's differences.
LATTICE, SINOGRAMS = 18.0, 4.0
FITTING = 10.0  # of them while the field is fitted
COPIES = 5  # of each parameter: itself, its gradient, two moments, the best so far
NUMBERS = 11  # of a Gaussian, and a flag
OCCUPIED = math.pi / 4  # of the grid, by an object that fills the circle that all views see
PASSING = 100  # while it is fitted: covariances and their gradients


def _beside(values: float) -> Callable[[Options, Size], int]:
    """Bytes of the slab on its way through the field and back, for so many values per voxel."""
    return lambda options, size: int(_slab(POINTS, size) * values)


def _siren_slab(options: Options, size: Size) -> int:
    """Sum, sine and what goes on, where all values are asked for; with gradients two of each layer, and three more."""
    assert isinstance(options, SirenOptions)
    asked, fitted = 3.0 * options.width, (2.0 * options.layers + 3) * options.width
    return int(max(_slab(POINTS, size) * asked, _slab(BATCH, size) * fitted))


def _slab(points: Mapping[str, int], size: Size) -> int:
    """Bytes of one value at each point of a slab, which is a slice at least."""
    return 4 * max(points.get(size.device, points["cpu"]), size.grid**2)


def _buffers(parameters: float) -> Callable[[Options], tuple[float, float]]:
    """Volumes and sinograms of a field whose parameters take so many volumes with all their copies."""

    def of(options: Options) -> tuple[float, float]:
        assert isinstance(options, FieldOptions)
        finer = 3.0 * options.finer**3 if options.finer > 1 else 0.0  # made, clipped and handed out
        return LATTICE + parameters + finer, SINOGRAMS

    return of


def _apart(options: Options) -> float:
    return LATTICE - FITTING


def _growth(options: GaussiansOptions) -> float:
    """How many times as many Gaussians a run may end with as it began with."""
    fits = (options.steps, finishing(options)) if options.stop else (options.steps,)
    looks = sum(max(0, int((SETTLED * steps + 1) // REVISED)) for steps in fits)
    return min(MOST, (1 + 1 / BIRTHS) ** looks)


def _gaussian_buffers(options: Options) -> tuple[float, float]:
    """Where their number follows from the object: at most, it fills the field of view."""
    assert isinstance(options, GaussiansOptions)
    return _buffers(0.0 if options.count else _growth(options) * OCCUPIED / VOXELS * NUMBERS * COPIES)(options)


def _gaussian_beside(options: Options, size: Size) -> int:
    """What the fit takes of each Gaussian on its way; and where their number is given, they themselves."""
    assert isinstance(options, GaussiansOptions)
    number = _growth(options) * (options.count or OCCUPIED * size.slices * size.grid**2 / VOXELS)
    return _beside(4.0)(options, size) + int(4 * number * (PASSING + (NUMBERS * COPIES if options.count else 0)))


_PYRAMID = FEATURES / (1 - RATIO**-3) * COPIES  # the finest level is as fine as the lattice

INR = Method(
    name="inr",
    title="Implicit representation (SIREN)",
    family="fields",
    summary="A small network of sines that is told a first volume and corrects it; smooth between slices.",
    source="Sitzmann et al., NeurIPS 2020; FBP input after DINR, CVPR 2026, arXiv:2603.10947",
    options=SirenOptions,
    solve=partial(solve, make=siren),
    tune=tune,
    effort=effort,
    pacing=PACING,
    buffers=_buffers(0.0),
    beside=_siren_slab,
    apart=_apart,
    halo=None,  # one field for all slices
    presets={"draft": {"steps": 12, "width": 64}, "best": {"steps": 120, "width": 256}},
)
NAF = Method(
    name="naf",
    title="Neural attenuation field (NAF)",
    family="fields",
    summary="Features on grids of several resolutions, read by a small network: quick, and free of streaks.",
    source="After Zha et al., MICCAI 2022, arXiv:2209.14540; dense grids, layer normalisation, all views at each step",
    options=FieldOptions,
    solve=partial(solve, make=pyramid),
    tune=tune,
    effort=effort,
    pacing=PACING,
    buffers=_buffers(_PYRAMID),
    beside=_beside(8.0 * WIDTH),
    apart=_apart,
    halo=None,  # one field for all slices
    presets={"draft": {"steps": 20}, "best": {"steps": 180}},
)
R2_GAUSSIAN = Method(
    name="r2gaussian",
    title="Gaussians (R2-Gaussian)",
    family="fields",
    summary="Some thousands of 3D Gaussians, moved, stretched and added to where the data ask for it.",
    source="After Zha et al., NeurIPS 2024, arXiv:2405.20693; voxelised, from TV, born where the residual is",
    options=GaussiansOptions,
    solve=partial(solve, make=gaussians),
    tune=tune,
    effort=effort,
    pacing=PACING,
    buffers=_gaussian_buffers,
    beside=_gaussian_beside,
    apart=_apart,
    halo=None,  # one field for all slices
    presets={"draft": {"steps": 30}, "best": {"steps": 300}},
)
