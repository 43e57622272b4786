"""3D Gaussians summed on a lattice, with exact gradients: compiled on the CPU, in torch elsewhere.

A Gaussian is a row of ten numbers, in voxels and in the order z, y, x: density, mean (3), and the precision matrix
(zz, yy, xx, zy, zx, yx). It ends where its exponent reaches ``-CUT^2 / 2``, at 1/1367 of its peak: 1.5e-4 of its
integral along a ray through its middle lie beyond.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...operators.jit import jit
from ...operators.threads import pausing, share
from .field import Shape, Slab
from .splat import splat, splat_gradient

CUT = 3.8  # standard deviations, at which a Gaussian ends
PIECE = 2000  # Gaussians between two looks at the stop flag
PLANES = 4  # slices that a thread fills by itself


def voxelise(
    gaussians: Tensor, reach: Tensor, shape: Shape, slab: Slab | None = None, tick: Callable[[], None] = lambda: None
) -> Tensor:
    """Sum of Gaussians at voxel centres; differentiable in ``gaussians``.

    Parameters
    ----------
    gaussians : Tensor, shape (n, 10)
    reach : Tensor, shape (n, 3)
        Half widths of the boxes that hold them: ``CUT`` times the square roots of the variances along z, y and x.
    shape : tuple of int
        The lattice.
    slab : pair of int, optional
        Its slices that are wanted.
    tick : callable
        Called several times per second.

    Returns
    -------
    Tensor, shape (slices of the slab, y, x)
    """
    result: Tensor = _Voxelise.apply(gaussians, reach.detach(), shape, slab or (0, shape[0]), tick)
    return result


class _Voxelise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, gaussians: Tensor, reach: Tensor, shape: Shape, slab: Slab, tick: Callable[[], None]
    ) -> Tensor:
        ctx.save_for_backward(gaussians, reach)
        ctx.slab, ctx.tick = slab, tick
        size = (slab[1] - slab[0], shape[1], shape[2])
        if gaussians.device.type != "cpu":
            return splat(gaussians, reach, size, slab[0], CUT)
        volume = torch.zeros(size, dtype=gaussians.dtype)
        rows, boxes, out = gaussians.detach().numpy(), reach.numpy(), volume.numpy()
        edges = range(0, size[0], PLANES)
        share(pausing(_sum), [(rows, boxes, out[z : z + PLANES], slab[0] + z, CUT) for z in edges], tick)
        return volume

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        gaussians, reach = ctx.saved_tensors
        if gaussians.device.type != "cpu":
            return splat_gradient(gaussians, reach, gradient, ctx.slab[0], CUT), None, None, None, None
        out = torch.zeros_like(gaussians)
        rows, boxes, slopes = gaussians.detach().numpy(), reach.numpy(), out.numpy()
        incoming = np.ascontiguousarray(gradient.numpy())
        pieces = [slice(k, k + PIECE) for k in range(0, len(rows), PIECE)]
        calls = [(rows[p], boxes[p], incoming, ctx.slab[0], CUT, slopes[p]) for p in pieces]
        share(pausing(_slopes), calls, ctx.tick)
        return out, None, None, None, None


# Along a row the exponent is a parabola: its exponential follows from the one before by two multiplications. A row is
# entered where the exponent passes the cut, so that no number ever gets small enough to be slow.


@jit
def _row(g: Any, dz: float, dy: float, cut: float, columns: int) -> tuple[int, int, float, float]:
    """First and last column, and at the first the exponential and its ratio to the next."""
    linear = g[8] * dz + g[9] * dy
    middle = -linear / g[6]
    top = -0.5 * (g[4] * dz * dz + g[5] * dy * dy + 2.0 * g[7] * dz * dy - linear * linear / g[6])
    left = 0.5 * cut * cut + top
    if left <= 0.0:
        return 0, -1, 0.0, 0.0
    half = np.sqrt(2.0 * left / g[6])
    first = max(0, int(np.ceil(g[3] + middle - half)))
    last = min(columns - 1, int(np.floor(g[3] + middle + half)))
    d = first - g[3] - middle
    value = np.exp(top - 0.5 * g[6] * d * d)
    return first, last, value, np.exp(-g[6] * (d + 0.5))


@jit
def _sum(gaussians: Any, reach: Any, out: Any, top: int, cut: float) -> None:
    """Add to the slices from ``top`` on."""
    g = np.empty(10, np.float64)
    for k in range(len(gaussians)):
        z0 = max(top, int(np.ceil(gaussians[k, 1] - reach[k, 0])))
        z1 = min(top + out.shape[0] - 1, int(np.floor(gaussians[k, 1] + reach[k, 0])))
        if z1 < z0:
            continue
        g[:] = gaussians[k]
        second = np.exp(-g[6])  # the ratio's ratio
        y0 = max(0, int(np.ceil(g[2] - reach[k, 1])))
        y1 = min(out.shape[1] - 1, int(np.floor(g[2] + reach[k, 1])))
        for z in range(z0, z1 + 1):
            for y in range(y0, y1 + 1):
                first, last, value, ratio = _row(g, z - g[1], y - g[2], cut, out.shape[2])
                value *= g[0]
                for x in range(first, last + 1):
                    out[z - top, y, x] += value
                    value *= ratio
                    ratio *= second


@jit
def _slopes(gaussians: Any, reach: Any, gradient: Any, top: int, cut: float, out: Any) -> None:
    """Gradients of all ten numbers from three sums along each row."""
    g = np.empty(10, np.float64)
    for k in range(len(gaussians)):
        g[:] = gaussians[k]
        second = np.exp(-g[6])
        z0 = max(top, int(np.ceil(g[1] - reach[k, 0])))
        z1 = min(top + gradient.shape[0] - 1, int(np.floor(g[1] + reach[k, 0])))
        y0 = max(0, int(np.ceil(g[2] - reach[k, 1])))
        y1 = min(gradient.shape[1] - 1, int(np.floor(g[2] + reach[k, 1])))
        s = sz = sy = sx = szz = syy = sxx = szy = szx = syx = 0.0
        for z in range(z0, z1 + 1):
            for y in range(y0, y1 + 1):
                dz, dy = z - g[1], y - g[2]
                first, last, value, ratio = _row(g, dz, dy, cut, gradient.shape[2])
                a = b = c = 0.0
                for x in range(first, last + 1):
                    weighted = gradient[z - top, y, x] * value
                    dx = x - g[3]
                    a += weighted
                    b += weighted * dx
                    c += weighted * dx * dx
                    value *= ratio
                    ratio *= second
                s += a
                sz += a * dz
                sy += a * dy
                sx += b
                szz += a * dz * dz
                syy += a * dy * dy
                sxx += c
                szy += a * dz * dy
                szx += b * dz
                syx += b * dy
        out[k, 0] = s
        out[k, 1] = g[0] * (g[4] * sz + g[7] * sy + g[8] * sx)
        out[k, 2] = g[0] * (g[7] * sz + g[5] * sy + g[9] * sx)
        out[k, 3] = g[0] * (g[8] * sz + g[9] * sy + g[6] * sx)
        out[k, 4] = -0.5 * g[0] * szz
        out[k, 5] = -0.5 * g[0] * syy
        out[k, 6] = -0.5 * g[0] * sxx
        out[k, 7] = -g[0] * szy
        out[k, 8] = -g[0] * szx
        out[k, 9] = -g[0] * syx
