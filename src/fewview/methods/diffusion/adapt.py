"""Adaptation of the network to the measurement at hand, by low-rank changes (SCD, DDIP, D3IP)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...models.lora import add_lora, lora_disabled
from ..descent import AdamW
from ..inverse.consistency import Consistency
from ..inverse.normalised import Scaled
from ..selection.comparison import ON_AVERAGE, PerView, better
from ..selection.held_out import held_fraction
from .choices import LowRank, LowRankBiases
from .denoiser import Denoiser, batch_size, stoppable
from .schedule import Level

PATIENCE = 2  # diffusion steps in a row whose adaptation was undone, after which there are no more


class Progress(NamedTuple):
    """One gradient step."""

    inner: int
    loss: float


class Adapter:
    """Low-rank changes of a denoiser's own network, trained on the misfit after a data step.

    Parameters
    ----------
    settings : LowRank or LowRankBiases
    denoiser : Denoiser
        Its network gets the changes; nothing else knows it.
    consistency : Consistency
        The data step inside the loss; gradients flow through it.
    generator : Generator
        Draws slices and views. On the CPU, so that a run repeats on any device.
    """

    def __init__(
        self,
        settings: LowRank | LowRankBiases,
        denoiser: Denoiser,
        consistency: Consistency,
        generator: torch.Generator,
    ) -> None:
        self.settings, self.denoiser, self.consistency, self.generator = settings, denoiser, consistency, generator
        seed = int(torch.randint(2**31, (1,), generator=generator))
        self.parameters = add_lora(denoiser.prior, settings.rank, biases=isinstance(settings, LowRankBiases), seed=seed)
        self.descent = AdamW(self.parameters, settings.rate, settings.decay)
        self.undone = 0  # diffusion steps in a row

    @property
    def over(self) -> bool:
        """Whether held-out views have said that it is enough."""
        return self.undone >= PATIENCE

    def due(self, level: Level) -> bool:
        """Whether this diffusion step adapts."""
        wanted = level.index % self.settings.every == 0 or level.index >= level.total - self.settings.last
        return wanted and not self.over

    @torch.no_grad()
    def adapt(self, x_t: Tensor, data: Scaled, level: Level) -> Iterator[Progress]:
        """Take the gradient steps of one diffusion step.

        Parameters
        ----------
        x_t : Tensor, shape (copies * slices, y, x)
            Noisy images.
        data : Scaled
            Measurement in units of the object's maximum.
        level : Level
            Of the noise.

        Yields
        ------
        Progress
            Number of the gradient step, and its loss.
        """
        if not self.settings.persistent:
            self.descent.forget()
        kept = self._fixed(data.operator.views) if self.settings.held_out else None
        if kept is not None:
            before, error = [p.clone() for p in self.parameters], self._judge(x_t, data, level, kept)
        for k in range(self.settings.inner):
            chosen = self._some(len(x_t)).to(x_t.device)
            total = 0.0
            self.descent.zero_grad()
            for batch in chosen.split(batch_size(x_t)):  # gradients add up: memory does not grow with the stack
                with torch.enable_grad(), stoppable(self.denoiser.prior, data.operator.on_chunk):
                    loss = self._loss(x_t, data, level, batch, kept) * (len(batch) / len(chosen))
                    loss.backward()
                total += float(loss.detach())
            self.descent.step()
            yield Progress(k + 1, total)
        if kept is not None:
            worse = not better(self._judge(x_t, data, level, kept), error, confidence=ON_AVERAGE)
            self.undone = self.undone + 1 if worse else 0
            if worse:
                for p, value in zip(self.parameters, before, strict=True):
                    p.copy_(value)

    def direction(self, x_t: Tensor, eps: Tensor, data: Scaled, level: Level) -> Tensor:
        """The noise to go on with, where ``eps`` is that of the adapted network.

        Parameters
        ----------
        x_t : Tensor, shape (copies * slices, y, x)
            Noisy images.
        eps : Tensor, shape (copies * slices, y, x)
        data : Scaled
        level : Level
            Of the noise.

        Returns
        -------
        Tensor
            Shape (copies * slices, y, x).
        """
        if self.settings.direction == "adapted":
            return eps
        with lora_disabled(self.denoiser.prior):
            return self.denoiser.all(x_t, level.abar, data)[1]

    def state(self) -> dict[str, Any]:
        """Tensors and lists that :meth:`restore` takes."""
        state: dict[str, Any] = {f"lora.{k}": p.detach().clone() for k, p in enumerate(self.parameters)}
        if self.settings.persistent:
            state |= {f"moments.{name}": value for name, value in self.descent.state().items()}
        return {**state, "undone": self.undone, "rng": self.generator.get_state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        with torch.no_grad():
            for k, p in enumerate(self.parameters):
                p.copy_(torch.as_tensor(state[f"lora.{k}"]))
        moments = {n.removeprefix("moments."): v for n, v in state.items() if n.startswith("moments.")}
        if moments:
            self.descent.restore(moments)
        self.undone = int(state["undone"])
        self.generator.set_state(torch.as_tensor(state["rng"]).cpu())

    def _loss(self, x_t: Tensor, data: Scaled, level: Level, chosen: Tensor, kept: Tensor | None) -> Tensor:
        x0, _ = self.denoiser(x_t, level.abar, chosen)
        part = data.slices(chosen % len(data.y))
        given, judged = part, part
        if kept is not None:
            hidden = self._drawn(kept)
            given, judged = part.only(~hidden & ~kept), part.only(hidden)
        image = self._consistent(x0, given, level)
        # In units of the noise variance: Adam's epsilon then never matters, and the number means something.
        loss = judged.mean_square(image) / data.noise**2
        if self.settings.loss_tv:
            pixels = data.noise * data.operator.norm / data.operator.volume.voxel
            loss = loss + self.settings.loss_tv / pixels**2 * _variation(image)
        return loss

    @torch.no_grad()
    def _judge(self, x_t: Tensor, data: Scaled, level: Level, kept: Tensor) -> PerView:
        """Squared errors of the views that no gradient step sees."""
        some = torch.arange(min(len(data.y), max(self.settings.slices, 1)), device=x_t.device)
        x0, _ = self.denoiser(x_t, level.abar, some)
        part = data.slices(some)
        image = self._consistent(x0, part.only(~kept), level)
        squares = part.only(kept).weighted(part.misfit(image).square()).sum(dim=(0, 2), dtype=torch.float64)
        return squares[kept.to(squares.device)].cpu().numpy()

    def _consistent(self, x0: Tensor, data: Scaled, level: Level) -> Tensor:
        image = x0
        for image in self.consistency.solve(x0, data, level):  # noqa: B007 - the last one counts
            pass
        return image

    def _some(self, count: int) -> Tensor:
        if not 0 < self.settings.slices < count:
            return torch.arange(count)
        return torch.randperm(count, generator=self.generator)[: self.settings.slices]

    def _fixed(self, views: int) -> Tensor:
        """The views that no gradient step sees, equally spread."""
        kept = torch.zeros(views, dtype=torch.bool)
        count = max(1, round(views * held_fraction(views)))
        kept[(torch.arange(count) * views) // count] = True
        return kept

    def _drawn(self, kept: Tensor) -> Tensor:
        """Some of the other views, drawn anew."""
        views, others = len(kept), torch.nonzero(~kept).reshape(-1)
        count = max(1, round(len(others) * held_fraction(views)))
        hidden = torch.zeros_like(kept)
        hidden[others[torch.randperm(len(others), generator=self.generator)[:count]]] = True
        return hidden


def _variation(x: Tensor) -> Tensor:
    return (x.diff(dim=1).abs().sum() + x.diff(dim=2).abs().sum()) / len(x)
