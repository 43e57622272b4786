"""Gridrec of tomopy: the synchrotron's standard."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch

from ...options import Options, option
from ..interface import Estimate, Method, Problem
from ..measured import measured, relative


class GridrecOptions(Options):
    """Options of gridrec."""

    filter: Literal["none", "shepp", "cosine", "hann", "hamming", "ramlak", "parzen", "butterworth"] = option(
        "parzen", "Filter", "tomopy's filter; Parzen is the smoothest, ramlak the sharpest."
    )


def missing() -> str | None:
    """Why tomopy cannot be used here, and how to get it."""
    if importlib.util.find_spec("tomopy") is None:
        return "tomopy is not installed. It is not on PyPI: conda install -c conda-forge tomopy."
    return None


def run(problem: Problem, options: GridrecOptions) -> Iterator[Estimate]:
    """All slices in one call; tomopy works in pixels."""
    import tomopy

    A = problem.operator
    y, weights = measured(problem, weighted=False)
    views = np.ascontiguousarray(y.float().cpu().numpy().swapaxes(0, 1))
    kind = options.filter
    image = tomopy.recon(views, A.angles, center=A.axis, algorithm="gridrec", filter_name=kind, num_gridx=A.grid)
    volume = torch.from_numpy(np.asarray(image, dtype=np.float32)).to(y) / A.pixel
    yield Estimate(volume, 1, 1, "filtering", {"data_residual": relative(A(volume) - y, y, weights)})


METHOD = Method(
    name="tomopy-gridrec",
    title="tomopy gridrec",
    family="external",
    summary="tomopy's Fourier method for many evenly spaced views.",
    source="Dowd et al., Proc. SPIE 3772 (1999) 224; Gursoy et al., J. Synchrotron Rad. 21 (2014) 1188",
    options=GridrecOptions,
    run=run,
    missing=missing,
    buffers=(3.0, 4.0),
    resumable=False,
)
