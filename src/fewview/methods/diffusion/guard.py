"""Whether the measurement speaks against the guide: it is not asked, or its certainty is taken down by region."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from .scaled import Scaled

AREA = 12.0
"""Pixels over which errors of a guide hang together (measured on validation samples with their right X-ray volume)."""
REACH = 9
"""Pixels a side over which disagreement is averaged: a single ray tells nothing."""


def verdict(without: NDArray[np.float64], guided: NDArray[np.float64]) -> dict[str, Any]:
    """Whether a guide is listened to, by squared errors of withheld views predicted without it and with it.

    Parameters
    ----------
    without, guided : ndarray, shape (views,)

    Returns
    -------
    dict
        For :attr:`fewview.methods.Estimate.chosen`: "guide_weight" (1 or 0), "guided" (in words), "guide_curve".
    """
    before, after = float(without.mean()), float(guided.mean())
    good = after < before
    ratio = (after / before) ** 0.5 - 1 if before > 0 else 0.0
    words = f"{'accepted' if good else 'rejected'}: withheld views are predicted {abs(ratio):.1%} "
    return {
        "guide_weight": float(good),
        "guided": words + ("better" if good else "worse"),
        "guide_curve": [["without", before], ["with", after]],
    }


@torch.no_grad()
def doubt(mean: Tensor, variance: Tensor, data: Scaled) -> Tensor:
    """How many times larger than claimed the variance of a guide is, as far as the data can tell; 1 where it is not.

    The residual of each ray has a variance: that of the noise, and that of the guide's claimed errors along the ray.
    Squared residuals over what is claimed, back-projected, say where the claim is too bold.

    Parameters
    ----------
    mean, variance : Tensor, shape (slices, y, x)
    data : Scaled

    Returns
    -------
    Tensor, shape (slices, y, x)
        At least 1.
    """
    residual = data.misfit(mean)
    # A ray of weight a_j per pixel has the variance sum_j a_j^2 v_j; a_j is about one and the same along it.
    step = data.operator.pixel / data.operator.norm
    claimed = AREA * step * data.forward(variance)
    weights = torch.ones_like(residual) if data.weights is None else data.weights
    usable = (weights > 0).to(residual)
    noise = data.noise**2 / torch.where(weights > 0, weights, torch.ones_like(weights))
    observed = (residual.square() - noise) * usable
    # Back-projected along the same rays, so that a ray past the object, of which nothing is claimed, says little.
    excess = _smooth(data.adjoint(observed)) / _smooth(data.adjoint(claimed * usable)).clamp(min=1e-12)
    return excess.clamp(min=1.0)


def _smooth(image: Tensor) -> Tensor:
    return F.avg_pool2d(image[:, None], REACH, 1, REACH // 2, count_include_pad=False)[:, 0]
