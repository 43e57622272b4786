"""The X-ray volume's word in the loop: what the guide network says, as sure as it is, weighed with prior and data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from ...models.guide import BLIND, START
from ...models.guide import Guide as Network
from ...operators.krylov import cg
from ..inverse.consistency import Consistency, Stateless, noise_aware
from ..inverse.normalised import Scaled
from .denoiser import batch_size
from .guide_rejection import ALLOWED, doubt
from .schedule import Level

Step = Literal["proximal", "overwrite"]


@dataclass
class CrossModalGuide:
    """A guide network in the loop; see :class:`fewview.methods.diffusion.loop.Guide`.

    It sees the mean of the posterior samples, whose common error it mends, and speaks to all of them alike: that is
    also what keeps it cheap. What it said last stays a term of every data step (:class:`GuidedCG`): new noise would
    wash it away again.

    Parameters
    ----------
    network : Network
    xray : Tensor, shape (slices, y, x)
        In units of its robust maximum; zeros where there is none.
    every : int
        Asked at every so many levels.
    first : int
        And not before this one.
    step : {"proximal", "overwrite"}
        Weighed with prior and data by their variances; or put in the place of the image, as published.
    iterations : int
        Of CG in a proximal step.
    trust : float or Tensor
        In the prior, as in :class:`fewview.methods.inverse.consistency.ProximalCG`.
    weight : float
        Factor of the guide's certainty; 0 does not ask it.
    watched : bool
        Take its certainty down by region where the data speak against it.
    blind : bool
        It does not see the estimate (a control).
    told : dict of Tensor, shape (slices, y, x) each
        "mean", "std" and "doubt" of what it said last.
    """

    network: Network
    xray: Tensor
    every: int = 4
    first: int = 0
    step: Step = "proximal"
    iterations: int = 5
    trust: float | Tensor = 1.0
    weight: float = 1.0
    watched: bool = True
    blind: bool = False
    told: dict[str, Tensor] = field(default_factory=dict)

    def due(self, level: Level) -> bool:
        """See :class:`fewview.methods.diffusion.loop.Guide`."""
        return level.index >= self.first and (level.index - self.first) % self.every == 0

    def __call__(self, x: Tensor, x0: Tensor, data: Scaled, level: Level) -> Tensor:
        """See :class:`fewview.methods.diffusion.loop.Guide`."""
        self.ask(x, data, level.sigma)
        if self.step == "overwrite":
            return self.told["mean"].repeat(len(x) // len(self.xray), 1, 1)
        return self.weighed(x0, data, level, self.iterations, x)

    def start(self, first: Tensor, data: Scaled) -> Tensor:
        """A first reconstruction (slices, y, x) in the light of the guide, then consistent with the data."""
        self.ask(first, data, START)
        mean = self.told["mean"]
        if self.step == "overwrite":
            return mean
        near = data.noise**2 * self.certainty
        return cg(lambda v: near * v + data.normal(v), near * mean + data.back, mean, 2 * self.iterations)

    def ask(self, x: Tensor, data: Scaled, sigma: float) -> None:
        """Show it the mean of the copies in ``x`` and keep what it says."""
        seen = x.reshape(-1, *self.xray.shape).mean(dim=0)
        allowed = ALLOWED["start" if sigma == START else "loop"]
        shown, sigma = (torch.zeros_like(seen), BLIND) if self.blind else (seen, sigma)
        means, logvars = [], []
        for index in torch.arange(len(seen), device=seen.device).split(batch_size(seen)):
            said = self.network(shown[index][:, None], self.xray[index][:, None], sigma)
            means.append(said.mean[:, 0])
            logvars.append(said.logvar[:, 0])
            if data.operator.on_chunk is not None:
                data.operator.on_chunk()
        mean, variance = torch.cat(means), torch.cat(logvars).exp()
        doubted = doubt(mean, variance, seen, data, allowed) if self.watched else torch.ones_like(variance)
        self.told = {"mean": mean, "std": variance.sqrt(), "doubt": doubted}

    def weighed(self, x0: Tensor, data: Scaled, level: Level, iterations: int, start: Tensor | None = None) -> Tensor:
        """``argmin |x - x0|^2 / r^2 + sum c (x - G)^2 + |A x - y|^2_W / noise^2`` by CG.

        ``r`` is the error expected of the prior's proposal ``x0`` as in ``ProximalCG``, ``G`` what the guide said
        and ``c`` its certainty. Without a ``start``, from where the first two terms meet.
        """
        copies = len(x0) // len(self.xray)
        gamma = noise_aware(self.trust, data, level)
        near = gamma * data.noise**2 * self.certainty.repeat(copies, 1, 1)  # r^2 c
        both = x0 + near * self.told["mean"].repeat(copies, 1, 1)
        first = both / (1 + near) if start is None else start
        target = both + gamma * data.back.repeat(copies, 1, 1)
        return cg(lambda v: v + near * v + gamma * data.normal(v), target, first, iterations)

    @property
    def certainty(self) -> Tensor:
        """1 / variance, as far as it is listened to."""
        return self.weight / (self.told["std"].square() * self.told["doubt"])

    @property
    def share(self) -> float:
        """Its certainty as listened to over that claimed, mean over the volume: 0 where it was not asked."""
        return self.weight * float((1 / self.told["doubt"]).mean()) if self.told else 0.0

    def extra(self, unit: float) -> dict[str, Tensor]:
        """For :attr:`fewview.methods.Estimate.extra`: the standard deviation that it ascribes to itself."""
        return {"guide_std": self.told["std"] * unit} if self.told else {}

    def state(self) -> dict[str, Any]:
        """What :meth:`restore` takes."""
        return {name: value.clone() for name, value in self.told.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        self.told = {name: torch.as_tensor(value).to(self.xray).clone() for name, value in state.items()}


@dataclass
class GuidedCG(Stateless):
    """The proximal data step with what a guide said last as one more term; see ``CrossModalGuide.weighed``.

    Parameters
    ----------
    iterations : int
    guide : CrossModalGuide
    alone : Consistency
        The data step as long as the guide has said nothing.
    """

    iterations: int
    guide: CrossModalGuide
    alone: Consistency

    def solve(self, x0: Tensor, data: Scaled, level: Level) -> Iterator[Tensor]:
        """See :class:`fewview.methods.inverse.consistency.Consistency`."""
        if self.guide.told:
            yield self.guide.weighed(x0, data, level, self.iterations)
        else:
            yield from self.alone.solve(x0, data, level)
