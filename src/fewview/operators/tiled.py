"""The operator whose matrix is kept in tiles, or made as it is needed, in torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from ..geometry import Beam, FanBeam, ParallelBeam, VolumeGrid
from .interface import Operator
from .joseph import ParallelJoseph, Weights
from .joseph_fan import FanJoseph
from .tiles import BLOCK, PAIRS, SLICES, TiledMatrix, shared

if TYPE_CHECKING:
    from .compiled import CompiledProduct

TILE_BYTES = 170  # per voxel-view pair, while torch builds a tile on a graphics card
MEMORY_BUDGET = 2 << 30  # bytes: up to some 280 views at 512 x 512, or 1100 at 256 x 256, are kept as a matrix
FOUND = 8  # geometries whose norm and sums are remembered
Found = TypeVar("Found")
_norms: dict[tuple[object, ...], float] = {}
_sums: dict[tuple[object, ...], tuple[Tensor, Tensor]] = {}


class TiledOperator(Operator):
    """Joseph's projector as a sparse matrix in tiles; see :func:`fewview.operators.projector` for the parameters.

    ``weights(geometry, volume)`` makes other entries than Joseph's.
    """

    label = "torch"

    def __init__(
        self,
        geometry: Beam,
        volume: VolumeGrid,
        device: torch.device,
        dtype: torch.dtype,
        memory_budget: int = MEMORY_BUDGET,
        weights: Callable[[Any, VolumeGrid], Weights] | None = None,
    ) -> None:
        super().__init__(geometry, volume, device, dtype)
        self.memory_budget = memory_budget
        self._weights = joseph if weights is None else weights
        self.weights = self._weights(geometry, volume)

    @property
    def stored(self) -> bool:
        """Whether the matrix fits the budget and is kept; otherwise weights are computed as they are needed."""
        return self._matrix_bytes <= self.memory_budget

    @cached_property
    def _matrix_bytes(self) -> int:
        return self.weights.nbytes(self.dtype)

    @cached_property
    def engine(self) -> TiledMatrix | CompiledProduct:
        """What computes the products: made at first use, the matrix shared by operators of one geometry."""
        if self.stored and not self.once:
            return shared(self.weights, self.device, self.dtype)
        if self.stored:
            return TiledMatrix(self.weights, self.device, self.dtype)
        if self.device.type == "cpu" and isinstance(self.weights, ParallelJoseph | FanJoseph):
            from .compiled import CompiledProduct  # numba takes a second to import: only where it is needed

            return CompiledProduct(self.weights, self.dtype)
        return TiledMatrix(self.weights, self.device, self.dtype, stored=False)

    def _largest_singular_value(self) -> float:
        return self._remembered(_norms, super()._largest_singular_value)

    def _row_and_column_sums(self) -> tuple[Tensor, Tensor]:
        return self._remembered(_sums, super()._row_and_column_sums)

    def _remembered(self, known: dict[tuple[object, ...], Found], find: Callable[[], Found]) -> Found:
        """What the geometry alone decides: a run repeated with another setting, as a preview is, does not ask again."""
        key = (self.weights.key, self.volume.voxel, self.dtype, self.device, self.stored)  # the same bits, too
        if key not in known:
            value = find()
            while len(known) >= FOUND:
                known.pop(next(iter(known)), None)
            known[key] = value
        return known[key]

    def workspace(self, slices: int) -> int:
        """Bytes that an application to so many slices takes beside its argument and its result."""
        size = torch.finfo(self.dtype).bits // 8
        pixels, rays = self.grid**2, self.views * self.columns
        on_card = self.device.type != "cpu"
        if not (self.stored or on_card):
            return size * min(slices, SLICES, max(1, BLOCK // (pixels * size))) * (2 * rays + 4 * pixels)
        matrix = self._matrix_bytes if self.stored else 0
        building = TILE_BYTES * min(PAIRS, pixels * self.views) if on_card else 0
        return matrix + building + size * min(slices, SLICES) * (2 * rays + pixels // 2)

    def _forward(self, x: Tensor) -> Tensor:
        y = self.engine.forward(x.flatten(1), self.tick)
        if self.volume.voxel != 1.0:
            y *= self.volume.voxel
        result: Tensor = y.unflatten(1, self.range_shape)
        return result

    def _backward(self, y: Tensor) -> Tensor:
        y = y.flatten(1)
        x = self.engine.backward(y if self.volume.voxel == 1.0 else y * self.volume.voxel, self.tick)
        result: Tensor = x.unflatten(1, self.domain_shape)
        return result

    def _of(self, geometry: Beam, volume: VolumeGrid) -> TiledOperator:
        return TiledOperator(geometry, volume, self.device, self.dtype, self.memory_budget, self._weights)


def joseph(beam: Beam, volume: VolumeGrid) -> Weights:
    """Joseph's weights of a geometry.

    Raises
    ------
    TypeError
        There are none for this beam.
    """
    if isinstance(beam, ParallelBeam):
        return ParallelJoseph.of(beam, volume)
    if isinstance(beam, FanBeam):
        return FanJoseph.of(beam, volume)
    raise TypeError(f"there is no projector for a {type(beam).__name__}")
