"""The X-ray volume's word in the loop: what the guide network says, as sure as it is, weighed with prior and data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from ...models.guide import BLIND, START
from ...models.guide import Guide as Network
from ...operators.krylov import cg
from .consistency import noise_aware
from .denoiser import batch_size
from .guard import doubt
from .scaled import Scaled
from .schedule import Level

Step = Literal["proximal", "overwrite"]


@dataclass
class CrossModalGuide:
    """A guide network in the loop; see :class:`fewview.methods.diffusion.loop.Guide`.

    It sees the mean of the posterior samples, whose common error it mends, and speaks to all of them alike: that is
    also what keeps it cheap.

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
        In the prior, as in :class:`fewview.methods.diffusion.consistency.ProximalCG`.
    weight : float
        Factor of the guide's certainty; 0 does not ask it.
    watched : bool
        Take its certainty down by region where the data speak against it.
    blind : bool
        It does not see the estimate (a control).
    """

    network: Network
    xray: Tensor
    every: int = 2
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
        return self.weight > 0 and level.index >= self.first and (level.index - self.first) % self.every == 0

    def __call__(self, x: Tensor, x0: Tensor, data: Scaled, level: Level) -> Tensor:
        """See :class:`fewview.methods.diffusion.loop.Guide`."""
        mean, certainty = self.opinion(x, data, level.sigma)
        copies = len(x) // len(mean)
        if self.step == "overwrite":
            return mean.repeat(copies, 1, 1)
        gamma = noise_aware(self.trust, data, level)
        near = gamma * data.noise**2 * certainty.repeat(copies, 1, 1)  # the prior's variance over the guide's
        target = x0 + near * mean.repeat(copies, 1, 1) + gamma * data.back.repeat(copies, 1, 1)
        return cg(lambda v: v + near * v + gamma * data.normal(v), target, x, self.iterations)

    def start(self, first: Tensor, data: Scaled) -> Tensor:
        """A first reconstruction (slices, y, x) in the light of the guide, then consistent with the data."""
        if self.weight == 0:
            return first
        mean, certainty = self.opinion(first, data, START)
        if self.step == "overwrite":
            return mean
        near = data.noise**2 * certainty
        return cg(lambda v: near * v + data.normal(v), near * mean + data.back, mean, 2 * self.iterations)

    def opinion(self, x: Tensor, data: Scaled, sigma: float) -> tuple[Tensor, Tensor]:
        """What the guide says of the mean of the copies, and 1 / variance of it, (slices, y, x) each."""
        seen = x.reshape(-1, *self.xray.shape).mean(dim=0)
        if self.blind:
            seen, sigma = torch.zeros_like(seen), BLIND
        means, logvars = [], []
        for index in torch.arange(len(seen), device=seen.device).split(batch_size(seen)):
            said = self.network(seen[index][:, None], self.xray[index][:, None], sigma)
            means.append(said.mean[:, 0])
            logvars.append(said.logvar[:, 0])
            if data.operator.on_chunk is not None:
                data.operator.on_chunk()
        mean, variance = torch.cat(means), torch.cat(logvars).exp()
        doubted = doubt(mean, variance, data) if self.watched else torch.ones_like(variance)
        self.told = {"std": variance.sqrt(), "doubt": doubted}
        return mean, self.weight / (variance * doubted)

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
