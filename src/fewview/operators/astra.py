"""ASTRA's projectors behind the same interface (extra ``[astra]``).

On the CPU its ``linear`` projector, which is Joseph's, and for fan beams ``line_fanflat``; both come with their
transpose. On a CUDA device its texture kernels, whose back-projection is *not* the transpose of their projection:
that operator says ``matched = False``.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import MethodUnavailable
from ..geometry import Beam, FanBeam, VolumeGrid
from .interface import Operator


def load_astra() -> Any:
    """The ``astra`` module.

    Raises
    ------
    MethodUnavailable
        When it is not installed, or cannot be loaded: its wheel needs CUDA's runtime library even without a GPU.
    """
    try:
        import astra
    except (ImportError, OSError) as error:
        raise MethodUnavailable(
            f"The ASTRA toolbox cannot be loaded ({error}).", "Install it with: pip install 'fewview[astra]'."
        ) from error
    return astra


class AstraOperator(Operator):
    """ASTRA's projector, slice by slice; float32 only. Parameters as for :class:`Operator`."""

    def __init__(self, geometry: Beam, volume: VolumeGrid, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__(geometry, volume, device, dtype)
        if dtype != torch.float32:
            raise ValueError("the ASTRA backend works in torch.float32 only")
        self.astra = astra = load_astra()
        on_gpu = device.type == "cuda"
        if on_gpu and not astra.use_cuda():
            raise MethodUnavailable("This ASTRA toolbox sees no CUDA device.", "Choose --device cpu.")
        self.matched = not on_gpu
        self.label = "astra cuda (adjoint unmatched)" if on_gpu else f"astra {kernel_of(geometry)}"

        volume_geometry = astra.create_vol_geom(volume.side, volume.side)
        sinogram_geometry = beam_of(astra, geometry, volume)
        kernel = "cuda" if on_gpu else kernel_of(geometry)
        self._projector = astra.create_projector(kernel, sinogram_geometry, volume_geometry)
        self._volume = astra.data2d.create("-vol", volume_geometry, 0)
        self._sinogram = astra.data2d.create("-sino", sinogram_geometry, 0)
        suffix = "_CUDA" if on_gpu else ""
        self._algorithms = {
            name: self._algorithm(name + suffix, volume)
            for name, volume in (("FP", "Volume"), ("BP", "Reconstruction"))
        }
        weakref.finalize(
            self, _free, astra, list(self._algorithms.values()), [self._volume, self._sinogram], self._projector
        )

    def _algorithm(self, name: str, volume: str) -> int:
        config = self.astra.astra_dict(name)
        config["ProjectorId"] = self._projector
        config[f"{volume}DataId"] = self._volume
        config["ProjectionDataId"] = self._sinogram
        return int(self.astra.algorithm.create(config))

    def run(self, name: str) -> None:
        """Run ``"FP"`` or ``"BP"`` once on the slice that was loaded last; what a benchmark times."""
        self.astra.algorithm.run(self._algorithms[name])

    def workspace(self, slices: int) -> int:
        """Bytes that an application takes beside its argument and its result: one slice and its sinogram."""
        return 4 * (self.grid**2 + self.views * self.columns)

    def _apply(self, values: Tensor, name: str, source: int, target: int) -> Tensor:
        results = []
        for one in values.detach().cpu().numpy():
            self.astra.data2d.store(source, np.ascontiguousarray(one) * np.float32(self.volume.voxel))
            self.run(name)
            results.append(torch.from_numpy(self.astra.data2d.get(target)))
            self.tick()
        return torch.stack(results).to(self.device)

    def _forward(self, x: Tensor) -> Tensor:
        return self._apply(x, "FP", self._volume, self._sinogram)

    def _backward(self, y: Tensor) -> Tensor:
        return self._apply(y, "BP", self._sinogram, self._volume)

    def _of(self, geometry: Beam, volume: VolumeGrid) -> AstraOperator:
        return AstraOperator(geometry, volume, self.device, self.dtype)


def beam_of(astra: Any, geometry: Beam, volume: VolumeGrid) -> Any:
    """ASTRA's projection geometry by vectors, in voxels.

    Per view: direction of the rays (or the source), middle of the detector, and the step from column to column.

    Parameters
    ----------
    astra : Any
        The module.
    geometry : Beam
    volume : VolumeGrid
        Grid whose voxels are the unit.

    Returns
    -------
    dict
        What ASTRA's ``create_proj_geom`` returns, of type "fanflat_vec" or "parallel_vec".

    Raises
    ------
    MethodUnavailable
        ASTRA has no such beam.
    """
    cos, sin = np.cos(geometry.angles), np.sin(geometry.angles)
    across, along = np.stack([cos, sin], axis=1), np.stack([-sin, cos], axis=1)
    pitch = geometry.pitch / volume.voxel
    if isinstance(geometry, FanBeam):
        if geometry.detector != "flat":
            raise MethodUnavailable("ASTRA has no fan beam with a curved detector.", "Choose the torch backend.")
        name, first = "fanflat_vec", geometry.sources() / volume.voxel
        middle = first + geometry.sdd / volume.voxel * along + (geometry.middle - geometry.foot) * pitch * across
    else:
        name, first, middle = "parallel_vec", -along, -geometry.aside * pitch * across
    return astra.create_proj_geom(name, geometry.columns, np.hstack([first, middle, pitch * across]))


def kernel_of(geometry: Beam) -> str:
    """Name of the CPU projector that comes with its transpose."""
    return "line_fanflat" if isinstance(geometry, FanBeam) else "linear"


def _free(astra: Any, algorithms: list[int], data: list[int], projector: int) -> None:
    astra.algorithm.delete(algorithms)
    astra.data2d.delete(data)
    astra.projector.delete(projector)
