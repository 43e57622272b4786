"""Where voxels lie, similarity transforms between two such grids, and resampling once from one onto the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from ..errors import FewviewError

Array = NDArray[np.float64]
Triple = tuple[float, float, float]
_SLAB = 1 << 24  # voxels resampled in one go: bounds the memory beside input and output


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a volume lie.

    Parameters
    ----------
    shape : (int, int, int)
        (z, y, x); a single slice is ``(1, y, x)``.
    spacing : (float, float, float)
        Edges of a voxel (z, y, x): mm, or pixels of the neutron detector where the pixel size is unknown.
    origin : (float, float, float)
        Position of the centre of voxel (0, 0, 0), same unit.
    """

    shape: tuple[int, int, int]
    spacing: Triple = (1.0, 1.0, 1.0)
    origin: Triple = (0.0, 0.0, 0.0)

    @classmethod
    def cubic(cls, shape: tuple[int, ...], voxel: float = 1.0, *, first_row: int = 0, bin: int = 1) -> Grid:
        """Grid of a volume as a reconstruction has it.

        Parameters
        ----------
        shape : tuple of int
        voxel : float
            Edge of a voxel, the binning included.
        first_row, bin : int
            Where the volume begins on the detector, and how it was binned: position 0 is the first pixel of the
            whole unbinned detector, so that a transform holds for every choice of rows and binning.

        Returns
        -------
        Grid
            In the unit of ``voxel``.
        """
        z, y, x = shape
        shift = (1 - 1 / bin) / 2 * voxel
        return cls((z, y, x), (voxel,) * 3, (first_row * voxel / bin + shift, shift, shift))

    @property
    def flat(self) -> bool:
        """Whether it is a single slice."""
        return self.shape[0] == 1

    @property
    def centre(self) -> Array:
        """Position of the middle."""
        return self.position((np.array(self.shape) - 1) / 2)

    def position(self, index: ArrayLike) -> Array:
        """Positions of (fractional) indices, shape (..., 3)."""
        result: Array = np.asarray(index, dtype=float) * np.array(self.spacing) + np.array(self.origin)
        return result

    def index(self, position: ArrayLike) -> Array:
        """Fractional indices of positions, shape (..., 3)."""
        result: Array = (np.asarray(position, dtype=float) - np.array(self.origin)) / np.array(self.spacing)
        return result


@dataclass(frozen=True)
class Similarity:
    """Rotation, one scale and a shift: ``q = scale * rotation @ p + translation``, positions (z, y, x).

    ``p`` is a position on the fixed (neutron) grid, ``q`` on the moving (X-ray) one.
    """

    rotation: tuple[Triple, Triple, Triple]
    scale: float
    translation: Triple

    @classmethod
    def of(cls, rotation: ArrayLike, scale: float, translation: ArrayLike) -> Similarity:
        """From arrays.

        Parameters
        ----------
        rotation : ArrayLike, shape (3, 3)
        scale : float
        translation : ArrayLike, shape (3,)
            (z, y, x), in the unit of the fixed grid.

        Returns
        -------
        Similarity
            ``x -> scale * rotation @ x + translation``.
        """
        rows = tuple(tuple(float(v) for v in row) for row in np.asarray(rotation))
        return cls(rows, float(scale), tuple(float(v) for v in np.asarray(translation)))  # type: ignore[arg-type]

    @classmethod
    def about(cls, rotation: ArrayLike, scale: float, fixed: ArrayLike, moving: ArrayLike) -> Similarity:
        """The one that takes position ``fixed`` to position ``moving``.

        Parameters
        ----------
        rotation : ArrayLike, shape (3, 3)
        scale : float
        fixed : ArrayLike, shape (3,)
        moving : ArrayLike, shape (3,)
            (z, y, x), each in the unit of its grid.

        Returns
        -------
        Similarity
            Turned and scaled about the two positions, which lie on each other.
        """
        return cls.of(rotation, scale, np.asarray(moving) - scale * np.asarray(rotation) @ np.asarray(fixed))

    @property
    def matrix(self) -> Array:
        """Rotation times scale, (3, 3)."""
        return self.scale * np.array(self.rotation)

    def __call__(self, points: ArrayLike) -> Array:
        """Transformed positions, shape (..., 3)."""
        result: Array = np.asarray(points, dtype=float) @ self.matrix.T + np.array(self.translation)
        return result

    def inverse(self) -> Similarity:
        """From the moving grid to the fixed one."""
        back = np.array(self.rotation).T
        return self.of(back, 1 / self.scale, -(back @ np.array(self.translation)) / self.scale)

    def after(self, first: Similarity) -> Similarity:
        """``self(first(p))``."""
        rotation = np.array(self.rotation) @ np.array(first.rotation)
        return self.of(rotation, self.scale * first.scale, self(np.array(first.translation)))

    def angle_to(self, other: Similarity) -> float:
        """Angle of the rotation between two, in degrees."""
        trace = np.trace(np.array(self.rotation).T @ np.array(other.rotation))
        return math.degrees(math.acos(float(np.clip((trace - 1) / 2, -1, 1))))


