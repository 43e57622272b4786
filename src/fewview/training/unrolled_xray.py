"""End-to-end training with an X-ray volume of the sample as one more image, which is often missing or wrong."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from ..methods.interface import Problem
from ..methods.supervised.xray_reading import IMAGES
from ..models.unrolled import Unrolled
from ..operators import parallel_beam
from ..simulate.seeds import nth
from .acquisitions import measured
from .guide_pairs import Pair, perhaps_recoloured, plain_pair, recoloured
from .guide_xray import degraded, delivered
from .sources import MAKERS
from .specimens import halved, specimens
from .unrolled import SimulatedTrainer
from .unrolled_validate import COUNTS, DEPTH, SIDE, VIEWS, unrolled_psnr

DROPPED = 0.2
"""Part of the batches without an X-ray volume: without one another network answers, so that few are enough."""
PLAIN, CONCRETE = 0.15, 0.45
"""Parts of the stacks: plain shapes, of which either modality shows some that the other does not, and concrete-like
samples, for which the guide's reading is right: the network has to learn to trust it. The others are of all kinds."""
UNSPOILED = 0.4
"""Part of the batches whose X-ray slices are as sharp and as well registered as the sample itself."""
PLAIN_SIDE = 128
"""Of their slices, in pixels, before they are brought to the side of the batch."""

Shown = Literal["none", "right", "other"]


class PairedTrainer(SimulatedTrainer):
    """A :class:`SimulatedTrainer` whose network sees an X-ray volume, too."""

    extra = IMAGES

    def batch_of(self, side: int, count: int, depth: int) -> tuple[Tensor, int, Tensor | None]:
        """See :class:`SimulatedTrainer`; the further images are X-ray slices of the same places, as delivered."""
        stacks, xrays = [], []
        for _ in range(count):
            pair, mapped = self._pair()
            fine, xray = paired_specimens(pair, side, depth, self.rng)
            stacks.append(fine)
            map_values = recoloured if mapped else perhaps_recoloured
            xrays.append(map_values(xray, halved(fine), self.rng))
        depth = min(len(stack) for stack in stacks)
        fine = torch.cat([stack[:depth] for stack in stacks])
        if self.rng.random() < DROPPED:
            return fine, depth, None
        if self.rng.random() < UNSPOILED:
            return fine, depth, torch.cat([xray[:depth] for xray in xrays])
        seen = [as_delivered(xray[:depth], xrays[k - 1][:depth], self.rng) for k, xray in enumerate(xrays)]
        return fine, depth, torch.cat(seen)

    def _pair(self) -> tuple[Pair, bool]:
        """A sample as neutrons and as X-rays see it, and whether its X-ray image still has the neutrons' values."""
        chance = self.rng.random()
        if chance < PLAIN:
            return plain_pair(self.rng, PLAIN_SIDE), False
        kinds = list(self.mixture)
        kind = kinds[int(self.rng.choice(len(kinds), p=list(self.mixture.values())))]
        if chance < PLAIN + CONCRETE:
            kind = "materials"
        both: Sequence[Pair] = self.pools[kind].pairs()
        if both:
            return both[int(self.rng.integers(len(both)))], False
        blocks = self.pools[kind].blocks
        block = blocks[int(self.rng.integers(len(blocks)))]
        return (block, block), True

    def figures(self) -> dict[str, Any]:
        """Validation samples without X-ray slices, with the right ones, and with those of another sample."""
        return xray_psnr(cast(Unrolled, self.ema.model))


def paired_specimens(pair: Pair, side: int, depth: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Draw neighbouring slices of a pair, turned and flipped alike.

    Parameters
    ----------
    pair : pair of ndarray, shape (z, y, x) each
        A sample as neutrons and as X-rays see it.
    side : int
        Pixels a side of what is to be reconstructed.
    depth : int
        Slices; fewer where the pair has fewer.
    rng : Generator

    Returns
    -------
    neutron : Tensor, shape (slices, 2 side, 2 side)
    xray : Tensor, shape (slices, side, side)
    """
    same = copy.deepcopy(rng)  # the same slices, turns and flips of both
    fine, _ = specimens([pair[0]], side, 1, depth, rng)
    xray, _ = specimens([pair[1]], side, 1, depth, same)
    return fine, halved(xray)


def as_delivered(xray: Tensor, other: Tensor, rng: np.random.Generator) -> Tensor:
    """Degrade X-ray slices alike, or give none, or those of another sample.

    Parameters
    ----------
    xray, other : Tensor, shape (slices, side, side)
        The right ones, and those of another sample.
    rng : Generator

    Returns
    -------
    Tensor, shape (slices, side, side)
        Zeros where there are none.
    """
    other = other[torch.arange(len(xray)) % len(other)]
    slices = [delivered(one, wrong, copy.deepcopy(rng)) for one, wrong in zip(xray, other, strict=True)]
    rng.random()
    return torch.stack(slices)


def xray_psnr(net: Unrolled) -> dict[str, dict[str, float]]:
    """PSNR in dB on four validation samples: by "none", "right" and "other" X-ray volume, and by number of views."""
    kinds: tuple[Shown, ...] = ("none", "right", "other")
    return {
        shown: {str(v): unrolled_psnr(net, (paired_case(k, v, SIDE, shown) for k in range(4))) for v in VIEWS}
        for shown in kinds
    }


def paired_case(index: int, views: int, side: int, shown: Shown = "right") -> tuple[Problem, Tensor]:
    """A validation microstructure measured at 2000 counts over 180 degrees, with its X-ray volume.

    Parameters
    ----------
    index : int
        Of the validation seed.
    views, side : int
    shown : {"none", "right", "other"}
        X-ray volume; "other" is that of another sample.

    Returns
    -------
    problem : Problem
    truth : Tensor, shape (:data:`DEPTH`, side, side)
        In units of the problem.
    """
    rng = np.random.default_rng([index, views, 78])
    fine, xray = paired_specimens(_sample(index, 2 * side), side, DEPTH, rng)
    A = parallel_beam(np.arange(views) * np.pi / views, columns=side)
    problem = measured(fine, A, rng, counts=(COUNTS, COUNTS), thickness=(2.0, 2.0), noiseless=0.0)
    if shown == "other":
        _, xray = paired_specimens(_sample(index + 50, 2 * side), side, DEPTH, rng)
    seen = None if shown == "none" else torch.stack([degraded(one, copy.deepcopy(rng)) for one in xray])
    assert problem.state is not None
    return replace(problem, auxiliary=seen), halved(fine) * problem.state["peak"]


@lru_cache(maxsize=16)
def _sample(index: int, side: int) -> Pair:
    """A validation microstructure as neutrons and as X-rays see it."""
    neutron, xray = MAKERS["materials"](nth("validation", index), side)
    return neutron, xray
