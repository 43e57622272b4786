"""The guide network of `d3ip-x`, asked once more: about what an unrolled network has made of the X-ray volume."""

from __future__ import annotations

from torch import Tensor

from ...models.prior import MEAN, SIGMA_DATA
from ...models.symmetries import TURNS
from ...models.unrolled import Unrolled
from ..diffusion.guide import CrossModalGuide
from ..interface import Problem
from ..inverse.normalised import Scaled
from ..inverse.proposals import Proposal, data_consistent, nonnegative
from .xray_reading import guide_network, shown, xray_of

REACHED = 0.3
"""Noise level of the loop at which a guide meets images as good as these; half of it changes nothing (0.01 dB)."""
ITERATIONS = 20
"""Of the data step."""


def guided_again(net: Unrolled, image: Tensor, problem: Problem, data: Scaled, positivity: bool) -> Tensor:
    """What the guide makes of a reconstruction and its own first reading, made consistent with the data.

    The network mistrusts a reading that in most of its training was of a blurred or misplaced X-ray volume; the guide
    does not. Their errors differ, so that their mean is better than either, and the guide mends what both share.

    Parameters
    ----------
    net : Unrolled
        One that takes readings.
    image : Tensor, shape (slices, y, x)
        Its answer, in units of the object's maximum.
    problem : Problem
        With an X-ray volume.
    data : Scaled
        The same in those units.
    positivity : bool
        Whether the result is nowhere below 0.

    Returns
    -------
    Tensor, shape (slices, y, x)
        In the same units.
    """
    known = shown(net, problem, data)
    assert known is not None
    first = known[:, 0] * SIGMA_DATA + MEAN
    guide = CrossModalGuide(guide_network(image.device), xray_of(problem), positions=TURNS)
    guide.ask((image + first) / 2, data, REACHED)
    mean, certainty = guide.told["mean"], guide.certainty
    if positivity:
        return nonnegative(mean, data, certainty, ITERATIONS)
    return data_consistent([Proposal(mean, certainty)], data, ITERATIONS, mean)
