"""Whether the measurement speaks against the guide: it is not used, or its certainty is taken down by region."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..inverse.normalised import Scaled
from ..selection.comparison import PerView, better, gain

ALLOWED = {"start": 1.6, "loop": 0.5}
"""Excess over what is claimed that the right X-ray volume has, too: of a first reconstruction, which fits its data
best, and of the loop's images. Measured on validation samples at 8 and 32 views."""
GAIN, MOST = 0.52, 0.087
"""Part by which held-out views must be predicted better: the first over the root of the number of views, the second at
most. The more views, the less an X-ray volume adds. It lies between what does good and what does harm on validation
samples of 64 and 128 pixels: benchmarks/guide_rejection.py, docs/constants.md."""
USED, NOT_USED = "The X-ray volume was used", "The X-ray volume was not used"
REMEDY = (
    "This volume is made of the measured views alone. Check that the X-ray volume is of this sample and registered to "
    "it; guide weight 1 uses it all the same."
)
REACH = 9
"""Pixels a side over which disagreement is averaged: a single ray tells nothing."""


def least_gain(views: int) -> float:
    """Part by which held-out views must be predicted better with a guide, of a scan of so many views."""
    return min(GAIN / math.sqrt(views), MOST)


def verdict(without: PerView, guided: PerView, views: int) -> dict[str, Any]:
    """Whether a guide is listened to: it must help to predict held-out views.

    Parameters
    ----------
    without, guided : ndarray, shape (views,)
        Squared errors of held-out views predicted without it and with it.
    views : int
        Of the scan.

    Returns
    -------
    dict
        For :attr:`fewview.methods.Estimate.chosen`: "guide_weight" (1 or 0), "guided" (in words), "guide_curve".
    """
    gained, least = gain(guided, without), least_gain(views)
    evidence = f"with it, held-out views are predicted {_in_words(gained)}"
    if 0 < gained < least:
        evidence += f", and under {least:.1%} a misplaced X-ray volume was seen to do harm"
    good = better(guided, without, least=least, enough=least)
    return {
        "guide_weight": float(good),
        "guided": f"{USED}: {evidence}." if good else f"{NOT_USED}: {evidence}. {REMEDY}",
        "guide_curve": [["without", float(without.mean())], ["with", float(guided.mean())]],
    }


def _in_words(gained: float) -> str:
    return f"{abs(gained):.1%} {'better' if gained > 0 else 'worse'}"


def unasked(without: PerView) -> dict[str, Any]:
    """In place of a :func:`verdict` where the network is not wanted."""
    curve = [["without", float(without.mean())]]
    return {"guide_weight": 0.0, "guided": f"{NOT_USED}: it was not asked.", "guide_curve": curve}


def second_verdict(
    first: Mapping[str, Any], without: PerView, mixed: PerView, settings: Mapping[str, float]
) -> dict[str, Any]:
    """What is said and done where the network was rejected and directional TV was tried in its place.

    Parameters
    ----------
    first : mapping
        The :func:`verdict` on the network.
    without, mixed : ndarray, shape (views,)
        Squared errors of held-out views predicted without directional TV, and with its share.
    settings : mapping
        "beside_share" and the settings of directional TV; part of the answer where the share is not 0, and where the
        X-ray volume has a say in it ("tv_gamma").

    Returns
    -------
    dict
        Options that are settled by it ("guide_weight", with "guide_by" where the edges are used), the sentence
        "guided", and "guide_curve": mean squared error by what was tried.
    """
    good = settings["beside_share"] > 0 and settings["tv_gamma"] > 0
    told = f"with {settings['beside_share']:.0%} of directional TV along them, held-out views are predicted "
    told += f"{_in_words(gain(mixed, without))}."
    network = str(first["guided"]).removesuffix(f" {REMEDY}").replace(NOT_USED, "The network's reading of it was not")
    said = f"{USED} by its edges: {told} {network}" if good else f"{first['guided']} Its edges did not help either."
    return {
        "guide_weight": float(good),
        "guided": said,
        "guide_curve": [*first["guide_curve"], ["edges", float(mixed.mean())]],
        **({"guide_by": "edges", **settings} if good else {}),
    }


@torch.no_grad()
def doubt(mean: Tensor, variance: Tensor, seen: Tensor, data: Scaled, allowed: float) -> Tensor:
    """How many times larger than claimed the variance of a guide is, as far as the data can tell; 1 where it is not.

    The squared residual of a ray grows, from the image that the guide has seen to the guide's own, by what the guide
    errs along the ray. Back-projected, over what it claims to err, that says where the claim is too bold. The level
    of the noise is not needed.

    Parameters
    ----------
    mean, variance : Tensor, shape (slices, y, x)
        What the guide says.
    seen : Tensor, same shape
        What it has seen.
    data : Scaled
    allowed : float
        One of :data:`ALLOWED`.

    Returns
    -------
    Tensor, shape (slices, y, x)
        At least 1.
    """
    # Independent errors of variance v add up to sum_j a_j^2 v_j along a ray whose weights a_j are about one pixel.
    claimed = data.operator.volume.voxel / data.operator.norm * data.forward(variance)
    grown = data.misfit(mean).square() - data.misfit(seen).square()
    excess, base = (_smooth(data.adjoint(data.weighted(part))) for part in (grown, claimed))
    return (excess / (allowed * base.clamp(min=1e-12))).clamp(min=1.0)


def _smooth(image: Tensor) -> Tensor:
    return F.avg_pool2d(image[:, None], REACH, 1, REACH // 2, count_include_pad=False)[:, 0]
