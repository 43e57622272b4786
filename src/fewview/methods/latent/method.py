"""CLS-DM: samples of a volume from 2 to 8 views, made consistent with them, their mean and their scatter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...models.latent.model import load_latent
from ...models.weights import WeightsError, find_weights, read_card
from ...options import Options, option
from ..classical.fbp import preview
from ..diffusion.loop import Parts, ReverseProcess, diffuse
from ..diffusion.options import positivity_option
from ..diffusion.start import nothing_there
from ..interface import Effort, Estimate, Method, Problem
from ..inverse.consistency import ProximalCG
from ..inverse.masking import measured, relative
from ..inverse.normalised import Scaled, scaled
from ..inverse.proposals import nonnegative
from ..slices import SliceNoise
from .seen import Rays, seen_of
from .space import ConditionedDenoiser, LatentSpace, renewing, rounds_of

VIEWS = (2, 8)
ERROR = 0.3
"""What the data weigh against, in six times the mean: the error of a decoded volume, some 0.1, is alike over about nine
voxels along a ray, and there counts as much as three times the error would if that of each voxel were its own."""
UNLIKE = 2.0
"""How many times worse than at its worst in validation the network may explain the views, before this is said."""
SHOWN = 3
"""Samples that are given beside the mean."""


class ClsDmOptions(Options):
    """Options of CLS-DM."""

    weights: str = option(
        "cls-dm",
        "Network",
        "The networks, by what they have learnt: cls-dm (simulated torsos), or the path of weights that "
        "`fewview train latent --stage diffusion` wrote.",
        offers=("cls-dm",),
    )
    samples: int = option(
        16,
        "Samples",
        "How many volumes that agree with the views are drawn; the result is their mean, and their standard deviation "
        "says how far to trust each voxel. More take longer in proportion.",
        ge=1,
    )
    steps: int = option(
        25,
        "Steps",
        "The number of network calls from noise to a volume. More draw more exactly, and take longer.",
        ge=2,
    )
    rounds: int = option(
        2,
        "Further rounds",
        "How often each volume, once it agrees with the views, is encoded, made a little noisy and denoised again. "
        "More rounds bring the network and the views closer together, and take longer.",
        ge=0,
    )
    data_steps: int = option(
        20,
        "Data step: iterations",
        "The number of conjugate gradient iterations that bring each decoded volume into agreement with the views. "
        "0 leaves the network's volumes as they are, which then do not fit the views.",
        ge=0,
    )
    positivity: bool = positivity_option()


class ClsDmPaperOptions(ClsDmOptions):
    """As published: no data step, no further rounds, one sample."""

    samples: int = option(1, "Samples", "How many volumes are drawn; the result is their mean.", ge=1)
    steps: int = option(50, "Steps", "The number of network calls from noise to a volume.", ge=2)
    rounds: int = option(0, "Further rounds", "How often each volume is encoded and denoised again.", ge=0)
    data_steps: int = option(
        0,
        "Data step: iterations",
        "The number of conjugate gradient iterations on the views; the paper has none.",
        ge=0,
    )


@torch.no_grad()
def solve(problem: Problem, options: ClsDmOptions) -> Iterator[Estimate]:
    """The volume that the aligned latent suggests, then the mean of the samples at every level."""
    if nothing_there(problem):
        yield Estimate(torch.zeros_like(preview(problem)), 1, 1, "nothing there", {"data_residual": 0.0})
        return
    A = problem.operator
    model = load_latent(options.weights, A.device)
    side = model.config.side
    seen, unit = seen_of(problem, Rays.of(A, side), side)
    data = scaled(problem, float(unit))
    slices = len(problem.data)
    space = LatentSpace(model, (slices, A.grid, A.grid), options.data_steps > 0, A.on_chunk or (lambda: None))
    aligned = space.decode(model.alignment.aligned(model.alignment(seen))[0].flatten(0, 1))
    run = _Run(problem, options, data, said(problem, options, aligned, data))
    levels = rounds_of(options.steps, options.rounds)
    gamma = (ERROR / data.noise) ** 2
    parts = Parts(
        levels, ConditionedDenoiser(space, seen), ProximalCG(options.data_steps, gamma), renewing, space=space
    )
    z = torch.zeros(options.samples * space.planes, model.config.latent, model.config.latent, device=A.device)
    process = ReverseProcess(z, aligned.repeat(options.samples, 1, 1), SliceNoise(problem.seed, space.planes, stream=3))
    if problem.state is None:
        process.x_t = process.white()
        yield run.estimate(aligned[None], 0, len(levels), "aligned", None)
    else:
        process.restore(problem.state)
    for event in diffuse(parts, data, process):
        last = process.step == len(levels)
        state = process.state() if event.done else None
        yield run.estimate(process.x.reshape(-1, *aligned.shape), process.step, len(levels), event.stage, state, last)


@dataclass(frozen=True, eq=False)
class _Run:
    """What all estimates of a run share."""

    problem: Problem
    options: ClsDmOptions
    data: Scaled
    said: list[str]

    def estimate(self, samples: Tensor, step: int, total: int, stage: str, state: Any, last: bool = False) -> Estimate:
        """Mean of the samples, their scatter, and at the end some of them."""
        mean = samples.mean(dim=0)
        if self.options.positivity and last and self.options.data_steps:
            mean = nonnegative(mean, self.data, (ERROR / self.data.noise) ** 2, 100)
        elif self.options.positivity:
            mean = mean.clamp(min=0)
        volume = mean * self.data.top
        extra = {"std": samples.std(dim=0) * self.data.top} if len(samples) > 1 else {}
        if last:
            extra |= {f"sample_{k + 1}": one * self.data.top for k, one in enumerate(samples[:SHOWN])}
        y, weights = measured(self.problem)
        residual = relative(self.problem.operator(volume) - y, y, weights)
        chosen = {"outside_training": self.said}
        scalars = {"data_residual": residual, "scale": self.data.top}
        return Estimate(volume, step, total, stage, scalars, state, chosen, extra)


def said(problem: Problem, options: ClsDmOptions, aligned: Tensor, data: Scaled) -> list[str]:
    """What whoever sees the result must know, in full sentences.

    Parameters
    ----------
    problem : Problem
    options : ClsDmOptions
    aligned : Tensor, shape (slices, y, x)
        What the networks make of the views before any data step, in units of six times the mean.
    data : Scaled
    """
    views, A = problem.operator.views, problem.operator
    told = [
        f"{views} views do not determine a volume: what they leave open comes from the volumes that the network has "
        "learnt. Look at the samples and at their standard deviation before you trust a detail."
    ]
    if not VIEWS[0] <= views <= VIEWS[1]:
        told.append(f"The scan has {views} views; the network was trained for {VIEWS[0]} to {VIEWS[1]}.")
    if len(problem.data) != A.grid:
        told.append(
            f"The volume has {len(problem.data)} slices of {A.grid} pixels; the network learnt cubes and stretches it."
        )
    card = read_card(find_weights(options.weights))
    worst = card.get("figures", {}).get("unexplained")
    y, weights = measured(problem)
    found = relative(A(aligned * data.top) - y, y, weights)
    noise = data.noise * A.norm * data.top * y[0].numel() ** 0.5 / float(y.square().sum(dim=(1, 2)).mean().sqrt())
    if worst is not None and found > UNLIKE * (worst**2 + noise**2) ** 0.5:
        told.append(
            f"The network leaves {found:.0%} of the views unexplained, against {worst:.0%} at worst of volumes like "
            "those it has learnt: this sample is unlike them, and the views do not determine it. Do not use this "
            "result: take more views, or another method, such as tv."
        )
    return told


def _missing() -> str | None:
    try:
        find_weights(ClsDmOptions().weights)
    except WeightsError as error:
        return f"{error.problem} Train them with `fewview train latent`, one --stage after the other."
    return None


def _method(name: str, title: str, summary: str, options: type[ClsDmOptions]) -> Method[Any]:
    return Method(
        name=name,
        title=title,
        family="diffusion",
        summary=summary,
        source="After the Consistent Latent Space Diffusion Model, with lifting along the rays and a data step",
        options=options,
        solve=solve,
        effort=lambda problem, options: Effort(solving=1.0),
        needs=frozenset({"weights"}),
        missing=_missing,
        buffers=lambda options: (10.0 + 6 * options.samples, 4.0 + 2 * options.samples),
        beside=lambda options, grid, device: 64 * 2**20,
        halo=None,
        for_comparison=options is ClsDmPaperOptions,
    )


CLS_DM = _method(
    "cls-dm",
    "Latent diffusion from two views",
    "A volume from 2 to 8 views by a network that knows such volumes: samples, their mean and their scatter.",
    ClsDmOptions,
)
CLS_DM_PAPER = _method(
    "cls-dm-paper",
    "CLS-DM as published",
    "One sample of latent diffusion without a data step, as published: for comparisons; it does not fit the views.",
    ClsDmPaperOptions,
)
