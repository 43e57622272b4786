"""Where training images come from: blocks of neighbouring slices in [0, 1], made from a seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import FewviewError
from ..simulate.fibres import fibres
from ..simulate.grains import grains
from ..simulate.layers import layers
from ..simulate.leaves import leaves
from ..simulate.seeds import split_of
from ..simulate.shapes import random_stack

Kind = Literal["generic", "materials", "grains", "fibres", "layers"]
Block = NDArray[np.float32]

LEAVES = 0.5
"""Part of the plain shapes that cover each other at all sizes."""
SIZES = (64, 96, 128, 160)
"""Sides of the training slices, so that a prior meets structures at all their sizes in pixels."""
MANY = 2**24
"""Voxels from which some of them stand for all: sorting 512 cubed would take seconds."""


def generic_block(seed: int, size: int | None) -> list[Block]:
    """Plain shapes: one block of 6 slices (``size`` drawn from :data:`SIZES` when not given)."""
    rng, side = _begun(seed, size)
    return [(leaves if rng.random() < LEAVES else random_stack)(rng, side, 6)]


def materials_block(seed: int, size: int | None) -> list[Block]:
    """Textured microstructures: a block of slices as neutrons see it and one as X-rays see it."""
    from ..simulate.microstructure import microstructure

    _, side = _begun([seed, 1], size)
    sample = microstructure(side, seed, depth=side // 4)
    return [unit(sample.neutron), unit(sample.xray)]


def grains_block(seed: int, size: int | None) -> list[Block]:
    """Tessellations, tight or apart: one block of 8 slices."""
    rng, side = _begun([seed, 2], size)
    return [grains(rng, side, 8)]


def fibres_block(seed: int, size: int | None) -> list[Block]:
    """Fibres in air or in a matrix: one block of 8 slices."""
    rng, side = _begun([seed, 3], size)
    return [fibres(rng, side, 8)]


def layers_block(seed: int, size: int | None) -> list[Block]:
    """Growth rings, sediments and rolled sheets: one block of 8 slices."""
    rng, side = _begun([seed, 4], size)
    return [layers(rng, side, 8)]


def _begun(seed: int | list[int], size: int | None) -> tuple[np.random.Generator, int]:
    """Random numbers of a seed that belongs to a split, and the side of the slices."""
    split_of(seed if isinstance(seed, int) else seed[0])
    rng = np.random.default_rng(seed)
    return rng, int(rng.choice(SIZES, p=[0.15, 0.2, 0.5, 0.15])) if size is None else size


MAKERS: dict[Kind, Callable[[int, int | None], list[Block]]] = {
    "generic": generic_block,
    "materials": materials_block,
    "grains": grains_block,
    "fibres": fibres_block,
    "layers": layers_block,
}
MIXTURES: dict[str, dict[Kind, float]] = {
    "materials": {"materials": 1.0},
    "general": {"materials": 0.28, "generic": 0.28, "grains": 0.14, "fibres": 0.14, "layers": 0.16},
}
"""How often each kind is drawn for a network that is trained on several. Foams and sponges are in none."""


def unit(volume: NDArray[np.floating]) -> Block:
    """Divide by the 99.9th percentile: the robust maximum that reconstructions are scaled by, too."""
    top = float(np.percentile(volume.ravel()[:: 1 + volume.size // MANY], 99.9))
    if top <= 0:
        raise FewviewError("The training images hold no positive value.", "Give attenuation, not transmission.")
    result: Block = np.clip(volume / top, 0.0, 1.5).astype(np.float32)
    return result


def stack_blocks(path: Path) -> list[Block]:
    """Read a user's own stack of slices: ``.npy`` (z, y, x) or multi-page ``.tif``.

    Raises
    ------
    FewviewError
        The file is of another kind, not three-dimensional, or its slices are smaller than 64 pixels.
    """
    if path.suffix == ".npy":
        stack = np.load(path, allow_pickle=False)
    elif path.suffix in (".tif", ".tiff"):
        import tifffile

        stack = tifffile.imread(path)
    else:
        raise FewviewError(f"{path.name} is no stack of slices.", "Give a .npy or .tif file of shape (z, y, x).")
    if stack.ndim != 3 or min(stack.shape[1:]) < 64:
        raise FewviewError(
            f"{path.name} has shape {stack.shape}.", "A stack is (z, y, x) with slices of 64 pixels a side or more."
        )
    return [unit(stack.astype(np.float32))]
