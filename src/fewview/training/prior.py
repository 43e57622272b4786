"""Training of a diffusion prior: a plain loop that can be stopped, resumed and bounded by the clock."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import numpy as np
import torch
from pydantic import BeforeValidator
from torch import Tensor

from ..errors import FewviewError
from ..methods.diffusion.denoiser import Denoiser
from ..models.neighbours import with_neighbours
from ..models.prior import SIGMA_POSTNET, DiffusionPrior
from ..models.unet import COMPACT, LARGE, UNetConfig, count_parameters
from ..models.weights import load_prior
from ..options import Options, option
from .batches import draw_batch
from .checkpoint import load_state, save_state
from .ema import PowerEma
from .losses import denoising_loss, lesson_loss, noise_levels
from .pool import Pool
from .processes import Processes
from .sources import stack_blocks
from .validate import prior_psnr, validation_images, walk_psnr
from .walks import Lesson, walk, whole_slices

Report = Callable[[str], None]
WALKERS = 4  # stacks of the validation that walk


def _number(value: object) -> object:
    """A number given as text, as on the command line."""
    return int(value) if isinstance(value, str) and value.isdigit() else value


class PriorTraining(Options):
    """Options of :func:`train_prior`."""

    kind: Literal["generic", "materials", "stack"] = option(
        "generic",
        "Images",
        "Plain shapes, textured microstructures, or your own slices (with stack=FILE).",
    )
    stack: Path | None = option(None, "Stack", "Your own slices, .npy or .tif of shape (z, y, x), for kind=stack.")
    minutes: float = option(120.0, "Minutes", "Time the training may take in all; more is better.", unit="min", gt=0)
    size: Literal["compact", "large"] = option("compact", "Size", "compact runs well on a CPU, large wants a GPU.")
    slices: Annotated[Literal[1, 3, 5], BeforeValidator(_number)] = option(
        1, "Slices", "Neighbouring slices the network sees; 1 is a 2D prior."
    )
    device: str = option("auto", "Device", "auto, cpu or cuda.")
    start: str = option("", "Start from", "Weights (name or path) to start from; empty: from scratch.")
    task: Literal["prior", "postnet"] = option(
        "prior", "Task", "prior: any noise level; postnet: clean a first reconstruction in one pass (supervised)."
    )
    in_loop: float = option(
        0.7,
        "In the loop",
        "Part of the steps on images that a reconstruction meets, not on white noise.",
        ge=0,
        le=1,
    )
    batch: int = option(0, "Batch", "Crops per step; 0: 16 on a CPU, 128 on a GPU.", ge=0, advanced=True)
    crop: int = option(64, "Crop", "Side of most crops; some are twice as large.", unit="px", ge=32, advanced=True)
    rate: float = option(1e-3, "Learning rate", "Highest rate, after the warm-up.", gt=0, advanced=True)
    seed: int = option(0, "Seed", "Seed of crops and noise.", ge=0, advanced=True)
    save_every: float = option(3.0, "Save every", "Time between checkpoints.", unit="min", gt=0, advanced=True)
    validate_every: float = option(6.0, "Validate every", "Time between validations.", unit="min", gt=0, advanced=True)


def train_prior(options: PriorTraining, folder: Path, pool: Path | None = None, report: Report = print) -> Path:
    """Train a prior, or go on with the training that ``folder`` holds.

    Parameters
    ----------
    options : PriorTraining
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
        The state; :func:`fewview.training.export.export_prior` makes weights of it.

    Raises
    ------
    FewviewError
        Options that contradict each other, or a folder that holds a training of another network.
    """
    if (options.kind == "stack") != (options.stack is not None):
        raise FewviewError("kind=stack and stack=FILE belong together.", "Give both or neither.")
    trainer = _Trainer(options, folder, pool or folder / "pool", report)
    try:
        trainer.run()
    finally:
        trainer.close()
    return folder / "state.safetensors"


class _Trainer:
    """The state of one training: network, average, optimiser, data and clock."""

    def __init__(self, options: PriorTraining, folder: Path, pool: Path, report: Report) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.processes = Processes(options.device)
        self.device = self.processes.device
        self.options, self.folder = options, folder
        self.report: Report = report if self.processes.first else lambda _: None
        self.batch = options.batch or (128 if self.device.type == "cuda" else 16)
        torch.manual_seed(options.seed)
        self.rng = np.random.default_rng(options.seed)
        self.net = self._network().to(self.device)
        self.ema = PowerEma(self.net)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=options.rate, betas=(0.9, 0.99), weight_decay=0.01)
        self.step, self.elapsed, self.loss = 0, 0.0, math.nan
        self.curve: list[dict[str, Any]] = []
        self.pool: Pool | None = None
        self.walk: Generator[Lesson, Tensor, None] | None = None
        self.lesson: Lesson | None = None
        self.depth = 1
        self._resume()
        if options.kind == "stack":
            assert options.stack is not None  # train_prior checked it
            self.blocks = stack_blocks(options.stack)
            self.checks: dict[str, Tensor] = {}
        else:
            self.pool = Pool(pool, options.kind)
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

    def _network(self) -> DiffusionPrior:
        base = COMPACT if self.options.size == "compact" else LARGE
        config = UNetConfig(**{**base.model_dump(), "slices": self.options.slices})
        if not self.options.start:
            return DiffusionPrior(config)
        prior = load_prior(self.options.start)
        if prior.config.slices == 1:
            prior = with_neighbours(prior, config.slices)
        if prior.config != config:
            raise FewviewError(f"The weights {self.options.start} have another shape.", "Match size and slices.")
        return prior.train().requires_grad_(True)

    def _resume(self) -> None:
        path = self.folder / "state.safetensors"
        if not path.exists():
            return
        facts = load_state(path, self.net, self.ema.model, self.optimizer, self.rng)
        self.step, self.elapsed, self.curve = facts["step"], facts["seconds"], facts["curve"]
        self.report(f"resumed at step {self.step}, {self.elapsed / 60:.1f} minutes")

    def run(self) -> None:
        """Step until the minutes are used up."""
        self.report(f"{count_parameters(self.net) / 1e6:.2f} M parameters on {self.device}, batch {self.batch}")
        total = self.options.minutes * 60
        saved = validated = self.elapsed
        last = time.monotonic()
        while self.elapsed < total:
            self._one_step(self.elapsed / total)
            now = time.monotonic()
            self.elapsed, last = self.processes.agree(self.elapsed + now - last), now
            if not self.processes.first:
                continue
            if self.elapsed - validated > self.options.validate_every * 60:
                self._validate()
                validated = self.elapsed
            if self.elapsed - saved > self.options.save_every * 60:
                self.save()
                saved = self.elapsed
        if self.processes.first:
            self._validate()
            self.save()

    def _one_step(self, progress: float) -> None:
        if self.pool is not None and self.step % 100 == 0:
            self.pool.refresh()
        # Warm-up, then a cosine over the clock, down to a hundredth: the average then stands still at the end.
        rate = self.options.rate * min(1.0, (self.step + 1) / 300) * (0.505 + 0.495 * math.cos(math.pi * progress))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        lesson = self.options.task == "postnet" or self.rng.random() < self.options.in_loop
        loss = self._lesson() if lesson else self._white()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        self.ema.update(self.net, self.step)
        value = float(loss.detach())
        self.loss = value if math.isnan(self.loss) else 0.99 * self.loss + 0.01 * value
        if self.step % 200 == 0:
            self.report(f"step {self.step}  {self.elapsed / 60:.1f} min  rate {rate:.1e}  loss {self.loss:.4f}")

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
        """Gradients of one step of a walk; what the network answers decides the next."""
        if self.lesson is None:
            depth = 1 if self.options.slices == 1 else int(self.rng.choice([1, self.options.slices + 1]))
            pixels = self.batch * self.options.crop**2
            clean = whole_slices(self.blocks, pixels, depth, self.rng).to(self.device)
            self.walk, self.depth = walk(clean, self.rng), depth
            self.lesson = next(self.walk)
        denoiser, lesson = Denoiser(self.net, self.depth), self.lesson
        assert self.walk is not None
        if self.options.task == "postnet":
            _, loss = lesson_loss(self.shared, denoiser, lesson.x, SIGMA_POSTNET, lesson.clean)
            loss.backward()
            self.lesson = None  # the network is asked once
            return loss
        noisy = lesson.x_t / math.sqrt(lesson.level.abar)
        x0, loss = lesson_loss(self.shared, denoiser, noisy, lesson.level.sigma, lesson.clean)
        loss.backward()
        try:
            self.lesson = self.walk.send(x0.detach())
        except StopIteration:
            self.lesson = None
        return loss

    def _validate(self) -> None:
        entry: dict[str, Any] = {"minutes": round(self.elapsed / 60, 2), "step": self.step, "loss": round(self.loss, 5)}
        for kind, images in self.checks.items():
            average = cast(DiffusionPrior, self.ema.model)
            if self.options.task == "prior":
                entry[kind] = prior_psnr(average, images, self.device)
            entry["walks"] = walk_psnr(average, images[:WALKERS], once=self.options.task == "postnet")
        self.curve.append(entry)
        (self.folder / "curve.json").write_text(json.dumps(self.curve, indent=1) + "\n")
        self.report(json.dumps(entry))

    def save(self) -> None:
        """Write the state to resume from."""
        facts = {
            "step": self.step,
            "seconds": self.elapsed,
            "curve": self.curve,
            "options": self.options.model_dump(mode="json"),
            "device": str(self.device),
            "seeds": len({path.name.split("-")[1] for path in self.pool.paths()}) if self.pool else 0,
        }
        save_state(self.folder / "state.safetensors", self.net, self.ema.model, self.optimizer, self.rng, facts)

    def close(self) -> None:
        """End the process that fills the pool."""
        if self.pool is not None:
            self.pool.stop()
        self.processes.close()
