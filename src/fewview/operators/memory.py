"""What an operator, or a method built on it, will take in memory: said before the start."""

from __future__ import annotations

import numpy as np
import torch

from .interface import Operator
from .joseph import Lattice


def matrix_bytes(lattice: Lattice, angles: np.ndarray, dtype: torch.dtype) -> int:
    """Bytes of the stored matrix and its transpose, before it is built.

    Every pixel is taken to be seen in every view; where the corners of the grid leave the detector the true
    figure is smaller (by a tenth, for a detector as wide as the grid).
    """
    half = np.maximum(np.abs(np.cos(angles)), np.abs(np.sin(angles)))
    entries = float(np.sum(2 * half)) * lattice.rays / lattice.pitch * lattice.grid**2
    return int(2 * entries * (4 + _itemsize(dtype)))


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
    size = _itemsize(A.dtype)
    image, sinogram = A.grid**2 * size, A.views * A.columns * size
    return int(A.workspace(slices) + slices * (images * image + sinograms * sinogram))


def _itemsize(dtype: torch.dtype) -> int:
    return torch.finfo(dtype).bits // 8
