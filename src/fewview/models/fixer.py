"""The slice fixer: one pass from a damaged slice of a reconstruction to the clean one, told what was measured.

After DiffNR (2025): an autoencoder whose skips start at zero, a small conditional network in its bottleneck, and two
orthogonal projections and a text as conditions. Trained from scratch, so that it runs on a CPU.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Protocol, cast

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional as F

from .biplanar import Biplanar
from .unet import ResidualBlock
from .unrolled import Measurement
from .weights import load_network, network_kind

WORDS = 1024


@dataclass(frozen=True, eq=False)
class FixerCondition:
    """What a fixer is told about slices beside their images.

    Parameters
    ----------
    prompt : str
        What the sample is, in a few words or a tag ("concrete"); empty when nobody said.
    projections : Tensor, shape (batch or 1, 2, z, columns)
        Two projections of the volume whose slices these are, about 90 degrees apart, as mean attenuation along the
        rays in units of the object's maximum; once where all slices are of one volume.
    rows : Tensor, shape (batch, 2, y, x)
        The slice's own line of either projection, smeared back over the slice.
    columns : Tensor, shape (batch, 2, y, x)
        Where each pixel falls on either projection, from -1 (first column) to 1 (last).
    height : Tensor, shape (batch,)
        Place of the slice between the lowest (-1) and the highest (1).
    damage : Tensor, shape (batch,)
        Relative misfit of the volume's re-projection, 0 for none: how much there is to repair.
    measurement : Measurement, optional
        All that was measured of these slices, in units of the object's maximum, for a fixer that holds its answer
        against it.
    """

    prompt: str
    projections: Tensor
    rows: Tensor
    columns: Tensor
    height: Tensor
    damage: Tensor
    measurement: Measurement | None = None

    def part(self, index: Tensor) -> FixerCondition:
        """The condition of some of the slices."""
        return replace(
            self,
            projections=self.projections if len(self.projections) == 1 else self.projections[index],
            rows=self.rows[index],
            columns=self.columns[index],
            height=self.height[index],
            damage=self.damage[index],
            measurement=None if self.measurement is None else self.measurement.slices(index),
        )

    def to(self, device: str | torch.device) -> FixerCondition:
        """The same on another device; a measurement stays where its operator is."""
        parts = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.type == "Tensor"}
        return replace(self, **parts)


class SliceFixer(Protocol):
    """What every slice fixer offers."""

    together: int
    """Slices that are repaired at once: what a runner waits for, and what has to fit in memory."""

    def __call__(self, x: Tensor, condition: FixerCondition) -> Tensor:
        """Repair slices (batch, 1, y, x) of any side, in units of the object's maximum; the same come back."""
        ...


