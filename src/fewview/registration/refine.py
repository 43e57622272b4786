"""A pose made exact by SimpleITK: Mattes mutual information, gradient descent, one resolution after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..errors import MethodUnavailable, Stopped
from .metric import Body
from .transform import Array, Similarity

_BINS = 32  # of each volume's values in the joint histogram
_ITERATIONS = 80
# A turn changes a roundish sample less than a shift as long; its step is that much longer. Four, for a versor is half
# the angle.
_TURN = 0.2


def refined(
    fixed: Body,
    moving: Body,
    pose: Similarity,
    *,
    scaled: bool = True,
    points: int = 200_000,
    seed: int = 0,
    on_step: Callable[[Similarity], None] = lambda pose: None,
    stop: Callable[[], bool] = lambda: False,
) -> Similarity:
    """The local optimum of Mattes' mutual information next to ``pose``.

    Mattes et al., "PET-CT image registration in the chest using free-form deformations", IEEE TMI 22 (2003). What is
    optimised is a small similarity of the fixed volume about its middle, ahead of ``pose``: no representation of the
    rotation comes near its singularity, whatever the pose.

    Parameters
    ----------
    fixed, moving : Body
        At the resolution of this level, blurred as it needs.
    pose : Similarity
    scaled : bool
        Whether the scale may change.
    points : int
        Voxels of the fixed volume looked at in each step.
    seed : int
        Draws them.
    on_step : callable
        Gets the pose after each step, in the thread that called.
    stop : callable
        Once true, the optimisation ends.

    Returns
    -------
    Similarity
        From positions of the fixed volume to those of the moving one.

    Raises
    ------
    Stopped
    MethodUnavailable
        SimpleITK is not installed.
    """
    sitk = _simpleitk()
    # One thread sums in one order: the same recipe gives the same transform. The metric follows the global number only.
    threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    task = Task.of(fixed, moving, pose, scaled=scaled, points=points, seed=seed)
    task.method.SetOptimizerAsRegularStepGradientDescent(task.voxel, 0.003 * task.voxel, _ITERATIONS, 0.6, 1e-8)

    def listen() -> None:
        if stop():
            task.method.StopRegistration()
        on_step(task.pose(task.method.GetOptimizerPosition()))

    task.method.AddCommand(sitk.sitkIterationEvent, listen)
    try:
        task.method.Execute(*task.images)
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    if stop():
        raise Stopped
    return task.pose(task.small.GetParameters())


def _simpleitk() -> Any:
    try:
        import SimpleITK as sitk
    except ImportError:
        raise MethodUnavailable("Registration needs SimpleITK.", "Install it: pip install SimpleITK.") from None
    return sitk


@dataclass(frozen=True, eq=False)
class Task:
    """What SimpleITK is given: all but the optimiser.

    Parameters
    ----------
    method, small : SimpleITK.ImageRegistrationMethod, SimpleITK.Transform
        The transform is optimised in place, ahead of ``start``.
    images : pair of SimpleITK.Image
        Fixed and moving, about their middles, in units of the sample's extent.
    start : Similarity
    middle : Array, shape (3,)
        Of the sample in the fixed volume.
    unit : float
        The sample's extent.
    voxel : float
        Edge of a voxel of the fixed volume, in that unit.
    flat : bool
    """

    method: Any
    small: Any
    images: tuple[Any, Any]
    start: Similarity
    middle: Array
    unit: float
    voxel: float
    flat: bool

    @classmethod
    def of(cls, fixed: Body, moving: Body, start: Similarity, *, scaled: bool, points: int, seed: int) -> Self:
        """Set the metric, its points, masks and start.

        Parameters
        ----------
        fixed, moving : Body
        start : Similarity
        scaled : bool
            Whether the scale may change.
        points : int
            Voxels of the fixed volume looked at in each step.
        seed : int
            Draws them.

        Returns
        -------
        Task
            Ready to be executed.
        """
        sitk, flat = _simpleitk(), fixed.grid.flat
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(_BINS)
        share = min(1.0, points / max(int(fixed.mask.sum()), 1))
        method.SetMetricSamplingStrategy(method.RANDOM if share < 1 else method.NONE)
        method.SetMetricSamplingPercentage(share, seed + 1)  # 0 would mean the clock
        # ITK loses the centre of a transform that it optimises in place: both images get theirs at position 0 instead.
        # Lengths are in units of the sample's extent, where a turn of 1 moves its voxels as far as a shift of 1.
        middle, unit = fixed.centroid()
        other = start(middle)
        method.SetMetricFixedMask(_image(sitk, fixed, fixed.mask.astype(np.uint8), middle, unit))
        if not moving.mask.all():
            method.SetMetricMovingMask(_image(sitk, moving, moving.mask.astype(np.uint8), other, unit))
        method.SetInterpolator(sitk.sitkLinear)
        method.SetOptimizerScales([1.0, _TURN, 1.0, 1.0] if flat else [4 * _TURN] * 3 + [1.0] * 4)
        if not scaled:
            method.SetOptimizerWeights([0.0, 1.0, 1.0, 1.0] if flat else [1.0] * 6 + [0.0])
        method.SetMovingInitialTransform(_linear(sitk, start, flat))
        small = sitk.Similarity2DTransform() if flat else sitk.Similarity3DTransform()
        method.SetInitialTransform(small, inPlace=True)
        images = _image(sitk, fixed, fixed.values, middle, unit), _image(sitk, moving, moving.values, other, unit)
        return cls(method, small, images, start, middle, unit, fixed.grid.spacing[-1] / unit, flat)

    def pose(self, parameters: Any) -> Similarity:
        """The whole pose at these parameters of ``small``."""
        return self.start.after(_similarity(self.small, parameters, self.middle, self.unit, self.flat))


def _image(sitk: Any, body: Body, values: Any, middle: Array, unit: float) -> Any:
    grid = body.grid
    image = sitk.GetImageFromArray(values[0] if grid.flat else values)
    image.SetSpacing(_xyz(np.array(grid.spacing) / unit, grid.flat))
    image.SetOrigin(_xyz((np.array(grid.origin) - middle) / unit, grid.flat))
    return image


def _xyz(values: Array, flat: bool) -> list[float]:
    """ITK counts x, y, z."""
    return [float(v) for v in values[::-1][: 2 if flat else 3]]


def _linear(sitk: Any, pose: Similarity, flat: bool) -> Any:
    n = 2 if flat else 3
    affine = sitk.AffineTransform(n)
    affine.SetMatrix(pose.matrix[::-1, ::-1][:n, :n].ravel().tolist())
    return affine


def _similarity(small: Any, parameters: Any, middle: Array, unit: float, flat: bool) -> Similarity:
    """ITK's parameters, lengths in ``unit``, as a similarity about ``middle``."""
    copy = type(small)()
    copy.SetParameters(parameters)
    n = 2 if flat else 3
    scale = copy.GetScale()
    rotation, shift = np.eye(3), np.zeros(3)
    rotation[3 - n :, 3 - n :] = (np.array(copy.GetMatrix()).reshape(n, n) / scale)[::-1, ::-1]
    shift[3 - n :] = unit * np.array(copy.GetTranslation())[::-1]
    return Similarity.about(rotation, scale, middle, middle + shift)
