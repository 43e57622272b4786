"""Where edges may run: directions taken from another volume of the same sample."""

from __future__ import annotations

import torch
from torch import Tensor

from ..differences import gradient


def directions(volume: Tensor, eta: float, along_z: float = 0.0) -> Tensor:
    """Gradients of a volume, of length near 1 where they are steep and near 0 where they are not.

    ``xi = grad v / sqrt(|grad v|^2 + (eta g)^2)``, with ``g`` the root mean square of ``|grad v|``: per slice, or of
    the whole where slices are coupled.

    Parameters
    ----------
    volume : Tensor, shape (slices, y, x)
        In any unit.
    eta : float
        Over 0. Smaller ones take weaker edges, and more of the noise, for directions.
    along_z : float
        As in :func:`fewview.methods.differences.gradient`.

    Returns
    -------
    Tensor, shape (2 or 3, slices, y, x)
        0 throughout where the volume is flat.

    Notes
    -----
    Ehrhardt and Betcke, SIAM J. Imaging Sci. 9 (2016) 1084, eq. 2.9; there eta has the unit of the volume.
    """
    slope = gradient(volume, along_z)
    squares = (slope * slope).sum(dim=0)
    mean = squares.mean(dim=None if along_z else (1, 2), keepdim=True)
    length = torch.sqrt(squares + eta**2 * mean)
    return slope / torch.where(length > 0, length, torch.ones_like(length))


def across(q: Tensor, xi: Tensor | None) -> Tensor:
    """``(I - xi xi^T) q`` at every pixel: what of ``q`` does not run along ``xi``. Symmetric, hence its own adjoint.

    Parameters
    ----------
    q, xi : Tensor, shape (2 or 3, slices, y, x)
        ``xi`` at most 1 long, so that the operator's norm is at most 1; None returns ``q`` itself.
    """
    if xi is None:
        return q
    along = xi[0] * q[0]
    for direction, part in zip(xi[1:], q[1:], strict=True):
        along.addcmul_(direction, part)
    return torch.addcmul(q, xi, along, value=-1)
