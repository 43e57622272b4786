"""What an operator, or a method built on it, will take in memory: said before the start."""

from __future__ import annotations

import torch

from .interface import Operator


def forecast(A: Operator, slices: int, images: float = 1, sinograms: float = 1) -> int:
    """Bytes that a method on ``A`` will take at its peak.

    Parameters
    ----------
    A : Operator
        The projector; a matrix that it has yet to build counts.
    slices : int
        Slices that are worked on together.
    images, sinograms : float
        Stacks of images, and of sinograms, that the method holds at the same time. One application: 1 and 1.
        CGLS: 3 and 3.

    Returns
    -------
    int
        Bytes, on the operator's device; the interpreter and the libraries (some 300 MB) not counted.
    """
    size = torch.finfo(A.dtype).bits // 8
    image, sinogram = A.grid**2 * size, A.views * A.columns * size
    return int(A.workspace(slices) + slices * (images * image + sinograms * sinogram))
