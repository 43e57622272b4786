"""Training of a cross-modal guide: a plain loop that can be stopped, resumed and bounded by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import FewviewError
from ..models.guide import BLIND, Guide, GuideConfig, Opinion, load_guide
from ..models.patchgan import PatchGAN
from ..models.weights import load_prior
from ..options import option
from .common_options import rate_option
from .guide_lessons import GuideLesson, Lessons
from .guide_pairs import perhaps_recoloured
from .guide_validate import KINDS, guide_psnr, validation_lessons
from .guide_xray import delivered
from .pool import Pool
from .trainer import CropOptions, Report, Trainer

SURE = 0.1  # say of the log-variance in the loss
FLOOR = 1e-4  # squared error that counts as none
UNSEEN = 0.04  # part of the pictures without an estimate: what the X-ray slice alone is worth, a control


class GuideTraining(CropOptions):
    """Options of :func:`train_guide`."""

    network: Literal["ours", "pix2pix"] = option(
        "ours",
        "Network",
        "The network to train: ours knows the noise level and says how sure it is; pix2pix is as published, with a "
        "PatchGAN.",
    )
    prior: str = option(
        "materials",
        "Prior",
        "The weights of the prior whose reconstructions make the training images; our network starts from them, too.",
    )
    start: str = option(
        "",
        "Start from",
        "The weights of a guide to start from, by name or path; empty starts from the prior, and pix2pix from scratch.",
    )
    downs: int = option(
        6,
        "Halvings",
        "How often pix2pix halves the image: 6 times for 64 pixels, 7 for 128 and 8 for 256.",
        ge=4,
        le=8,
        advanced=True,
    )
    width: int = option(
        64,
        "Channels",
        "How many channels the first level of pix2pix has. More can learn more and take longer.",
        ge=4,
        advanced=True,
    )
    l1: float = option(
        100.0,
        "L1",
        "The weight of the absolute error against the PatchGAN in the training of pix2pix. A larger one gives "
        "smoother images.",
        ge=0,
        advanced=True,
    )
    rate: float = rate_option(5e-4)


def train_guide(options: GuideTraining, folder: Path, report: Report = print) -> Path:
    """Train a guide, or go on with the training that ``folder`` holds.

    Parameters
    ----------
    options : GuideTraining
        The minutes count over all resumed parts.
    folder : Path
        Gets ``state.safetensors`` (to resume), ``curve.json`` (validation against minutes), samples, and lessons.
    report : callable
        Takes lines of progress.

    Returns
    -------
    Path
        The state; :func:`fewview.training.guide_export.export_guide` makes weights of it.
    """
    return _GuideTrainer(options, folder, report).run()


def new_guide(options: GuideTraining) -> Guide:
    """The guide that a training starts from.

    Raises
    ------
    FewviewError
        The weights to start from are of the other network.
    """
    if options.start:
        guide = load_guide(options.start)
        if guide.config.network != options.network:
            raise FewviewError(f"The guide {options.start} is not of the network {options.network}.", "Match network.")
        return guide.train().requires_grad_(True)
    if options.network == "pix2pix":
        return Guide(GuideConfig(network="pix2pix", width=options.width, downs=options.downs))
    return Guide.from_prior(load_prior(options.prior)).train().requires_grad_(True)


class Batch(NamedTuple):
    """Crops (count, 1, crop, crop): estimates, X-ray slices and answers; noise levels (count,)."""

    x: Tensor
    xray: Tensor
    clean: Tensor
    sigma: Tensor

    def to(self, device: torch.device) -> Batch:
        """On another device."""
        return Batch(*(part.to(device) for part in self))


def draw_lessons(lessons: list[GuideLesson], count: int, crop: int, rng: np.random.Generator) -> Batch:
    """Draw crops of random pictures of random lessons, with the X-ray slices as a beamline may deliver them.

    Parameters
    ----------
    lessons : list of GuideLesson
    count : int
        Crops.
    crop : int
        Pixels a side.
    rng : np.random.Generator

    Returns
    -------
    Batch
        Estimate, X-ray and clean crops (count, 1, crop, crop), and the noise level (count,) of each.
    """
    large = [lesson for lesson in lessons if lesson.clean.shape[-1] >= crop]
    rows = []
    for _ in range(count):
        lesson = large[int(rng.integers(len(large)))]
        level, place = int(rng.integers(len(lesson.x))), int(rng.integers(len(lesson.clean)))
        side = lesson.clean.shape[-1]
        if len(lesson.xray) == 1:
            xray = lesson.xray[0, place].float()
        else:
            others = [other for other in large if other.clean.shape[-1] == side]
            source = others[int(rng.integers(len(others)))]
            wrong = _seen(source, 0, int(rng.integers(len(source.clean))), rng)
            xray = delivered(_seen(lesson, int(rng.random() < 0.4), place, rng), wrong, rng)
        top, left = (int(v) for v in rng.integers(side - crop + 1, size=2))
        window = (slice(top, top + crop), slice(left, left + crop))
        x, sigma = lesson.x[level, place][window].float(), lesson.sigma[level].float()
        if rng.random() < UNSEEN:
            x, sigma = torch.zeros_like(x), torch.full_like(sigma, BLIND)
        images = (x, xray[window], lesson.clean[place][window].float())
        rows.append((*(image[None] for image in images), sigma))
    return Batch(*(torch.stack(column) for column in zip(*rows, strict=True)))


def _seen(lesson: GuideLesson, which: int, place: int, rng: np.random.Generator) -> Tensor:
    xray = lesson.xray[which, place].float()
    return perhaps_recoloured(xray, lesson.clean[place].float(), rng)


def guide_loss(opinion: Opinion, batch: Batch) -> Tensor:
    """Squared error of the mean relative to that of the estimate, and the score of the variance given that mean.

    Relative, so that every view count and noise level has the same say. The variance does not weigh the error of the
    mean, which would learn least where it is worst (Seitzer et al., ICLR 2022, beta = 1).
    """
    square = (opinion.mean - batch.clean).square()
    before = (batch.x - batch.clean).square().mean(dim=(1, 2, 3)) + FLOOR
    error = (square.mean(dim=(1, 2, 3)) / before).mean()
    score = 0.5 * (opinion.logvar + square.detach() / opinion.logvar.exp()).mean()
    return error + SURE * score


class _GuideTrainer(Trainer[GuideTraining]):
    """What the clock does not know: lessons, and a critic beside the network where it is as published."""

    warm_up = 200

    def __init__(self, options: GuideTraining, folder: Path, report: Report) -> None:
        super().__init__(options, folder, report)
        self.pool = Pool(folder / "pool", "materials")
        self.pool.start()
        self.lessons = Lessons(folder / "lessons", folder / "pool", options.prior)
        self.lessons.start()
        prior = load_prior(options.prior)
        self.checks = {kind: validation_lessons(folder / "validation", prior, kind) for kind in KINDS}

    def network(self) -> nn.ModuleDict:
        """The guide, and the critic of the published one."""
        nets: dict[str, nn.Module] = {"guide": new_guide(self.options)}
        if self.options.network == "pix2pix":
            nets["critic"] = PatchGAN(self.options.width)
        return nn.ModuleDict(nets)

    def optimizer_of(self, net: nn.Module) -> torch.optim.Optimizer:
        """Adam; with a critic as published."""
        betas = (0.5, 0.999) if self.options.network == "pix2pix" else (0.9, 0.99)
        return torch.optim.Adam(net.parameters(), lr=self.options.rate, betas=betas)

    @property
    def nets(self) -> nn.ModuleDict:
        """The networks by name."""
        assert isinstance(self.net, nn.ModuleDict)
        return self.net

    def steps(self) -> Iterator[bool]:
        """Wait for the first lessons, then step."""
        self.lessons.refresh(at_least=8)
        yield from super().steps()

    def gradients(self) -> float:
        """Of crops of random lessons."""
        if self.step % 200 == 0:
            self.lessons.refresh()
        twice = self.rng.random() < 0.15
        count, crop = (max(1, self.batch // 4), 2 * self.options.crop) if twice else (self.batch, self.options.crop)
        pictures = list(self.lessons.lessons.values())
        if twice and not any(lesson.clean.shape[-1] >= crop for lesson in pictures):
            count, crop = self.batch, self.options.crop
        batch = draw_lessons(pictures, count, crop, self.rng).to(self.device)
        return self._published(batch) if "critic" in self.nets else self._ours(batch)

    def _ours(self, batch: Batch) -> float:
        loss = guide_loss(self.nets["guide"](batch.x, batch.xray, batch.sigma), batch)
        loss.backward()
        return float(loss.detach())

    def _published(self, batch: Batch) -> float:
        """L1 and the PatchGAN (Isola et al., CVPR 2017): the loss of the discriminator is halved."""
        guide, critic = self.nets["guide"], self.nets["critic"]
        condition = torch.cat([batch.x, batch.xray], dim=1)
        image = guide(batch.x, batch.xray, batch.sigma).mean
        distance = (image - batch.clean).abs().mean()
        critic.requires_grad_(False)
        judged = critic(condition, image)
        (F.binary_cross_entropy_with_logits(judged, torch.ones_like(judged)) + self.options.l1 * distance).backward()
        critic.requires_grad_(True)
        true, false = critic(condition, batch.clean), critic(condition, image.detach())
        known = F.binary_cross_entropy_with_logits(true, torch.ones_like(true))
        (0.5 * (known + F.binary_cross_entropy_with_logits(false, torch.zeros_like(false)))).backward()
        seen = (image.detach() - batch.clean).square().mean().log()
        for net in (guide, self.ema.model.get_submodule("guide")):
            net.get_buffer("logvar").lerp_(seen, 0.02)
        return float(distance.detach())

    def figures(self) -> dict[str, Any]:
        """PSNR of validation lessons, with controls."""
        guide = self.ema.model.get_submodule("guide")
        assert isinstance(guide, Guide)
        return {kind: guide_psnr(guide, checks, self.device) for kind, checks in self.checks.items()}

    def seeds(self) -> int:
        """Those in the pool."""
        return self.pool.seeds()

    def close(self) -> None:
        """End the processes that make samples and lessons, too."""
        self.lessons.stop()
        self.pool.stop()
        super().close()
