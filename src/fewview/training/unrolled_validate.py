"""How good an unrolled network is on validation seeds, at fixed numbers of views."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..methods.diffusion.start import least_squares
from ..methods.interface import Problem
from ..methods.inverse.normalised import robust_maximum, scaled
from ..methods.supervised.xray_reading import shown
from ..models.unrolled import Unrolled
from ..operators import parallel_beam
from ..simulate.seeds import nth
from .acquisitions import measured
from .sources import MAKERS, Kind
from .specimens import halved, specimens

VIEWS = (8, 16, 32)
COUNTS = 2000.0
DEPTH = 3  # slices
SIDE = 64  # pixels of the slices that the figures of a card are measured on


@lru_cache(maxsize=64)
def validation_case(kind: Kind, index: int, views: int, side: int) -> tuple[Problem, Tensor]:
    """A validation sample measured at 2000 counts over 180 degrees, and its truth in units of the problem.

    Parameters
    ----------
    kind : Kind
    index : int
        Of the sample.
    views : int
    side : int
        Pixels.

    Returns
    -------
    tuple[Problem, Tensor]
        The truth has the shape (:data:`DEPTH`, side, side).
    """
    blocks = MAKERS[kind](nth("validation", index), 2 * side)
    rng = np.random.default_rng([index, views, 77])
    fine, _ = specimens([blocks[index % len(blocks)]], side, 1, DEPTH, rng)
    A = parallel_beam(np.arange(views) * np.pi / views, columns=side)
    once = {"counts": (COUNTS, COUNTS), "thickness": (2.0, 2.0), "noiseless": 0.0}
    problem = measured(fine, A, rng, **once)  # type: ignore[arg-type]
    assert problem.state is not None
    return problem, halved(fine) * problem.state["peak"]


@torch.no_grad()
def reconstructed(net: Unrolled, problem: Problem, slices: int) -> Tensor:
    """What a network makes of a measured sample.

    Parameters
    ----------
    net : Unrolled
    problem : Problem
    slices : int
        That belong together, next to each other.

    Returns
    -------
    Tensor, shape (slices, y, x)
        In units of the problem.
    """
    data = scaled(problem, robust_maximum(least_squares(problem)))
    image: Tensor = net(data, slices, extra=shown(net, problem, data)) * data.top
    return image


@torch.no_grad()
def unrolled_psnr(net: Unrolled, cases: Iterable[tuple[Problem, Tensor]]) -> float:
    """PSNR in dB of the truth's range, mean over measured samples, on the CPU; X-ray volumes are shown."""
    net = copy.deepcopy(net).cpu()
    values = []
    for problem, truth in cases:
        mse = float((reconstructed(net, problem, len(truth)) - truth).double().square().mean())
        values.append(20 * math.log10(float(truth.max() - truth.min())) - 10 * math.log10(mse))
    return round(sum(values) / len(values), 3)


def kind_psnr(net: Unrolled, kind: Kind, samples: int = 4) -> dict[str, float]:
    """:func:`unrolled_psnr` on validation samples of a kind, by number of views.

    Parameters
    ----------
    net : Unrolled
    kind : Kind
    samples : int, optional
        Of each number of views.

    Returns
    -------
    dict
        In dB.
    """
    return {
        str(views): unrolled_psnr(net, (validation_case(kind, k, views, SIDE) for k in range(samples)))
        for views in VIEWS
    }
