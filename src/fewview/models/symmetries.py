"""The symmetries of a square: four turns, and each mirrored."""

from __future__ import annotations

import torch
from torch import Tensor

TURNS = 8


def turned(image: Tensor, turn: int) -> Tensor:
    """One of the :data:`TURNS` symmetries, the first of which changes nothing; of (..., y, x)."""
    image = torch.rot90(image, turn % 4, (-2, -1))
    return image.flip(-1) if turn >= 4 else image


def turned_back(image: Tensor, turn: int) -> Tensor:
    """The inverse of :func:`turned`."""
    return torch.rot90(image.flip(-1) if turn >= 4 else image, -(turn % 4), (-2, -1))
