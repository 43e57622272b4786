"""Training of a latent model in stages: autoencoder, alignment of the views with latents, their diffusion, decoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError
from ..methods.interface import Views
from ..methods.latent.seen import seen_of
from ..models.latent.denoiser import velocity_loss
from ..models.latent.model import STAGES, UNIT, LatentConfig, LatentModel, Stage, load_latent
from ..operators import Operator
from ..options import option
from .latent_volumes import Measurements, Volumes, measured
from .trainer import BatchOptions, Report, Trainer

KL = 1e-5
DROPPED = 0.1
"""Part of the samples whose condition is left out, so that the network learns to do without it, too."""
REMINDED, KEPT = 0.25, 0.25
"""Part of the steps of the diffusion in which the encoder of the views is held to the alignment, and by what weight."""
CHECKS = 32
"""Validation volumes; also the number that a right latent is sought among."""


class LatentTraining(BatchOptions):
    """Options of :func:`train_latent`."""

    stage: Stage = option(
        "autoencoder",
        "Stage",
        "The stage to train: autoencoder, then alignment, then diffusion, then decoder, each from the weights of the "
        "stage before. The diffusion goes on training the encoder of the views that the alignment began, and holds it "
        "to the latents. The decoder learns how latents become volumes again, and leaves all else as it is.",
    )
    start: str = option(
        "", "Start from", "The path of the weights of the stage before; it is empty only for the autoencoder."
    )
    side: int = option(
        32,
        "Side",
        "Voxels on each side of the volumes: 32 suits a CPU, 64 a GPU. More show finer detail and take much longer.",
        unit="voxels",
        ge=16,
    )
    volumes: str = option(
        "",
        "Volumes",
        "The folder of your own volumes (.npy of shape z, y, x) to learn from; one in five is held out for validation. "
        "Empty learns simulated torsos.",
    )
    unaligned: bool = option(
        False,
        "Without alignment",
        "The diffusion stage trains the encoder of the views without any alignment with the latents, for comparisons.",
        advanced=True,
    )
    batch: int = option(
        0,
        "Batch",
        "How many volumes each step learns from. More make steadier steps and take more memory; 0 takes 8 on a CPU "
        "and 64 on a GPU.",
        ge=0,
        advanced=True,
    )


def train_latent(options: LatentTraining, folder: Path, report: Report = print) -> Path:
    """Train one stage, or go on with the training that ``folder`` holds.

    Parameters
    ----------
    options : LatentTraining
    folder : Path
        Gets ``state.safetensors`` (to resume) and ``curve.json`` (validation against minutes).
    report : callable
        Takes lines of progress.

    Returns
    -------
    Path
        The state; :func:`fewview.training.latent_export.export_latent` makes weights of it.

    Raises
    ------
    OptionError
        A later stage without weights to start from.
    """
    if options.stage != "autoencoder" and not options.start:
        before = "autoencoder" if options.unaligned else STAGES[STAGES.index(options.stage) - 1]
        raise OptionError(
            f"The stage {options.stage} starts from weights of the stage {before}.",
            f"Train that first, and give its weights with --start {before}.safetensors.",
        )
    return _LatentTrainer(options, folder, report).run()


class _LatentTrainer(Trainer[LatentTraining]):
    """One stage: which part is trained, and its loss."""

    warm_up = 100

    def __init__(self, options: LatentTraining, folder: Path, report: Report) -> None:
        self.volumes = Volumes(options.side, options.volumes)
        super().__init__(options, folder, report)
        self.batch = options.batch or (64 if self.device.type == "cuda" else 8)
        self.measurements = Measurements(cast(LatentModel, self.net).config.side, self.device)

    def network(self) -> LatentModel:
        """A new model, or that of the stage before with its latents normalised."""
        if self.options.stage == "autoencoder" and not self.options.start:
            return LatentModel(LatentConfig(side=self.options.side))
        started = load_latent(self.options.start)
        model = LatentModel(started.config.model_copy(update={"stage": self.options.stage}))
        model.load_state_dict(started.state_dict())
        if started.config.stage == "autoencoder":
            model.normalise(in_means(self.volumes.checks(CHECKS)))
        return model

    def optimizer_of(self, net: nn.Module) -> torch.optim.Optimizer:
        """AdamW on the part that the stage trains; the others get no gradients."""
        model = cast(LatentModel, net)
        parts_of: dict[Stage, Sequence[nn.Module]] = {
            "autoencoder": [model.autoencoder],
            "alignment": [model.alignment],
            "diffusion": [model.diffusion, model.alignment],
            "decoder": model.autoencoder.decoder,
        }
        model.requires_grad_(False)
        for part in parts_of[self.options.stage]:
            part.requires_grad_(True)
        return super().optimizer_of(net)

    def gradients(self) -> float:
        """Of one batch under one geometry."""
        model = cast(LatentModel, self.net)
        x = self.volumes.batch(self.batch, self.rng).to(self.device)
        if self.options.stage in ("autoencoder", "decoder"):
            loss = autoencoder_loss(model, in_means(x))
        else:
            A, rays = self.measurements.draw(self.rng)
            seen, unit = seen_of(measured(x, A, self.rng), rays, model.config.side, len(x))
            x = x / unit[:, None, None, None, None]
            with torch.no_grad():
                z = model.encode(x)
            c = model.alignment(seen)
            loss = alignment_loss(model, c, z, x) if self.options.stage == "alignment" else self._diffusion(c, z, x)
        loss.backward()
        return float(loss.detach())

    def _diffusion(self, c: Tensor, z: Tensor, x: Tensor) -> Tensor:
        model = cast(LatentModel, self.net)
        kept = torch.rand(len(z), 1, 1, 1, 1, device=z.device) >= DROPPED
        loss = velocity_loss(model.diffusion, z, c * kept)
        if self.options.unaligned or self.rng.random() >= REMINDED:
            return loss
        return loss + KEPT * alignment_loss(model, c, z, x)

    def figures(self) -> dict[str, Any]:
        """Validation of the average."""
        return latent_figures(cast(LatentModel, self.ema.model), self.options.stage, self.volumes)

    def seeds(self) -> int:
        """Volumes drawn."""
        return self.volumes.drawn

    def further_facts(self) -> dict[str, Any]:
        """The shape of the networks."""
        return {"config": cast(LatentModel, self.net).config.model_dump_json()}


def autoencoder_loss(model: LatentModel, x: Tensor) -> Tensor:
    """Mean absolute error of a sampled latent's volume, and a little of its divergence from the normal distribution."""
    mean, logvar = model.autoencoder.posterior(x)
    z = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
    divergence = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
    return F.l1_loss(model.autoencoder.decode(z), x) + KL * divergence


