"""The biplanar condition of a slice fixer: two orthogonal projections of the whole volume, read by cross-attention.

The released DiffNR condenses each projection to one vector without a place, so that its network cannot know which
slice it repairs. Here a projection becomes a grid of tokens with their height and column, and the slice asks with its
own height.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GRID = (4, 8)
"""Tokens of a projection: along the height of the volume, and along the detector."""
WIDTH = 64
"""Of the projections' tokens beside a text, and of the attention."""
HEADS = 4
"""Of the attention."""
PLACE = 8
"""Sines and cosines that stand for a place in a query."""


def places(values: Tensor, width: int) -> Tensor:
    """Sines and cosines of places in [-1, 1], shape (..., width)."""
    frequency = math.pi * 2.0 ** torch.arange(width // 2, device=values.device) / 2
    angle = values[..., None].float() * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


class ProjectionTokens(nn.Module):
    """Two projections as a grid of tokens with their height and column.

    Parameters
    ----------
    width : int
        Of the tokens.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.encoder = nn.Sequential(
            nn.Conv2d(1, width // 2, 3, padding=1), nn.SiLU(), nn.Conv2d(width // 2, width, 3, padding=1), nn.SiLU()
        )
        self.view = nn.Parameter(torch.zeros(2, width))

    def tokens(self, projections: Tensor) -> Tensor:
        """Tokens (batch, 2 * 4 * 8, width) of projections (batch, 2, z, column)."""
        batch, views = projections.shape[:2]
        features = self.encoder(projections.flatten(0, 1)[:, None])
        grid = F.adaptive_avg_pool2d(features, GRID).reshape(batch, views, self.width, -1)
        z, s = torch.meshgrid(*(torch.linspace(-1, 1, n, device=grid.device) for n in GRID), indexing="ij")
        place = torch.cat([places(z, self.width // 2), places(s, self.width // 2)], dim=-1).reshape(-1, self.width)
        return (grid.transpose(2, 3) + place + self.view[:, None]).flatten(1, 2)


class Biplanar(ProjectionTokens):
    """Cross-attention of image features to the tokens of two projections.

    Parameters
    ----------
    channels : int
        Of the features.
    width : int
        Of the tokens.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__(width)
        self.norm = nn.GroupNorm(8, channels)
        self.ask = nn.Linear(channels + 3 * PLACE, width)
        self.attention = nn.MultiheadAttention(width, HEADS, batch_first=True)
        self.answer = nn.Linear(width, channels)
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)

    def forward(self, features: Tensor, tokens: Tensor, columns: Tensor, height: Tensor) -> Tensor:
        """Add what the tokens tell to the features of slices.

        Parameters
        ----------
        features : Tensor, shape (batch, channels, y, x)
        tokens : Tensor, shape (batch, tokens, width)
        columns : Tensor, shape (batch, 2, any y, any x)
            Where the pixels fall on either projection, in [-1, 1]: right for every beam, and turned with the slice.
        height : Tensor, shape (batch,)
            Of the slices, in [-1, 1].

        Returns
        -------
        Tensor
            Shape of ``features``.
        """
        batch, channels, rows, width = features.shape
        fallen = F.adaptive_avg_pool2d(columns, (rows, width))
        where = torch.cat([fallen, height[:, None, None, None].expand(-1, 1, rows, width)], dim=1)
        place = places(where, PLACE).permute(0, 2, 3, 1, 4).flatten(-2).flatten(1, 2)
        seen = self.norm(features).flatten(2).transpose(1, 2)
        query = self.ask(torch.cat([seen, place.to(seen)], dim=-1))
        answer, _ = self.attention(query, tokens, tokens, need_weights=False)
        told = self.answer(answer).transpose(1, 2).reshape(batch, channels, rows, width)
        return cast(Tensor, features + told)


class BiplanarText(ProjectionTokens):
    """Cross-attention of the tokens of a text to those of two projections, as in DiffNR, where text is the query.

    The text also learns which slice is meant and how damaged it is. Untrained, it stays as it is.

    Parameters
    ----------
    channels : int
        Of the text's tokens.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(WIDTH)
        self.norm = nn.LayerNorm(channels)
        self.ask = nn.Linear(channels + 2 * PLACE, WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.answer = nn.Linear(WIDTH, channels)
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)

    def forward(self, text: Tensor, projections: Tensor, height: Tensor, damage: Tensor) -> Tensor:
        """Text tokens (batch, tokens, channels) that know the projections (batch, 2, z, columns) and the slice.

        Parameters
        ----------
        text : Tensor, shape (batch, tokens, channels)
        projections : Tensor, shape (batch or 1, 2, z, columns)
        height, damage : Tensor, shape (batch,)
            See :class:`fewview.models.fixer.FixerCondition`.

        Returns
        -------
        Tensor
            Shape of ``text``.
        """
        tokens = self.tokens(projections).expand(len(text), -1, -1)
        where = places(torch.stack([height, damage], dim=1), PLACE).flatten(1)[:, None].expand(-1, text.shape[1], -1)
        answer, _ = self.attention(self.ask(torch.cat([self.norm(text), where], dim=-1)), tokens, tokens)
        return cast(Tensor, text + self.answer(answer))