class FixerConfig(BaseModel):
    """Shape of a :class:`CompactFixer`; stored in the header of its weights.

    Parameters
    ----------
    channels : tuple of int
        Channels per level, finest first; each level halves the resolution.
    embedding : int
        Width of the embedding of text and damage.
    tokens : int
        Width of the tokens of the projections.
    biplanar : bool
        Whether the projections and the slice's own lines are looked at; False for the ablation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: tuple[int, ...] = (32, 64, 96, 128)
    embedding: int = 128
    tokens: int = 64
    biplanar: bool = True


class CompactFixer(nn.Module):
    """A one-step conditional network of some 2 M parameters; untrained, it leaves every slice as it is.

    Parameters
    ----------
    config : FixerConfig
    """

    kind: ClassVar[str] = "fixer"
    together = 8

    def __init__(self, config: FixerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FixerConfig()
        widths, width = config.channels, config.embedding
        self.words = nn.Embedding(WORDS, width)
        nn.init.normal_(self.words.weight, std=0.02)
        self.damage = nn.Sequential(nn.Linear(1, width), nn.SiLU(), nn.Linear(width, width))
        self.stem = nn.Conv2d(4, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(ResidualBlock(c, c, width) for c in widths)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.middle = nn.ModuleList(ResidualBlock(widths[-1], widths[-1], width) for _ in range(2))
        self.biplanar = Biplanar(widths[-1], config.tokens)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.skip = nn.ModuleList(nn.Conv2d(a, a, 1) for a in widths[:-1])
        self.decoder = nn.ModuleList(ResidualBlock(a, a, width) for a in widths[:-1])
        self.head = nn.Conv2d(widths[0], 1, 3, padding=1)
        for layer in (*self.skip, self.head):  # the untrained network is the identity, and skips open as they help
            nn.init.zeros_(cast(Tensor, layer.weight))
            nn.init.zeros_(cast(Tensor, layer.bias))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from torch's stubs

    def forward(self, x: Tensor, condition: FixerCondition) -> Tensor:
        """Repair slices.

        Parameters
        ----------
        x : Tensor, shape (batch, 1, y, x)
            In units of the object's maximum, air at 0.
        condition : FixerCondition
            Of the same batch.

        Returns
        -------
        Tensor, shape (batch, 1, y, x)
            In the same units; nothing is rescaled slice by slice.
        """
        height, width = x.shape[-2:]
        seen = torch.cat([x, condition.rows, _disc(x)], dim=1)
        if not self.config.biplanar:
            seen = torch.cat([x, torch.zeros_like(condition.rows), _disc(x)], dim=1)
        multiple = 2 ** len(self.down)
        seen = F.pad(seen, (0, -width % multiple, 0, -height % multiple), mode="replicate")
        emb = self._text(condition.prompt) + self.damage(condition.damage[:, None].clamp(0, 1))
        h = self.stem(seen.contiguous(memory_format=torch.channels_last))
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            h = block(h, emb)
            if level < len(self.down):
                skips.append(h)
                h = self.down[level](h)
        h = self.middle[0](h, emb)
        if self.config.biplanar:
            tokens = self.biplanar.tokens(condition.projections).expand(len(h), -1, -1)
            h = self.biplanar(h, tokens, condition.columns, condition.height)
        h = self.middle[1](h, emb)
        for level in reversed(range(len(self.down))):
            h = F.interpolate(self.up[level](h), scale_factor=2.0, mode="nearest") + self.skip[level](skips[level])
            h = self.decoder[level](h, emb)
        result: Tensor = x + self.head(F.silu(h))[..., :height, :width]
        return result

    def _text(self, prompt: str) -> Tensor:
        index = torch.tensor([word_index(word) for word in words_of(prompt)] or [0], device=self.words.weight.device)
        result: Tensor = self.words(index).mean(dim=0)
        return result


def words_of(prompt: str) -> list[str]:
    """The words of a prompt in lower case."""
    return re.findall(r"[a-z0-9]+", prompt.lower())


def word_index(word: str) -> int:
    """A place among the known words, the same on every machine; 0 stands for no text."""
    return 1 + int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % (WORDS - 1)


def _disc(x: Tensor) -> Tensor:
    """How far each pixel lies from the axis, 1 at the border of the inscribed circle: (batch, 1, y, x)."""
    rows, columns = x.shape[-2:]
    y, u = (torch.linspace(-1, 1, n, device=x.device, dtype=x.dtype) for n in (rows, columns))
    return (y[:, None] ** 2 + u**2).sqrt().expand(len(x), 1, rows, columns)


def load_compact(name: str | Path, device: str | torch.device = "cpu") -> CompactFixer:
    """Load a compact fixer; see :func:`fewview.models.weights.load_network`."""
    return load_network(
        name, CompactFixer.kind, lambda shape: CompactFixer(FixerConfig.model_validate_json(shape)), device
    )


def load_fixer(name: str | Path, device: str | torch.device = "cpu") -> SliceFixer:
    """Load a slice fixer of either kind by name or path: a compact one, or adapters of SD-Turbo.

    Raises
    ------
    WeightsError, MethodUnavailable
        See :func:`load_compact` and :func:`fewview.models.sd_turbo.weights.load_sd_turbo`.
    """
    if network_kind(name) == "sd-turbo":
        from .sd_turbo.weights import load_sd_turbo  # brings nothing of diffusers in before it is needed

        return load_sd_turbo(name, device)
    return load_compact(name, device)
