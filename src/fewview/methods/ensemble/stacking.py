"""How large a part of a mean another volume is worth, by the measurements that neither was given."""

from __future__ import annotations

import torch
from torch import Tensor

from ...operators.filters import apply_filter, ramp_filter
from ..classical.fbp import bridge
from ..interface import Views
from ..inverse.masking import measured, weigh

LEAST = 0.1
"""A smaller share is not worth the time, nor told from none by a few views."""
TAKEN = 0.5
"""Of a share: a few views overestimate that of a classical method, and equal shares are hard to beat (the "forecast
combination puzzle"). More of it gains 0.01 dB on 27 validation samples, and loses twice as much at worst
(benchmarks/share.py, docs/constants.md)."""
MASKED = 0.5
"""Where more of the pixels are left out, because pixels and not views are held out, there are no rows to filter."""


class Residuals:
    """What volumes leave unexplained of held-out measurements, and inner products that weigh it as errors of the image.

    Residuals of whole views are ramp filtered once: then they weigh the frequencies as an error of the image does
    (Fourier slice theorem).

    Parameters
    ----------
    held : Views
    filtered : bool
        False: as they are.
    """

    def __init__(self, held: Views, filtered: bool = True) -> None:
        self.held = held
        self.y, weights = measured(held)
        self.root = None if weights is None else weights.sqrt()
        self.ramp = ramp_filter(self.y.shape[-1])
        self.whole = filtered and (self.root is None or float((self.root == 0).double().mean()) < MASKED)

    def of(self, volume: Tensor) -> Tensor:
        """The weighted residual of a volume."""
        residual = weigh(self.held.operator(volume) - self.y, self.root)
        return bridge(residual, self.root > 0) if self.whole and self.root is not None else residual

    def inner(self, a: Tensor, b: Tensor) -> float:
        """Inner product of two residuals."""
        return float((a * (apply_filter(b, self.ramp) if self.whole else b)).sum(dtype=torch.float64))


def share(held: Views, samples: Tensor, other: Tensor, wanted: int, filtered: bool = True) -> float:
    """The part of ``other`` in the mean of both, that at which held-out measurements are predicted best.

    Of ``(1 - w) x + w z`` the squared error is a parabola in ``w``, whose coefficients the residuals give; the noise of
    the held-out data is in all of them and cancels. A few samples err more than the mean of many would: that part of
    their error is known from how they differ, and taken off.

    Parameters
    ----------
    held : Views
    samples : Tensor, shape (samples, slices, y, x)
        Of the network, from the views that are not held out.
    other : Tensor, shape (slices, y, x)
        From the same.
    wanted : int
        Samples that the run will take the mean of.
    filtered : bool
        Of large shares, unfiltered residuals are the better judge: on plain shapes of validation seeds with their X-ray
        volumes, the share of directional TV came out 0.04 off the best one in the mean, filtered 0.07.

    Returns
    -------
    float
        0, or :data:`LEAST` to 1.
    """
    misfit = Residuals(held, filtered)
    inner = misfit.inner
    residuals = [misfit.of(sample) for sample in samples]
    network, classical = torch.stack(residuals).mean(dim=0), misfit.of(other)
    chance = sum(inner(r - network, r - network) for r in residuals) / max(len(residuals) - 1, 1)
    own = inner(network, network) - (1 / len(residuals) - 1 / wanted) * chance
    both, theirs = inner(network, classical), inner(classical, classical)
    curvature = own + theirs - 2 * both
    best = min((own - both) / curvature, 1.0) if curvature > 0 else 0.0
    return best if best >= LEAST else 0.0


def cautious(part: float) -> float:
    """What of a share is taken (:data:`TAKEN`). Directional TV is worth all that the views give it."""
    return TAKEN * part


def mixed(volume: Tensor, extra: dict[str, Tensor], other: Tensor, part: float) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean of network and the other; where they disagree, "std" grows by the variance of such a mixture.

    Parameters
    ----------
    volume, other : Tensor, shape (slices, y, x)
    extra : dict of Tensor
        Of the network.
    part : float
        Of ``other``.

    Returns
    -------
    volume : Tensor, shape (slices, y, x)
    extra : dict of Tensor
        As given but for "std", in the unit of the volume.
    """
    if "std" in extra:
        apart = part * (1 - part) * (volume - other).square()
        extra = {**extra, "std": (extra["std"].square() + apart).sqrt()}
    return (1 - part) * volume + part * other, extra