def alignment_loss(model: LatentModel, c: Tensor, z: Tensor, x: Tensor) -> Tensor:
    """Symmetric contrast of whole volumes and of places, distance of the latents, and error of the decoded one.

    Parameters
    ----------
    model : LatentModel
    c : Tensor, shape (batch, features, depth, height, width)
        What the encoder reads from the views.
    z : Tensor, shape (batch, channels, depth, height, width)
        The volumes' latents.
    x : Tensor, shape (batch, 1, z, y, x)
        The volumes, in units of six times their mean.

    Returns
    -------
    Tensor, shape ()
        To be minimised.
    """
    aligned = model.alignment.aligned(c)
    whole, patches = model.alignment.similarity(aligned, z)
    return (
        0.1 * (contrast(whole[None]) + contrast(patches))
        + 0.5 * F.mse_loss(aligned, z)
        + 5 * F.l1_loss(model.decode(aligned), x)
    )


def contrast(similarity: Tensor) -> Tensor:
    """Symmetric InfoNCE of (batch, n, n), whose diagonal holds the pairs that belong together."""
    target = torch.arange(similarity.shape[-1], device=similarity.device).expand(similarity.shape[:2])
    both = [F.cross_entropy(one.flatten(0, 1), target.flatten()) for one in (similarity, similarity.transpose(1, 2))]
    return (both[0] + both[1]) / 2


def in_means(x: Tensor) -> Tensor:
    """Volumes (count, 1, z, y, x) in units of six times their mean: those of the networks."""
    return x / (UNIT * x.mean(dim=(1, 2, 3, 4), keepdim=True))


@torch.no_grad()
def latent_figures(model: LatentModel, stage: Stage, volumes: Volumes) -> dict[str, float]:
    """Validation figures of a stage, on volumes that it has not learnt, with two perpendicular views without noise.

    ``psnr_db`` (range 1) is of decoded latents: the volume's own, or the aligned one; ``top1`` is how often the right
    latent is the nearest among those of all 32 (or of as many as there are); ``velocity`` the loss of the diffusion;
    ``unexplained`` the part of the views that the aligned latent leaves unexplained, at worst: what is much worse is
    not like them.

    Parameters
    ----------
    model : LatentModel
    stage : Stage
        Whose figures are wanted.
    volumes : Volumes
        Those of the training, which hold some out for this.

    Returns
    -------
    dict of str to float
        PSNR in dB; the others without unit.
    """
    side, device = model.config.side, next(model.parameters()).device
    x = in_means(volumes.checks(CHECKS)).to(device)
    own = {"psnr_db": _psnr(model.autoencoder.decode(model.autoencoder.posterior(x)[0]), x)}
    if stage == "autoencoder":
        return own
    A, rays = Measurements(side, device).of((0.0, torch.pi / 2))
    seen, unit = seen_of(Views(A, A(x.reshape(-1, side, side))), rays, side, len(x))
    x = x / unit[:, None, None, None, None]
    c, z = model.alignment(seen), model.encode(x)
    if stage in ("diffusion", "decoder"):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            loss = round(float(velocity_loss(model.diffusion, z, c)), 4)
        worst = _unexplained(model.decode(model.alignment.aligned(c)), x, A)
        return {**(own if stage == "decoder" else {}), "velocity": loss, "unexplained": worst}
    aligned = model.alignment.aligned(c)
    whole, _ = model.alignment.similarity(aligned, z)
    right = whole.argmax(dim=1) == torch.arange(len(whole), device=device)
    return {"psnr_db": _psnr(model.decode(aligned), x), "top1": float(right.float().mean())}


def _unexplained(got: Tensor, x: Tensor, A: Operator) -> float:
    y, error = (A(one.reshape(-1, *one.shape[-2:])).reshape(len(x), -1) for one in (x, got - x))
    return round(float((error.norm(dim=1) / y.norm(dim=1)).max()), 4)


def _psnr(got: Tensor, x: Tensor) -> float:
    return round(-10 * float((got - x).square().mean().log10()), 3)
