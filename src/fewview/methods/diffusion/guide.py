"""The X-ray volume's word in the loop: what the guide network says, as sure as it is, weighed with prior and data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from ...models.guide import BLIND, START
from ...models.guide import Guide as Network
from ...models.symmetries import turned, turned_back
from ...models.window import asked
from ..inverse.normalised import Scaled
from ..inverse.proposals import Proposal, data_consistent, repeated
from ..inverse.window import window_around
from .denoiser import batches
from .guide_rejection import ALLOWED, doubt
from .schedule import Level

Step = Literal["proximal", "overwrite"]
START_ITERATIONS = 10  # of CG where the guide mends the first reconstruction


@dataclass
class CrossModalGuide:
    """A guide network in the loop; see :class:`fewview.methods.diffusion.parts.Proposer`.

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
    weight : float
        Factor of the guide's certainty; 0 does not ask it.
    watched : bool
        Take its certainty down by region where the data speak against it.
    blind : bool
        It does not see the estimate (a control).
    positions : int
        In how many of the eight turned and mirrored positions it is asked; it says the mean.
    told : dict of Tensor, shape (slices, y, x) each
        "mean", "std" and "doubt" of what it said last.
    """

    network: Network
    xray: Tensor
    every: int = 4
    first: int = 0
    step: Step = "proximal"
    weight: float = 1.0
    watched: bool = True
    blind: bool = False
    positions: int = 1
    told: dict[str, Tensor] = field(default_factory=dict)

    def due(self, level: Level) -> bool:
        """See :class:`fewview.methods.diffusion.parts.Proposer`."""
        return level.index >= self.first and (level.index - self.first) % self.every == 0

    def consider(self, x: Tensor, data: Scaled, level: Level) -> Tensor | None:
        """See :class:`fewview.methods.diffusion.parts.Proposer`."""
        self.ask(x, data, level.sigma)
        return repeated(self.told["mean"], len(x)) if self.step == "overwrite" else None

    @property
    def proposal(self) -> Proposal | None:
        """See :class:`fewview.methods.diffusion.parts.Proposer`; what overwrites the image is no term."""
        if not self.told or self.step == "overwrite":
            return None
        return Proposal(self.told["mean"], self.certainty)

    def start(self, first: Tensor, data: Scaled) -> Tensor:
        """A first reconstruction (slices, y, x) in the light of the guide, then consistent with the data."""
        self.ask(first, data, START)
        mean = self.told["mean"]
        if self.step == "overwrite":
            return mean
        return data_consistent([Proposal(mean, self.certainty)], data, START_ITERATIONS, mean)

    def ask(self, x: Tensor, data: Scaled, sigma: float) -> None:
        """Show it the mean of the copies in ``x`` and keep what it says.

        Parameters
        ----------
        x : Tensor, shape (copies * slices, y, x)
            In units of the object's maximum.
        data : Scaled
            In the same unit.
        sigma : float
            Noise over signal of the level; START before the first.
        """
        seen = x.reshape(-1, *self.xray.shape).mean(dim=0)
        allowed = ALLOWED["start" if sigma == START else "loop"]
        shown, sigma = (torch.zeros_like(seen), BLIND) if self.blind else (seen, sigma)
        parts, window = [], window_around(data)
        for index, own in batches(seen):
            both = torch.stack([shown[index], self.xray[index]], dim=1)
            said = asked(self.network, both, lambda images: self._opinion(images, sigma), window, air=True)
            parts.append(said[:own])
            if data.operator.on_chunk is not None:
                data.operator.on_chunk()
        mean, logvar = torch.cat(parts).unbind(dim=1)
        variance = logvar.exp()
        doubted = doubt(mean, variance, seen, data, allowed) if self.watched else torch.ones_like(variance)
        self.told = {"mean": mean, "std": variance.sqrt(), "doubt": doubted}

    def _opinion(self, images: Tensor, sigma: float) -> Tensor:
        """Mean and log-variance (batch, 2, y, x) of what it is shown, an estimate and the X-ray slice."""
        said = torch.zeros_like(images)
        for turn in range(self.positions):
            both = turned(images, turn)
            said += turned_back(torch.cat(self.network(both[:, :1], both[:, 1:], sigma), dim=1), turn)
        return said / self.positions

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
