"""FBP, SIRT and CGLS of the ASTRA toolbox, on the CPU: for comparison with what a lab is used to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import MethodUnavailable
from ...operators import Operator
from ...operators.astra import beam_of, kernel_of, load_astra
from ...operators.fbp import by_halves, require_parallel
from ...options import Options, option
from ..budget import BudgetOptions, OnePassOptions
from ..classical.fbp import bridge, on_seen_views
from ..interface import Estimate, Method, Problem
from ..inverse.masking import measured, relative

CHUNK = 10  # iterations, or slices of FBP, between two estimates


class AstraOptions(OnePassOptions):
    """Options of ASTRA's FBP: a time budget, which changes nothing."""


class AstraIterativeOptions(BudgetOptions):
    """Options of ASTRA's iterative methods."""

    iterations: int = option(
        100,
        "Iterations",
        "The number of updates of the volume. More give a sharper and noisier volume, and take longer.",
        ge=1,
    )


def missing() -> str | None:
    """Why ASTRA cannot be used here, and how to get it."""
    try:
        load_astra()
    except MethodUnavailable as error:
        return str(error)
    return None


def _method(name: str, title: str, algorithm: str, options: type[Options]) -> Method[Any]:
    return Method(
        name=name,
        title=title,
        family="external",
        summary=f"ASTRA's {algorithm} on the CPU, slice by slice: the same as a lab's own scripts give.",
        source="van Aarle et al., Optics Express 24 (2016) 25129",
        options=options,
        solve=_solver(algorithm),
        missing=missing,
        buffers=(2.0, 2.0),
        resumable=False,
    )


@torch.no_grad()
def _filtered(problem: Problem, options: Options) -> Iterator[Estimate]:
    """FBP, for which ASTRA wants a detector that is centred on the axis; unusable pixels are bridged as in ours."""
    A = problem.operator
    require_parallel(A, "ASTRA's FBP")
    y, weights = measured(problem, weighted=False)

    def slices(A: Operator, y: Tensor) -> Tensor:
        images = [image for row in y.double().cpu().numpy() for _, image in _slice("FBP", A, row, 1)]
        return torch.from_numpy(np.stack(images) / A.volume.voxel).to(y)

    volume = A.zeros(len(y))
    starts = range(0, len(y), CHUNK)
    for step, start in enumerate(starts, start=1):
        part = slice(start, start + CHUNK)
        usable = None if weights is None else weights[part]
        volume[part] = on_seen_views(A, y[part], usable, partial(by_halves, reconstruct=slices))
        last = {"data_residual": relative(A(volume) - y, y, weights)} if step == len(starts) else {}
        yield Estimate(volume, step, len(starts), "filtering", last)


def _solver(algorithm: str) -> Callable[[Problem, Options], Iterator[Estimate]]:
    if algorithm == "FBP":
        return _filtered

    def solve(problem: Problem, options: Options) -> Iterator[Estimate]:
        A = problem.operator
        y, weights = measured(problem, weighted=False)
        seen = np.ones(y.shape[:2], dtype=bool) if weights is None else (weights > 0).any(dim=2).cpu().numpy()
        rows = (y if weights is None else bridge(y, weights > 0)).double().cpu().numpy()  # ASTRA knows no weights
        assert isinstance(options, AstraIterativeOptions)
        iterations = options.iterations
        volume = A.zeros(len(rows)).numpy()
        total = len(rows) * iterations
        for k, row in enumerate(rows):
            views = np.flatnonzero(seen[k])
            part = A if len(views) == len(row) else A.subset(views)
            for done, image in _slice(algorithm, part, row[views], iterations):
                volume[k] = image / A.volume.voxel
                estimate = torch.from_numpy(volume).to(y)
                scalars = {}
                if k * iterations + done == total:
                    scalars["data_residual"] = relative(A(estimate) - y, y, weights)
                yield Estimate(estimate, k * iterations + done, total, "iterating", scalars)

    return solve


def _slice(
    algorithm: str, A: Operator, row: NDArray[np.float64], iterations: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Iterations done and image, in 1/pixel, of one slice.

    Where a step would divide by the nothing that is left to explain, as CGLS of a single view does, the image stays.
    """
    astra = load_astra()
    if algorithm == "FBP":  # which ASTRA has only for a detector that is centred on the axis
        row = _centred(row, A.geometry.centre)
        beam = astra.create_proj_geom("parallel", A.geometry.pitch / A.volume.voxel, row.shape[1], A.angles)
    else:
        beam = beam_of(astra, A.geometry, A.volume)
    grid = astra.create_vol_geom(A.grid, A.grid)
    projector = astra.create_projector(kernel_of(A.geometry), beam, grid)
    data = [
        astra.data2d.create("-sino", beam, np.ascontiguousarray(row, np.float32)),
        astra.data2d.create("-vol", grid),
    ]
    config = astra.astra_dict(algorithm)
    config.update(ProjectorId=projector, ProjectionDataId=data[0], ReconstructionDataId=data[1])
    solver = astra.algorithm.create(config)
    try:
        step = 1 if algorithm == "CGLS" else CHUNK
        image = np.zeros((A.grid, A.grid), np.float32)
        for start in range(0, iterations, step):
            stop = min(start + step, iterations)
            astra.algorithm.run(solver, stop - start)
            A.tick()
            before, image = image, astra.data2d.get(data[1])
            if not np.isfinite(image).all():
                yield iterations, before
                return
            if stop % CHUNK == 0 or stop == iterations:
                yield stop, image
    finally:
        astra.algorithm.delete(solver)
        astra.data2d.delete(data)
        astra.projector.delete(projector)


def _centred(row: NDArray[np.float64], axis: float) -> NDArray[np.float64]:
    """The sinogram on a detector whose middle is the axis: whole columns are added, under half of one is shifted."""
    columns = row.shape[1]
    lack = columns - 1 - round(2 * axis)  # columns by which the left side is shorter than the right
    left, right = max(0, lack), max(0, -lack)
    padded = np.pad(row, ((0, 0), (left, right)))
    middle = (padded.shape[1] - 1) / 2
    shift = middle - (axis + left)
    if abs(shift) > 1e-6:
        length = 2 * padded.shape[1]
        phase = np.exp(-2j * np.pi * np.fft.rfftfreq(length) * shift)
        padded = np.fft.irfft(np.fft.rfft(padded, length) * phase, length)[:, : padded.shape[1]]
    return padded


FBP = _method("astra-fbp", "ASTRA FBP", "FBP", AstraOptions)
SIRT = _method("astra-sirt", "ASTRA SIRT", "SIRT", AstraIterativeOptions)
CGLS = _method("astra-cgls", "ASTRA CGLS", "CGLS", AstraIterativeOptions)
