"""Training of a diffusion prior: a plain loop that can be stopped, resumed and bounded by the clock."""

from __future__ import annotations

import math
from collections.abc import Generator
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from ..errors import FewviewError
from ..methods.diffusion.denoiser import Denoiser
from ..models.neighbours import with_neighbours
from ..models.prior import SIGMA_POSTNET, DiffusionPrior
from ..models.unet import SIZES, UNetConfig
from ..models.weights import load_prior
from ..models.widen import widened
from ..options import option
from .batches import draw_batch
from .common_options import start_option
from .losses import denoising_loss, lesson_loss, noise_levels
from .pool import Pool
from .rollouts import Lesson, next_lesson, rollout, whole_slices
from .sources import stack_blocks
from .trainer import CropOptions, Report, Trainer
from .validate import prior_psnr, rollout_psnr, validation_images

CHECKED = 4  # stacks of the validation that are rolled out
ROLLOUTS = 4  # under way at the same time: neighbouring steps of one are much alike

Begun = tuple[Generator[Lesson, Tensor, None], Lesson, int]


class PriorTraining(CropOptions):
    """Options of :func:`train_prior`."""

    kind: Literal["generic", "materials", "stack"] = option(
        "generic",
        "Images",
        "The images that are learnt: generic, plain shapes; materials, textured microstructures; or stack, your "
        "own slices of the file under Stack.",
    )
    stack: Path | None = option(
        None, "Stack", "The file of your own slices, .npy or .tif of shape (z, y, x), where the images are a stack."
    )
    size: Literal["compact", "medium", "large"] = option(
        "compact",
        "Size",
        "The size of the network: compact runs well on a CPU, medium takes 1.6 times as long, and large needs a GPU.",
    )
    slices: Literal[1, 3, 5] = option(
        1, "Slices", "How many neighbouring slices the network sees at once; 1 makes a prior of single slices."
    )
    start: str = start_option()
    task: Literal["prior", "postnet"] = option(
        "prior",
        "Task",
        "What is learnt: prior, to denoise images at any noise level; or postnet, to clean a first reconstruction "
        "in one pass.",
    )
    in_loop: float = option(
        0.7,
        "In the loop",
        "The part of the steps that learn from images as reconstructions meet them, in place of images with white "
        "noise. A larger part suits the reconstruction and less the drawing of samples.",
        ge=0,
        le=1,
    )


def train_prior(options: PriorTraining, folder: Path, report: Report = print) -> Path:
    """Train a prior, or go on with the training that ``folder`` holds.

    Parameters
    ----------
    options : PriorTraining
        What to train on and for how long. The minutes count over all resumed parts.
    folder : Path
        Gets ``state.safetensors`` (to resume), ``curve.json`` (validation against minutes), and the training images.
    report : callable
        Takes lines of progress.

    Returns
    -------
    Path
        The state; :func:`fewview.training.export.export_prior` makes weights of it.

    Raises
    ------
    FewviewError
        Options that contradict each other, or a folder that holds a training of another network.
    """
    if (options.kind == "stack") != (options.stack is not None):
        raise FewviewError("kind=stack and stack=FILE belong together.", "Give both or neither.")
    return _PriorTrainer(options, folder, report).run()


