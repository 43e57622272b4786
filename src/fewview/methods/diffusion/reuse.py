"""Few calls of the network: the direction stays the same for a while, the data step does not (after EFMCT, 2026)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .schedule import Level


class Reuse:
    """Which steps ask the network, and what the others take instead.

    Along a deterministic path the noise that the network sees changes slowly; the clean image implied by the old
    noise and the newest ``x_t`` then is the next proposal, and costs nothing.

    Parameters
    ----------
    calls : int
        Passes through the network, at most, spread evenly over the steps.
    """

    def __init__(self, calls: int) -> None:
        self.calls = calls
        self._eps: Tensor | None = None

    def due(self, level: Level) -> bool:
        """Whether this step asks the network."""
        if self._eps is None or self.calls >= level.total:
            return True
        return level.index * self.calls // level.total != (level.index - 1) * self.calls // level.total

    def remember(self, eps: Tensor) -> None:
        """Keep the noise that the network saw."""
        self._eps = eps

    def again(self, x_t: Tensor, level: Level) -> tuple[Tensor, Tensor]:
        """Clean image and noise without asking."""
        assert self._eps is not None, "the first step asks the network"
        return (x_t - math.sqrt(1 - level.abar) * self._eps) / math.sqrt(level.abar), self._eps

    def state(self) -> dict[str, Any]:
        """What :meth:`restore` takes."""
        return {} if self._eps is None else {"eps": self._eps.clone()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        self._eps = torch.as_tensor(state["eps"]).clone() if "eps" in state else None
