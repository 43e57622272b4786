"""What repairs take beside the field, by what the weights of the fixer hold: memory, and work for the progress."""

from __future__ import annotations

from ...models.fixer import CompactFixer
from ...models.sd_turbo.weights import held_bytes
from ...models.weights import network_kind
from ..diffusion.denoiser import batch_bytes
from ..interface import Problem
from ..size import Size
from ..stages import work
from .options import RepairOptions
from .pseudo_reference import ERRORS, ITERATIONS

VOLUMES = 6.0
"""Held beside the field: repaired, pseudo-reference, the field before, its condition, and what is shown of them."""
UNROLLED_VOLUMES = 20.0
"""What the stages of an unrolled network hold more than a step of the field does."""
COMPACT = 300
"""Values per pixel of the batch of a compact fixer, measured."""
WORK = {"fixer": 2500.0, "unrolled": 19000.0, "sd-turbo": 2500.0}
"""Of a fixer, per pixel: measured against TV's iterations, all on one core (SD-Turbo's is not known)."""
USUAL = 2
"""Repairs on the way that a run is expected to make, of those that it may."""


def repair_volumes(options: RepairOptions) -> float:
    """Volumes held beside the field."""
    return VOLUMES + (UNROLLED_VOLUMES if network_kind(options.fixer) == "unrolled" else 0.0)


def repair_bytes(options: RepairOptions, size: Size) -> int:
    """Bytes of the fixer and of what is on its way through it."""
    kind = network_kind(options.fixer)
    if kind == "unrolled":
        return batch_bytes(size)
    if kind == "sd-turbo":
        return held_bytes(options.fixer)
    return 4 * CompactFixer.together * (size.grid * options.enlarge) ** 2 * COMPACT


def repair_work(problem: Problem, options: RepairOptions) -> float:
    """Work of the repairs that a run is expected to make: the fixer, and trials of its certainty by held-out pixels.

    Parameters
    ----------
    problem : Problem
    options : RepairOptions
    """
    pixels = len(problem.data) * problem.operator.grid**2 * options.enlarge**2
    errors = len(ERRORS) if options.stop and not options.repair_error else 1
    fixing = WORK.get(network_kind(options.fixer), WORK["fixer"]) * pixels
    once = fixing + (work(problem, errors * ITERATIONS) if options.consistent else 0.0)
    last = (2 if options.stop else 1) if options.last_repair else 0  # judged first, then made
    return (min(options.repairs, USUAL) + last) * once
