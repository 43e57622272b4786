"""Sparse matrices by rows, their transpose and their product with a stack of slices."""

from __future__ import annotations

import functools
import threading
import warnings
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Csr:
    """A sparse matrix by rows: int32 indices, ready for a product of any kind."""

    start: Tensor
    index: Tensor
    value: Tensor
    shape: tuple[int, int]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(t.numel() * t.element_size() for t in (self.start, self.index, self.value))


def transpose(matrix: Csr) -> Csr:
    """The transpose, values unchanged, by torch on any device."""
    height, width = matrix.shape
    order = torch.argsort(matrix.index, stable=True)
    counts = torch.bincount(matrix.index, minlength=width)
    start = torch.zeros(width + 1, device=matrix.start.device, dtype=torch.int32)
    start[1:] = counts.cumsum(0)
    lengths = (matrix.start[1:] - matrix.start[:-1]).long()
    row = torch.repeat_interleave(torch.arange(height, device=lengths.device, dtype=torch.int32), lengths)
    return Csr(start, row[order], matrix.value[order], (width, height))


@functools.cache
def _announce() -> None:
    """Let torch say, unheard, that its CSR layout is in beta: it says so once per process, to no use of the user."""
    none = torch.zeros(0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        torch.sparse_csr_tensor(torch.zeros(2, dtype=torch.int32), none.int(), none, (1, 1), check_invariants=False)


_one_at_a_time = threading.Lock()  # the list of filters is one for all threads


def product(matrix: Csr, dense: Tensor) -> Tensor:
    """``matrix @ dense`` for ``dense`` of shape (width, slices), contiguous."""
    if dense.device.type == "cpu" and dense.dtype == torch.float32 and dense.shape[1] > 1:
        # A row of the product is a weighted sum of rows of `dense`: what an embedding bag is. Its kernel (vectorised
        # over the slices, with prefetch) runs two to three times faster than the sparse library's from 16 slices on,
        # and at fewer takes up to 1.6 times as long; but a slice then comes out with the same bits in any company,
        # which makes a run by slabs the run of the whole stack.
        return torch.nn.functional.embedding_bag(
            matrix.index,
            dense,
            matrix.start,
            mode="sum",
            per_sample_weights=matrix.value,
            include_last_offset=True,
        )
    with _one_at_a_time:
        _announce()
    csr = torch.sparse_csr_tensor(matrix.start, matrix.index, matrix.value, matrix.shape, check_invariants=False)
    return csr @ dense if dense.shape[1] > 1 else (csr @ dense[:, 0])[:, None]
