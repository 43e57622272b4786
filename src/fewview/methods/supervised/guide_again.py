"""The guide network of `d3ip-x`, asked once more: about what an unrolled network has made of the X-ray volume."""

from __future__ import annotations

from torch import Tensor

from ...models.guide import START
from ...models.symmetries import TURNS
from ..diffusion.guide import CrossModalGuide
from ..diffusion.start import least_squares
from ..interface import Problem
from ..inverse.normalised import Scaled
from ..inverse.proposals import Proposal, data_consistent, nonnegative
from .xray_reading import guide_network, xray_of

REACHED = 0.3
"""Noise level of the loop at which a guide meets images as good as these; half of it changes nothing (0.01 dB)."""
ITERATIONS = 20
"""Of the data step."""


def guided_again(image: Tensor, problem: Problem, data: Scaled, positivity: bool) -> Tensor:
    """The mean of a reconstruction and what the guide makes of it and of its own first reading, both fitting the data.

    The network mistrusts a reading that in most of its training was of a blurred or misplaced X-ray volume; the guide
    does not. Their errors differ, so that the guide mends what both share, and the mean of the two is better than
    either: of concrete-like validation samples of 64 pixels with 8, 16 and 32 views by 0.15, 0.11 and 0.07 dB over the
    network where the X-ray volume is as blurred as in the training (the guide alone: 0.16, 0.01, -0.20), by 0.23, 0.21
    and 0.14 dB where it is as sharp as the sample (three each).

    Parameters
    ----------
    image : Tensor, shape (slices, y, x)
        The network's answer, in units of the object's maximum.
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
    guide = CrossModalGuide(guide_network(image.device), xray_of(problem), positions=TURNS)
    guide.ask(least_squares(problem) / data.top, data, START)
    guide.ask((image + guide.told["mean"]) / 2, data, REACHED)
    mean, certainty = guide.told["mean"], guide.certainty
    said = data_consistent([Proposal(mean, certainty)], data, ITERATIONS, mean)
    if positivity:
        said = nonnegative(said, data, float((1 / certainty).mean()) / data.noise**2)
    return (image + said) / 2
