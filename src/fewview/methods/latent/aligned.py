"""What the networks make of a measurement at once, before any diffusion: the start of a run, and the test of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from torch import Tensor

from ...models.latent.condition import Seen
from ...models.latent.model import LatentModel, load_latent
from ...models.weights import find_weights, read_card
from ...quality.residual import noise_across_rows
from ...wording import counted
from ..interface import Problem
from ..inverse.masking import measured, relative
from ..inverse.normalised import Scaled, scaled
from ..trained_range import outside_training
from .options import ClsDmOptions
from .seen import Rays, seen_of
from .space import LatentSpace

VIEWS = (2, 8)  # least and most of the training
UNLIKE = 2.0
"""How many times worse than at its worst in validation the network may explain the views."""


@dataclass(frozen=True, eq=False)
class Aligned:
    """A measurement as the networks take it, and the volume of its aligned latent.

    Parameters
    ----------
    problem : Problem
    model : LatentModel
    card : dict
        Of the weights; empty without one.
    seen : Seen
    data : Scaled
        In units of six times the mean.
    """

    problem: Problem
    model: LatentModel
    card: dict[str, object]
    seen: Seen
    data: Scaled

    @classmethod
    def of(cls, problem: Problem, options: ClsDmOptions) -> Aligned:
        """Load the networks and show them the measurement."""
        model = load_latent(options.weights, problem.operator.device)
        side = model.config.side
        seen, unit = seen_of(problem, Rays.of(problem.operator, side), side)
        data = scaled(problem, float(unit))
        if len(data.y) >= 3:  # its slices are much alike, and its columns few: better told from both directions
            noise = noise_across_rows(data.y, data.weights)
            data = replace(data, noise=max(min(noise, data.noise), 1e-6))
        return cls(problem, model, read_card(find_weights(options.weights)), seen, data)

    def space(self, consistent: bool) -> LatentSpace:
        """Latents of this measurement's volumes."""
        A = self.problem.operator
        return LatentSpace(
            self.model, (len(self.problem.data), A.grid, A.grid), consistent, A.on_chunk or (lambda: None)
        )

    @cached_property
    def volume(self) -> Tensor:
        """What the aligned latent decodes to, shape (slices, y, x)."""
        alignment = self.model.alignment
        return self.space(False).decode(alignment.aligned(alignment(self.seen))[0].flatten(0, 1))

    def figure(self, name: str) -> float | None:
        """A validation figure of the card; None where it has none."""
        figures = self.card.get("figures")
        value = figures.get(name) if isinstance(figures, dict) else None
        return None if value is None else float(value)

    @cached_property
    def unexplained(self) -> float:
        """Part of the views that the aligned volume leaves unexplained."""
        y, weights = measured(self.problem)
        return relative(self.problem.operator(self.volume * self.data.top) - y, y, weights)

    @property
    def unlike(self) -> bool:
        """Whether the network explains the views much worse than any of its validation."""
        worst = self.figure("unexplained")
        if worst is None:
            return False
        y, weights = measured(self.problem)
        power = y.square() if weights is None else weights * y.square()
        usable = power.numel() if weights is None else int((weights > 0).sum())
        noise = self.data.noise * self.problem.operator.norm * self.data.top * (usable / float(power.sum())) ** 0.5
        return self.unexplained > float(UNLIKE * (worst**2 + noise**2) ** 0.5)

    def said(self, by_network: bool) -> list[str]:
        """What whoever sees the result must know, in full sentences."""
        A = self.problem.operator
        views, said_views = A.views, counted(A.views, "view")
        other = f"The scan has {said_views}; the network was trained for {VIEWS[0]} to {VIEWS[1]}."
        if not by_network:
            if views > VIEWS[1]:  # they may well determine it
                return [f"{other} With so many views choose another method, such as d3ip."]
            open_ = f"{said_views} {'does' if views == 1 else 'do'} not determine this sample"
            return [f"{open_}; its standard deviation says how little is known. Take more views."]
        told = []
        if self.unlike:
            told.append(
                f"The network leaves {self.unexplained:.0%} of the views unexplained, far more than of samples like "
                "its training: do not use this result."
            )
        told.append(
            f"What {said_views} {'leaves' if views == 1 else 'leave'} open comes from the volumes that the network has "
            "learnt: look at the samples before you trust a detail."
        )
        if not VIEWS[0] <= views <= VIEWS[1]:
            told.append(other)
        told += outside_training(self.card, A, self.data.noise * A.norm * self.data.top)
        if len(self.problem.data) != A.grid:
            told.append(
                f"The volume has {counted(len(self.problem.data), 'slice')} of {A.grid} pixels; the network learnt "
                "cubes, and sees it stretched to one."
            )
        return told

    def made_of(self, options: ClsDmOptions, samples: int) -> str:
        """What the result is made of, in a sentence.

        Parameters
        ----------
        options : ClsDmOptions
        samples : int
            Of which it is the mean; 0 where total variation answers.
        """
        if not samples:
            return (
                f"Total variation: the network leaves {self.unexplained:.0%} of the views unexplained, far more than "
                "of samples like those that it has learnt."
            )
        one = "the network's regression" if options.answer == "regression" else "a sample of latent diffusion"
        means = f"the mean of {samples} samples of latent diffusion" if samples > 1 else one
        met = "made consistent with the views" if options.consistent else "not made consistent with the views"
        return f"From {counted(self.problem.operator.views, 'view')}: {means}, {met}."
