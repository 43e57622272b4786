"""What the steps of a field are expected to take: for the progress of a run, in the unit of its other stages."""

from __future__ import annotations

from ..interface import Problem
from ..stages import work
from .field import POINTS
from .options import FieldOptions, GaussiansOptions, SirenOptions
from .siren import BATCH

# Work of one evaluation with its gradients, per voxel; measured against TV's iterations on one core, on one slice of
# 160 pixels a side and on eight of 96; of the pyramid also against the network of a diffusion, on four of 128. Of the
# network of sines it is that of a weight.
PYRAMID, GAUSSIANS, SINES = 1200.0, 150.0, 0.085
FORWARD = 1 / 3  # of it, without gradients


def step_work(
    problem: Problem, options: FieldOptions, inner: int | None = None, data_steps: int | None = None
) -> float:
    """Work of a step: conjugate gradients on the lattice, fits to slabs of it, and all values anew.

    Parameters
    ----------
    problem : Problem
    options : FieldOptions
        Of any of the fields.
    inner, data_steps : int, optional
        Fits, and iterations on the lattice, where they are not those of the options.

    Returns
    -------
    float
        In the unit of :func:`fewview.methods.stages.work`.
    """
    inner = options.inner if inner is None else inner
    data_steps = options.data_steps if data_steps is None else data_steps
    voxels = len(problem.data) * problem.operator.grid**2
    device = problem.operator.device.type
    batch = BATCH if isinstance(options, SirenOptions) else POINTS
    # A slab is a slice at least.
    fitted = min(voxels, max(batch.get(device, batch["cpu"]), problem.operator.grid**2))
    cost = _evaluation(options)
    return work(problem, data_steps) + (inner * fitted + FORWARD * voxels) * cost


def _evaluation(options: FieldOptions) -> float:
    if isinstance(options, SirenOptions):
        return SINES * options.layers * options.width**2
    return GAUSSIANS if isinstance(options, GaussiansOptions) else PYRAMID
