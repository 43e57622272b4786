"""A disk that both networks are shown."""

import numpy as np
import pytest
import torch

from fewview.methods.interface import Problem
from fewview.operators import parallel_beam


@pytest.fixture(scope="module")
def problem():
    """The exact measurement of a disk in two slices, and the disk."""
    across = torch.arange(32) - 15.5
    disc = (across[:, None] ** 2 + across**2 < 100).float().repeat(2, 1, 1) * 0.02
    A = parallel_beam(np.arange(12) * np.pi / 12, columns=32)
    return Problem(A, A(disc)), disc