class _PriorTrainer(Trainer[PriorTraining]):
    """What the clock does not know: images, and what the network is asked about them."""

    warm_up = 300

    def __init__(self, options: PriorTraining, folder: Path, report: Report) -> None:
        super().__init__(options, folder, report)
        self.pool: Pool | None = None
        self.rollouts: dict[int, Begun] = {}
        if options.kind == "stack":
            assert options.stack is not None  # train_prior checked it
            self.blocks = stack_blocks(options.stack)
            self.checks: dict[str, Tensor] = {}
        else:
            self.pool = Pool(folder / "pool", options.kind)
            if self.processes.first:
                self.pool.start()
            self.pool.refresh(at_least=8)
            self.blocks = self.pool.blocks  # type: ignore[assignment]  # float16 on disk, float32 from a stack
            self.checks = {options.kind: validation_images(options.kind, slices=options.slices)}
        if self.processes.rank:
            # Crops and noise of its own for every further process.
            self.rng = np.random.default_rng([options.seed, self.processes.rank, self.step])
            torch.manual_seed(int(self.rng.integers(2**31)))
        self.shared = self.processes.share(self.net)

    def network(self) -> DiffusionPrior:
        """A new prior, or the one to start from."""
        config = UNetConfig(**{**SIZES[self.options.size].model_dump(), "slices": self.options.slices})
        if not self.options.start:
            return DiffusionPrior(config)
        prior = load_prior(self.options.start)
        if prior.config.slices < config.slices:
            prior = with_neighbours(prior, config.slices)
        try:
            prior = widened(prior, config)
        except ValueError as error:
            raise FewviewError(
                f"The weights {self.options.start} have another shape: {error}.", "Match size and slices."
            ) from error
        return prior.train().requires_grad_(True)

    def gradients(self) -> float:
        """Of white noise, or of a step of a rollout."""
        if self.pool is not None and self.step % 100 == 0:
            self.pool.refresh()
        lesson = self.options.task == "postnet" or self.rng.random() < self.options.in_loop
        return float((self._lesson() if lesson else self._white()).detach())

    def _white(self) -> Tensor:
        """Gradients of a batch of crops with white noise."""
        large = self.rng.random() < 0.15
        crop = self.options.crop * (2 if large else 1)
        count = max(1, self.batch // 4) if large else self.batch
        clean = draw_batch(self.blocks, count, crop, self.options.slices, self.rng).to(self.device)
        loss = denoising_loss(self.shared, clean, noise_levels(count).to(self.device))
        loss.backward()
        return loss

    def _lesson(self) -> Tensor:
        """Gradients of one step of a rollout; what the network answers decides the next."""
        index = int(self.rng.integers(ROLLOUTS))
        steps, lesson, depth = self.rollouts.pop(index) if index in self.rollouts else self._begun()
        denoiser = Denoiser(cast(DiffusionPrior, self.net), depth)
        if self.options.task == "postnet":  # the network is asked once
            _, loss = lesson_loss(self.shared, denoiser, lesson.x, SIGMA_POSTNET, lesson.clean)
            loss.backward()
            return loss
        noisy = lesson.x_t / math.sqrt(lesson.level.abar)
        x0, loss = lesson_loss(self.shared, denoiser, noisy, lesson.level.sigma, lesson.clean)
        loss.backward()
        following = next_lesson(steps, x0.detach())
        if following is not None:
            self.rollouts[index] = steps, following, depth
        return loss

    def _begun(self) -> Begun:
        """A new rollout, its first lesson, and the slices of its stacks."""
        seen = self.options.slices
        # One slice alone, a stack that ends before its neighbours do, and stacks with whole neighbourhoods inside.
        depth = 1 if seen == 1 else int(self.rng.choice([1, seen - 1, seen + 1, seen + 1]))
        pixels = self.batch * self.options.crop**2
        begun = rollout(whole_slices(self.blocks, pixels, depth, self.rng).to(self.device), self.rng)
        return begun, next(begun), depth

    def figures(self) -> dict[str, Any]:
        """One-step denoising and rollouts of validation images."""
        figures: dict[str, Any] = {}
        for kind, images in self.checks.items():
            average = cast(DiffusionPrior, self.ema.model)
            if self.options.task == "prior":
                figures[kind] = prior_psnr(average, images, self.device)
            figures["rollouts"] = rollout_psnr(average, images[:CHECKED], once=self.options.task == "postnet")
        return figures

    def seeds(self) -> int:
        """Those in the pool."""
        return self.pool.seeds() if self.pool else 0

    def close(self) -> None:
        """End the process that fills the pool, too."""
        if self.pool is not None:
            self.pool.stop()
        super().close()
