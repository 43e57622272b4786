"""The q-generalised Gaussian Markov random field: the prior of MBIR."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

NEAR, DIAGONAL = 1.0, 0.707  # neighbour weights before they are scaled to sum to 1, as svmbir has them
Window = tuple[slice, slice, slice]


@dataclass(frozen=True)
class QGGMRF:
    """``sum_pairs b rho(x_s - x_r)``, ``rho(D) = |D|^p / (p s^p) r / (1 + r)``, ``r = |D / (T s)|^(q - p)``.

    Quadratic (q = 2) for differences well under ``T s``, nearly absolute (p just over 1) beyond: noise is smoothed,
    edges are kept.

    Parameters
    ----------
    scale : Tensor, shape (slices, 1, 1) or (1, 1, 1)
        ``s`` (sigma_x), in the unit of the volume.
    p, q, T : float
        1 <= p < q <= 2; T > 0.
    interslice : float
        Weight of the neighbours above and below, relative to the nearest ones within the slice; 0: none.

    Notes
    -----
    Thibault, Sauer, Bouman and Hsieh, Med. Phys. 34 (2007) 4526; parametrised as in svmbir.
    """

    scale: Tensor
    p: float = 1.2
    q: float = 2.0
    T: float = 1.0
    interslice: float = 1.0

    def potential(self, difference: Tensor) -> Tensor:
        """``rho`` of differences (slices, y, x)."""
        size = difference.abs()
        ratio = (size / (self.T * self.scale)) ** (self.q - self.p)
        return (size / self.scale) ** self.p / self.p * ratio / (1 + ratio)

    def curvature(self, difference: Tensor) -> Tensor:
        """``rho'(D) / D``: the curvature of the parabola that touches rho at +-D and lies above it everywhere."""
        # For q < 2 the curvature at 0 is infinite: differences under a thousandth of the scale count as that.
        floor = 0.0 if self.q == 2 else 1e-3
        size = (difference / self.scale).abs().clamp(min=floor)
        ratio = (size / self.T) ** (self.q - self.p)
        # |D|^(p-2) r is written as one power, |D|^(q-2), which is finite at 0 for q = 2.
        common = self.T ** (self.p - self.q) / self.scale**2
        rise = common * (self.q / self.p + ratio) / (1 + ratio) ** 2
        result: Tensor = rise if self.q == 2 else rise * size ** (self.q - 2)
        return result

    def value(self, x: Tensor) -> float:
        """The whole prior term of a volume."""
        return sum(
            float((b * self.potential(x[first] - x[second])).sum(dtype=torch.float64))
            for first, second, b in self._pairs(x)
        )

    def gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient at ``x``, and the diagonal of a separable parabola above the prior that touches it there."""
        slope, diagonal = torch.zeros_like(x), torch.zeros_like(x)
        for first, second, b in self._pairs(x):
            difference = x[first] - x[second]
            curvature = b * self.curvature(difference)
            force = curvature * difference
            slope[first] += force
            slope[second] -= force
            # (x_s - x_r)^2 <= 2 (x_s - c)^2 + 2 (x_r - c)^2 for c between them: factor 2 when parted.
            diagonal[first] += 2 * curvature
            diagonal[second] += 2 * curvature
        return slope, diagonal

    def _pairs(self, x: Tensor) -> Iterator[tuple[Window, Window, float]]:
        """Every pair of neighbours once: where its first and its second pixel lie, and the weight."""
        total = 4 * NEAR + 4 * DIAGONAL + 2 * self.interslice
        every, head, tail = slice(None), slice(None, -1), slice(1, None)
        yield (every, tail, every), (every, head, every), NEAR / total
        yield (every, every, tail), (every, every, head), NEAR / total
        yield (every, tail, tail), (every, head, head), DIAGONAL / total
        yield (every, tail, head), (every, head, tail), DIAGONAL / total
        if self.interslice and len(x) > 1:
            yield (tail, every, every), (head, every, every), self.interslice / total