def turn(degrees: float, axis: int = 0) -> Array:
    """Matrix (z, y, x) of a rotation about the z (0), y (1) or x (2) axis."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    first, second = [other for other in range(3) if other != axis]
    matrix = np.eye(3)
    matrix[[first, second], [first, second]] = cosine
    matrix[first, second], matrix[second, first] = -sine, sine
    return matrix


def from_pairs(fixed: ArrayLike, moving: ArrayLike) -> Similarity:
    """The similarity that best takes points to their partners, in least squares.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", IEEE TPAMI 13 (1991),
    equations 40-42.

    Parameters
    ----------
    fixed, moving : array, shape (n, 3)
        Positions of the same features. Three that lie not on a line; two suffice within one slice.

    Raises
    ------
    FewviewError
        Too few points, or points that leave the rotation open.
    """
    first, second = np.asarray(fixed, dtype=float), np.asarray(moving, dtype=float)
    if first.shape != second.shape or first.ndim != 2 or first.shape[1] != 3:
        raise FewviewError(
            f"There are {len(first)} points in the neutron volume and {len(second)} in the X-ray volume.",
            "Click the same features in both, in the same order.",
        )
    in_plane = len(first) > 0 and bool(np.ptp(first[:, 0]) == 0 and np.ptp(second[:, 0]) == 0)
    wanted = 2 if in_plane else 3
    if len(first) < wanted:
        raise FewviewError(f"{len(first)} point pairs are too few.", f"Click at least {wanted}, far apart.")
    mean_first, mean_second = first.mean(axis=0), second.mean(axis=0)
    a, b = first - mean_first, second - mean_second
    left, values, right = np.linalg.svd(b.T @ a)
    # In one plane the normal is free, but for the sign that keeps the rotation proper.
    if values[0] == 0 or values[0 if in_plane and len(first) == 2 else 1] < 1e-6 * values[0]:
        raise FewviewError("The points lie on a line or in one place.", "Click points that span the sample.")
    if in_plane:
        rotation, spread = _in_plane(a, b)
    else:
        signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left) * np.linalg.det(right)) or 1.0])
        rotation, spread = (left * signs) @ right, float((values * signs).sum())
    return Similarity.about(rotation, spread / float((a**2).sum()), mean_first, mean_second)


def _in_plane(a: Array, b: Array) -> tuple[Array, float]:
    """Rotation about z and the sum of singular values, of points of one slice."""
    along = float((a[:, 1:] * b[:, 1:]).sum())
    across = float((a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]).sum())
    return turn(math.degrees(math.atan2(across, along))), math.hypot(along, across)


def resample(
    values: NDArray[Any], grid: Grid, transform: Similarity, onto: Grid, *, order: int = 3
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Values of the moving volume at the voxels of the fixed grid, interpolated once.

    Where the moving voxels are smaller they are first blurred to the resolution of the fixed ones, or the result
    would be aliased.

    Parameters
    ----------
    values : array, shape (z, y, x)
        On ``grid``; values that are not numbers count as outside.
    grid, onto : Grid
        Of the moving and of the fixed volume.
    transform : Similarity
        From ``onto`` to ``grid``.
    order : {1, 3}
        Linear, or cubic B-spline.

    Returns
    -------
    values : array, shape of ``onto``, float32
        0 outside the moving volume's field of view.
    mask : array, shape of ``onto``, bool
        Inside it.
    """
    source = np.asarray(values, dtype=np.float32)
    known = np.isfinite(source)
    complete = bool(known.all())
    if not complete:
        source = np.where(known, source, np.float32(0))
    flat = grid.flat
    spacing, fine = np.array(onto.spacing), np.array(grid.spacing)
    ratio = transform.scale * spacing / fine
    blur = [0.0 if r <= 1 else 0.5 * math.sqrt(r**2 - 1) for r in ratio]
    if flat:
        blur[0] = 0.0
    if any(blur):
        source = ndimage.gaussian_filter(source, blur, mode="nearest")
    if order > 1:
        source = _spline_coefficients(source)
    # Index to index: fixed index -> position -> moving position -> moving index.
    matrix = transform.matrix * spacing / fine[:, None]
    offset = (transform(np.array(onto.origin)) - np.array(grid.origin)) / fine
    if flat:  # one slice: what lies at another height is the same slice
        matrix[0], offset[0] = 0.0, 0.0
    out = np.zeros(onto.shape, np.float32)
    inside = np.zeros(onto.shape, np.bool_)
    rows = max(1, _SLAB // (onto.shape[1] * onto.shape[2]))
    for start in range(0, onto.shape[0], rows):
        stop = min(start + rows, onto.shape[0])
        shape = (stop - start, *onto.shape[1:])
        shift = offset + matrix[:, 0] * start
        part = inside[start:stop]
        part[:] = _within(shape, matrix, shift, grid.shape)
        if not complete:
            weight = ndimage.affine_transform(known.astype(np.float32), matrix, shift, shape, order=1, mode="nearest")
            part &= weight > 0.999
        # "mirror" is the boundary that the coefficients of the spline were made with
        found = ndimage.affine_transform(source, matrix, shift, shape, order=order, mode="mirror", prefilter=False)
        out[start:stop] = np.where(part, found, 0)
    return out, inside


def _spline_coefficients(values: NDArray[np.float32]) -> NDArray[np.float32]:
    for axis in range(3):
        if values.shape[axis] > 1:
            values = ndimage.spline_filter1d(values, 3, axis=axis, output=np.float32, mode="mirror")
    return values


def _within(shape: tuple[int, ...], matrix: Array, offset: Array, source: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Which voxels fall between the outermost voxel centres of the source, with half a voxel of grace."""
    z, y, x = (np.arange(n, dtype=np.float32) for n in shape)
    inside = np.ones(shape, np.bool_)
    for axis in range(3):
        at = (
            np.float32(matrix[axis, 0]) * z[:, None, None]
            + np.float32(matrix[axis, 1]) * y[None, :, None]
            + (np.float32(matrix[axis, 2]) * x + np.float32(offset[axis]))[None, None, :]
        )
        inside &= (at >= -0.5) & (at <= source[axis] - 0.5)
    return inside
