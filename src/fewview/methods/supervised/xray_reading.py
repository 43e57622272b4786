"""What an unrolled network is told of an X-ray volume: how the guide network of `d3ip-x` reads it, and it itself."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ...models.guide import START, Guide, load_guide
from ...models.prior import MEAN, SIGMA_DATA
from ...models.unrolled import Unrolled
from ..diffusion.guide import CrossModalGuide
from ..diffusion.start import least_squares
from ..interface import Problem
from ..inverse.normalised import Scaled, robust_maximum

IMAGES = 3
"""Further images of the network: the ideal slice as the guide sees it, how sure that is, and the X-ray slice."""
USUAL = 0.1
"""Standard deviation that the guide usually claims, in parts of the object's maximum."""


@lru_cache(maxsize=2)
def guide_network(device: torch.device) -> Guide:
    """The shipped guide of `d3ip-x`."""
    return load_guide("guide", device)


def xray_of(problem: Problem) -> Tensor:
    """The X-ray volume of a problem that has one, in units of its robust maximum, shape (slices, y, x)."""
    assert problem.auxiliary is not None
    xray = problem.auxiliary.to(problem.data)
    return xray / (robust_maximum(xray) or 1.0)


def shown(net: Unrolled, problem: Problem, data: Scaled) -> Tensor | None:
    """Further images for a network that takes them; None for one that does not, and where there is no X-ray volume.

    Parameters
    ----------
    net : Unrolled
    problem : Problem
        Its :attr:`Problem.auxiliary` is the X-ray volume, in any unit.
    data : Scaled
        The measurement that the reconstruction may see, in units of the object's maximum.

    Returns
    -------
    Tensor, shape (slices, IMAGES, y, x), or None
    """
    if not net.config.extra or problem.auxiliary is None:
        return None
    return reading(xray_of(problem), problem, data)


@torch.no_grad()
def reading(xray: Tensor, problem: Problem, data: Scaled) -> Tensor:
    """The guide is asked once, about a few steps of CGLS; its certainty is taken down where the data contradict it.

    Parameters
    ----------
    xray : Tensor, shape (slices, y, x)
        In units of its robust maximum.
    problem : Problem
        What is measured.
    data : Scaled
        The same in units of the object's maximum.

    Returns
    -------
    Tensor, shape (slices, IMAGES, y, x)
        Of order one; the log of the standard deviation is relative to :data:`USUAL`.
    """
    guide = CrossModalGuide(guide_network(xray.device), xray)
    guide.ask(least_squares(problem) / data.top, data, START)
    std = guide.told["std"] * guide.told["doubt"].sqrt()
    return torch.stack(
        [(guide.told["mean"] - MEAN) / SIGMA_DATA, (std / USUAL).log(), (xray - MEAN) / SIGMA_DATA], dim=1
    )
