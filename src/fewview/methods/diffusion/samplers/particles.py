"""Particles that follow noisy data down, and are drawn anew by how well they foresee it (FPS-SMC)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...inverse.gaussian import GaussianStep
from ...inverse.normalised import Scaled
from ...slices import SliceNoise
from ..renoise import Rule
from ..schedule import Level


@dataclass
class Particles:
    """Filtering posterior sampling (Dou and Song, ICLR 2024, algorithm 2), with noise of the data in view.

    The data are made noisy like the image, ``y_t = y + sigma A z``, along one path for each group of particles. Where
    the next noisy image is Gaussian around the network's mean ``m``, and ``y_t`` is known but for the noise of the
    data, the image is drawn from both, and the probability of ``y_t`` under ``m`` is the weight of its particle. It
    does not depend on what is drawn, so that particles are chosen before.

    Parameters
    ----------
    step : GaussianStep
    noise : SliceNoise
        That of the reverse process.
    rule : Rule
        How much of the next image's noise is new.
    size : int
        Copies of a slice that are chosen among.
    first : float
        Noise of the first level.
    """

    step: GaussianStep
    noise: SliceNoise
    rule: Rule
    size: int
    first: float
    _path: Tensor | None = None

    def heard(self, x_t: Tensor, data: Scaled, level: Level) -> Tensor:
        """Draw the next noisy images, given their means.

        Parameters
        ----------
        x_t : Tensor, shape (copies * slices, y, x)
            Means, at the level that follows.
        data : Scaled
        level : Level

        Returns
        -------
        Tensor
            Shape (copies * slices, y, x).
        """
        if level.last:
            return x_t
        mean = x_t / math.sqrt(level.abar_next)
        new = self.rule(level)[0] / math.sqrt(level.abar_next)
        off = self._next_path(mean, data, level)
        misfit = self.step.misfit(mean) + off
        rho = (data.noise / new) ** 2
        chosen = self._chosen(misfit, self.step.inverse(misfit, rho), new, mean)
        mean, misfit = mean[chosen], misfit[chosen]
        drawn = self.step.drawn(mean, new, self.noise(mean), self.noise(misfit), misfit)
        return math.sqrt(level.abar_next) * drawn

    def _next_path(self, like: Tensor, data: Scaled, level: Level) -> Tensor:
        """``sqrt(W) (y_t - y)`` at the level that follows, the same for all particles of a group."""
        new, old = (factor / math.sqrt(level.abar_next) for factor in self.rule(level))
        path = self._path
        if path is None:
            path = self.first * self._projected(like, data)
        self._path = new * self._projected(like, data) + old / level.sigma * path
        return self._path

    def _projected(self, like: Tensor, data: Scaled) -> Tensor:
        """``sqrt(W) A z``, of one image of noise for each group."""
        white = self.noise(like).reshape(-1, self.noise.slices, *like.shape[1:])
        groups = torch.arange(len(white), device=like.device) // self.size * self.size
        return self.step.rooted(data.forward(white[groups].reshape(like.shape)))

    def _chosen(self, misfit: Tensor, solved: Tensor, new: float, like: Tensor) -> Tensor:
        """Numbers of the images whose particles go on, by slice and group."""
        slices = self.noise.slices
        evidence = -0.5 * (misfit * solved).sum(dim=(1, 2)).reshape(-1, slices) / new**2
        # One uniform number per image, that of a pixel of its own noise: the choice does not hang on slabs.
        uniform = 0.5 * (1 + torch.erf(self.noise(like[:, :1, :1]) / math.sqrt(2))).reshape(-1, slices)
        chosen = []
        for start in range(0, len(evidence), self.size):
            group = evidence[start : start + self.size]
            weights = group.softmax(dim=0)
            edges = weights.cumsum(dim=0).T.contiguous()
            points = (torch.arange(len(group), device=like.device)[:, None] + uniform[start]) / len(group)
            chosen.append(start + torch.searchsorted(edges, points.T.contiguous()).T.clamp(max=len(group) - 1))
        return (torch.cat(chosen) * slices + torch.arange(slices, device=like.device)).flatten()

    def state(self) -> dict[str, Any]:
        """The noisy data."""
        return {} if self._path is None else {"path": self._path.clone()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        self._path = torch.as_tensor(state["path"]).clone() if "path" in state else None
