"""The data step on decoded volumes: exact, and no closer to the views than their noise allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from ..diffusion.schedule import Level
from ..inverse.consistency import Stateless
from ..inverse.gaussian import GaussianStep
from ..inverse.normalised import Scaled
from ..inverse.proposals import Proposal


@dataclass
class ToTheNoise(Stateless):
    """The nearest volume that leaves of the data what their noise explains.

    Parameters
    ----------
    step : GaussianStep
        Of few views, whose eigenbasis is found once for all slices, samples and rounds.
    """

    step: GaussianStep

    def solve(
        self, x0: Tensor, data: Scaled, level: Level, others: Sequence[Proposal] = (), start: Tensor | None = None
    ) -> Iterator[Tensor]:
        """See :class:`fewview.methods.inverse.consistency.Consistency`; nobody else proposes."""
        yield self.step.mean(x0, self.step.discrepancy(x0))
