"""Training of the compact slice fixer on pairs of clean slices and their reconstructions."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from ..models.fixer import CompactFixer, FixerCondition, FixerConfig, SliceFixer, load_compact
from ..models.sd_turbo.base import load_base
from ..models.sd_turbo.fixer import UNET_RANK, VAE_RANK, SDTurboFixer
from ..models.ssim import similarity
from ..options import option
from ..simulate.seeds import nth
from .background_process import BackgroundProcess
from .common_options import rate_option, start_option
from .fixer_pairs import DAMAGES, ENDS_WITH, FixerPair, fill, make_pair, read_pair, write_pair
from .sources import Kind
from .trainer import BatchOptions, Report, Trainer

GRADIENT = 0.5
"""Weight of the difference of the gradients in the loss: edges count."""
FINISHED_SHARE = 0.4
"""Of the steps: with reconstructions as good as they get."""
CHECK_VIEWS = (12, 24, 36)
"""Views of the validation volumes, one of either kind for each reconstruction."""


class FixerTraining(BatchOptions):
    """Options of :func:`train_fixer`."""

    start: str = start_option()
    biplanar: bool = option(
        True,
        "Biplanar condition",
        "The fixer also sees two perpendicular projections; off trains one that sees the slice alone, as a control.",
        advanced=True,
    )
    volumes: int = option(
        1500,
        "Volumes",
        "How many training volumes are made at most. More differ more from one another and take longer to make.",
        ge=16,
    )


class SDTurboTraining(FixerTraining):
    """Options of the training of adapters for SD-Turbo; they are few, on top of much that was learnt before."""

    base: str = option(..., "Base", "The folder of your SD-Turbo, with model_index.json in it; it is only read.")
    rate: float = rate_option(1e-5)
    unet_rank: int = option(
        UNET_RANK,
        "Rank, U-Net",
        "The rank of the changes that the U-Net may learn. A larger one can learn more and takes more memory.",
        ge=1,
        advanced=True,
    )
    vae_rank: int = option(
        VAE_RANK,
        "Rank, autoencoder",
        "The rank of the changes that the autoencoder may learn. A larger one can learn more and takes more memory.",
        ge=1,
        advanced=True,
    )


def train_fixer(options: FixerTraining, folder: Path, pool: Path | None = None, report: Report = print) -> Path:
    """Train a slice fixer, or go on with the training that ``folder`` holds.

    Parameters
    ----------
    options : FixerTraining
        The minutes count over all resumed parts.
    folder : Path
        Gets ``state.safetensors`` (to resume) and ``curve.json`` (validation against minutes).
    pool : Path, optional
        Where training pairs are kept; ``folder / "pool"`` when not given.
    report : callable
        Takes lines of progress.

    Returns
    -------
    Path
        The state; :func:`fewview.training.fixer_export.export_fixer` makes weights of it.
    """
    return _FixerTrainer(options, folder, pool or folder / "pool", report).run()


class _FixerTrainer(Trainer[FixerTraining]):
    """Pairs, and what the fixer is asked about them."""

    warm_up = 200

    def __init__(self, options: FixerTraining, folder: Path, pool: Path, report: Report) -> None:
        super().__init__(options, folder, report)
        self._known = cast(set[str], set())
        self.stopped, self.finished = cast(list[FixerPair], []), cast(list[FixerPair], [])
        self.maker = BackgroundProcess(pool, fill, pool, options.volumes)
        if self.processes.first:
            self.maker.start()
        self.maker.loaded(self._refresh, at_least=8)
        self.shared = self.processes.share(self.net)

    def network(self) -> nn.Module:
        """A new fixer, or the one to start from."""
        if self.options.start:
            return load_compact(self.options.start).train().requires_grad_(True)
        return new_fixer(self.options)

    def gradients(self) -> float:
        """Of slices of one volume, turned and flipped alike."""
        if self.step % 50 == 0:
            self._refresh()
        pair = self.draw()
        chosen = torch.from_numpy(self.rng.permutation(len(pair.clean))[: max(1, self.batch // 2)])
        turn, flip = int(self.rng.integers(4)), bool(self.rng.random() < 0.5)
        scale = float(self.rng.uniform(0.85, 1.1))  # a robust maximum misses the true one by some per cent

        def moved(values: Tensor) -> Tensor:
            values = torch.rot90(values, turn, (-2, -1))
            return (values.flip(-1) if flip else values).to(self.device)

        told = pair.condition.part(chosen)
        condition = FixerCondition(
            told.prompt,
            told.projections.to(self.device) * scale,
            moved(told.rows) * scale,
            moved(told.columns),
            told.height.to(self.device),
            told.damage.to(self.device),
        )
        clean = moved(pair.clean[chosen]) * scale
        repaired = self.shared(moved(pair.damaged[chosen] * scale)[:, None], condition)[:, 0]
        loss = fixer_loss(repaired.float(), clean)
        loss.backward()
        return float(loss.detach())

    def draw(self) -> FixerPair:
        """A pair of the pool, finished in :data:`FINISHED_SHARE` of the cases."""
        group = self.finished if self.finished and self.rng.random() < FINISHED_SHARE else self.stopped
        return group[int(self.rng.integers(len(group)))]

    def figures(self) -> dict[str, Any]:
        """PSNR in dB of validation slices before and after repair, by kind of reconstruction."""
        return fixer_psnr(self.ema.model, self._checks)

    def seeds(self) -> int:
        """Volumes in the pool."""
        return len({name.removesuffix(".npz").removesuffix(ENDS_WITH) for name in self._known})

    def close(self) -> None:
        """End the process that makes pairs, too."""
        self.maker.stop()
        super().close()

    @cached_property
    def _checks(self) -> dict[str, list[FixerPair]]:
        return validation_pairs(self.folder / "validation")

    def _refresh(self) -> int:
        for path in sorted(self.maker.folder.glob("[!.]*.npz")):  # what is being written begins with a dot
            if path.name not in self._known:
                self._known.add(path.name)
                (self.finished if path.stem.endswith(ENDS_WITH) else self.stopped).append(read_pair(path))
        return len(self.stopped)


def new_fixer(options: FixerTraining) -> nn.Module:
    """The network that options ask for, as it starts."""
    if isinstance(options, SDTurboTraining):
        return SDTurboFixer(load_base(Path(options.base)), options.unet_rank, options.vae_rank).train()
    return CompactFixer(FixerConfig(biplanar=options.biplanar))


def fixer_loss(x: Tensor, clean: Tensor) -> Tensor:
    """Mean absolute error, dissimilarity, and the absolute error of the gradients, of (slices, y, x).

    The released code also asks networks trained on photographs and an adversary; what is wanted here is a small
    error, and no detail that was not there.
    """
    error = x - clean
    gradient = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    return error.abs().mean() + 0.2 * (1 - similarity(x, clean).mean()) + GRADIENT * gradient


def validation_pairs(folder: Path) -> dict[str, list[FixerPair]]:
    """Validation volumes by kind and reconstruction: "materials fbp", ...; kept in ``folder`` once they are made."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs: dict[str, list[FixerPair]] = {}
    kinds: tuple[Kind, ...] = ("materials", "generic")
    for kind in kinds:
        for place, name in enumerate(DAMAGES):
            path = folder / f"{kind}-{name}.npz"
            if not path.exists():
                views = CHECK_VIEWS[place % len(CHECK_VIEWS)]
                write_pair(path, make_pair(kind, nth("validation", place), name, views))
            pairs[f"{kind} {name}"] = [read_pair(path)]
    return pairs


@torch.no_grad()
def fixer_psnr(fixer: nn.Module, pairs: dict[str, list[FixerPair]]) -> dict[str, dict[str, float]]:
    """Mean PSNR in dB (range 1) before and after repair, by group of pairs; ``fixer`` is a :class:`SliceFixer`."""
    device = next(fixer.parameters()).device

    def psnr(x: Tensor, clean: Tensor) -> float:
        return -10 * float(torch.log10((x - clean).square().mean()))

    def repaired(pair: FixerPair) -> Tensor:
        parts = torch.arange(len(pair.clean)).split(cast(SliceFixer, fixer).together)
        told = [(pair.damaged[part, None].to(device), pair.condition.part(part).to(device)) for part in parts]
        return torch.cat([cast(Tensor, fixer(x, condition))[:, 0].cpu() for x, condition in told])

    figures: dict[str, dict[str, float]] = {}
    for name, group in pairs.items():
        before = [psnr(pair.damaged, pair.clean) for pair in group]
        after = [psnr(repaired(pair), pair.clean) for pair in group]
        figures[name] = {"before": round(float(np.mean(before)), 3), "after": round(float(np.mean(after)), 3)}
    return figures
