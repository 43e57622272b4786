"""End-to-end training of an unrolled network: slices are measured, reconstructed, and compared with what they are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor

from ..methods.diffusion.start import least_squares
from ..methods.interface import Problem
from ..methods.inverse.normalised import robust_maximum, scaled
from ..methods.supervised.xray_reading import reading
from ..models.unrolled import Unrolled, UnrolledConfig
from ..options import option
from .acquisitions import Acquisitions, measured
from .common_options import rate_option, start_option
from .pool import Pool
from .sources import MIXTURES, Kind
from .specimens import SOFT, WIDE, halved, specimens
from .trainer import BatchOptions, OptionsT, Report, Trainer
from .unrolled_validate import kind_psnr

SIDES = ((64, 0.4), (96, 0.3), (128, 0.3))
"""Sides of the slices after the first part of the training, and how often each is drawn."""
OTHERS = 0.1  # weight of the stages before the last
SCORES: tuple[float, float] = (0.01, 1.0)  # noise of the states, in parts of the object's maximum


class UnrolledTraining(BatchOptions):
    """Options of :func:`train_unrolled`."""

    kind: Literal["materials", "general"] = option(
        "materials",
        "Images",
        "The samples that are learnt: materials, concrete-like microstructures alone; or general, those and plain "
        "shapes, grains, fibres and layers.",
    )
    xray: bool = option(
        False,
        "With X-rays",
        "In half of the steps the network also sees an X-ray volume of the sample, and sometimes a wrong one.",
    )
    stages: int = option(
        4,
        "Stages",
        "How many pairs of a network and a data step follow one another. More can learn more and take longer.",
        ge=1,
        le=8,
    )
    krylov: bool = option(
        True, "Krylov directions", "The networks see what the measurement says of their image; off is for comparisons."
    )
    start: str = start_option()
    small: float = option(
        0.6,
        "Small first",
        "The share of the time that is spent on slices of 64 pixels alone. A larger share learns faster at first, "
        "and less of large slices.",
        ge=0,
        le=1,
    )
    scores: float = option(
        0.4,
        "Score steps",
        "The share of the steps in which the network also sees a noisy image of the object, which lets it draw "
        "samples. A larger share draws better samples.",
        ge=0,
        le=1,
    )
    rate: float = rate_option(8e-4)


def train_unrolled(options: UnrolledTraining, folder: Path, pool: Path | None = None, report: Report = print) -> Path:
    """Train an unrolled network, or go on with the training that ``folder`` holds.

    Parameters
    ----------
    options : UnrolledTraining
        What to train on and for how long. The minutes count over all resumed parts.
    folder : Path
        Gets ``state.safetensors`` (to resume) and ``curve.json`` (validation against minutes).
    pool : Path, optional
        Where generated training images are kept; ``folder / "pool"`` when not given.
    report : callable
        Takes lines of progress.

    Returns
    -------
    Path
        The state; :func:`fewview.training.unrolled_export.export_unrolled` makes weights of it.
    """
    from .unrolled_xray import PairedTrainer

    maker = PairedTrainer if options.xray else SimulatedTrainer
    return maker(options, folder, pool or folder / "pool", report).run()


class UnrolledTrainer(Trainer[OptionsT]):
    """What the clock does not know: measured slices, and the loss of every stage."""

    warm_up = 200
    stages: int
    krylov: bool
    start: str
    extra = 0
    """Further images of the object that the network is shown."""

    def network(self) -> Unrolled:
        """A new network, or the one to start from."""
        if self.start:
            from ..models.weights import load_unrolled

            started = load_unrolled(self.start)
            return started.with_extra(self.extra).train().requires_grad_(True)
        return Unrolled(UnrolledConfig(stages=self.stages, krylov=self.krylov, extra=self.extra))

    def further_facts(self) -> dict[str, Any]:
        """The shape of the network."""
        return {"config": cast(Unrolled, self.net).config.model_dump_json()}

    def descend(
        self, problem: Problem, clean: Tensor, depth: int, sigma: float | None = None, extra: Tensor | None = None
    ) -> float:
        """Gradients of the loss of one measured batch, whose truth is ``clean`` times the peak in its state.

        Parameters
        ----------
        problem : Problem
        clean : Tensor, shape (slices, y, x)
            Between 0 and 1.
        depth : int
            Slices of one stack.
        sigma : float, optional
            Noise of the state that is shown, too; None shows none.
        extra : Tensor, shape (slices, y, x), optional
            X-ray slices of the same places.

        Returns
        -------
        float
            The loss, relative to the error of the start.
        """
        assert problem.state is not None
        top = robust_maximum(least_squares(problem))
        data = scaled(problem, max(top, 1e-9))
        target = clean * (problem.state["peak"] / data.top)
        known: dict[str, Any] = {"extra": None if extra is None else reading(extra, problem, data)}
        if sigma is not None:
            known |= {"state": target + sigma * torch.randn_like(target), "sigma": sigma}
        images = list(cast(Unrolled, self.net).run(data, depth, **known))
        errors = [(image - target).square().mean() for image in images]
        # What can be gained is much less with many views: each batch counts relative to where it started.
        loss = (errors[-1] + OTHERS * sum(errors[1:-1])) / (errors[0].detach() + 1e-5)
        loss.backward()
        return float(loss.detach())


class SimulatedTrainer(UnrolledTrainer[UnrolledTraining]):
    """Samples simulated, geometry and dose drawn anew for every step."""

    def __init__(
        self,
        options: UnrolledTraining,
        folder: Path,
        pool: Path,
        report: Report,
        mixture: Mapping[Kind, float] | None = None,
    ) -> None:
        self.stages, self.krylov, self.start = options.stages, options.krylov, options.start
        super().__init__(options, folder, report)
        self.acquisitions = Acquisitions()
        self.mixture: Mapping[Any, float] = mixture or MIXTURES[options.kind]
        self.pools = {kind: Pool(pool, kind, share=0.1, eager=24) for kind in self.mixture}
        for one in self.pools.values():
            one.start()
        for one in self.pools.values():
            one.refresh(at_least=8)

    def gradients(self) -> float:
        """Of one batch under one geometry."""
        if self.step % 50 == 0:
            for one in self.pools.values():
                one.refresh()
        side = 64
        if self.elapsed > self.options.small * self.options.minutes * 60:
            side = int(self.rng.choice([s for s, _ in SIDES], p=[p for _, p in SIDES]))
        depth = 4
        count = max(1, round(self.batch * 64**2 / (depth * side**2)))
        fine, depth, extra = self.batch_of(side, count, depth)
        fine = fine.to(self.device)
        A = self.acquisitions.draw(side, self.rng, self.device)
        drawn = self.acquisitions
        dose = {"counts": drawn.counts, "thickness": drawn.thickness, "noiseless": drawn.noiseless}
        dose["imperfect"] = drawn.imperfect
        problem = measured(fine, A, self.rng, **dose)  # type: ignore[arg-type]
        sigma = None
        if self.rng.random() < self.options.scores:
            low, high = SCORES
            sigma = math.exp(self.rng.uniform(math.log(low), math.log(high)))
        return self.descend(problem, halved(fine), depth, sigma, None if extra is None else extra.to(self.device))

    def batch_of(self, side: int, count: int, depth: int) -> tuple[Tensor, int, Tensor | None]:
        """Draw stacks of neighbouring slices.

        Parameters
        ----------
        side : int
            Pixels a side of what is to be reconstructed.
        count, depth : int
            Stacks, and slices of each at most.

        Returns
        -------
        fine : Tensor, shape (count * depth, 2 side, 2 side)
        depth : int
            As it is.
        extra : Tensor, shape (count * depth, side, side), or None
            Further images of the same slices, for a network that takes them.
        """
        kinds = list(self.mixture)
        blocks = self.pools[kinds[int(self.rng.choice(len(kinds), p=list(self.mixture.values())))]].blocks
        return *specimens(blocks, side, count, depth, self.rng, wide=WIDE, soft=SOFT), None

    def figures(self) -> dict[str, Any]:
        """Reconstructions of validation samples."""
        average = cast(Unrolled, self.ema.model)
        return {kind: kind_psnr(average, kind) for kind in self.mixture}

    def seeds(self) -> int:
        """Those in the pools."""
        return sum(one.seeds() for one in self.pools.values())

    def close(self) -> None:
        """End the processes that fill the pools, too."""
        for one in getattr(self, "pools", {}).values():
            one.stop()
        super().close()
