"""Images in files of their own, or several per file (multi-page TIFF, FITS cube), as one lazy source of frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from ..frames import Span, as_float32
from .damaged import COPY_AGAIN

# read(path, indices of images in the file, rows, columns) -> (n, v, u) in the type on disk
ReadImages = Callable[[Path, list[int], Span, Span], NDArray[Any]]


@dataclass(frozen=True)
class ImageFile:
    """What the header of one image file says.

    Parameters
    ----------
    path : Path
    count, height, width : int
        Images in the file and their size.
    dtype : numpy.dtype
        Type on disk, after an integer offset such as FITS' BZERO.
    angles : tuple of float
        In degrees, one per image where the header says them; else empty.
    angle_from : str
        Card or tag that says them.
    notes : tuple of str
        Oddities that the user should know.
    """

    path: Path
    count: int
    height: int
    width: int
    dtype: np.dtype
    angles: tuple[float, ...] = ()
    angle_from: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageFormat:
    """One image format: how to read its header and its pixels.

    Parameters
    ----------
    title : str
    extensions : tuple of str
    describe : callable
        From a path to number, size, type and angles of the images; raises ScanError where it is none.
    read : callable
        ``read(path, indices, rows, columns)``: a window of some images, (images, v, u); ``rows`` and ``columns`` are
        each the first, and the one after the last. Nothing else leaves the disk, where the format allows it.
    """

    title: str
    extensions: tuple[str, ...]
    describe: Callable[[Path], ImageFile]
    read: ReadImages


@dataclass(frozen=True, eq=False)
class ImageStack:
    """Frames that lie in image files. Each call opens only the files that hold the frames asked for."""

    files: tuple[ImageFile, ...]
    read_images: ReadImages

    def __post_init__(self) -> None:
        first = self.files[0]
        for other in self.files:
            if (other.height, other.width) != (first.height, first.width):
                raise ScanError(
                    f"{first.path.name} has {first.height} x {first.width} pixels, "
                    f"{other.path.name} {other.height} x {other.width}: they belong to different scans.",
                    "Name one of the files, or keep one scan per folder.",
                )
        where = [(i, j) for i, file in enumerate(self.files) for j in range(file.count)]
        object.__setattr__(self, "_where", where)

    _where: list[tuple[int, int]] = ()  # type: ignore[assignment]  # filled above: frame -> file, image in it

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of frames, rows, columns."""
        return len(self._where), self.files[0].height, self.files[0].width

    @property
    def dtype(self) -> np.dtype:
        """Type on disk (of the first file)."""
        return self.files[0].dtype

    def read(self, frames: NDArray[np.intp], rows: Span, columns: Span) -> NDArray[np.float32]:
        """See :class:`~fewview.frames.FrameSource`."""
        out = np.empty((len(frames), rows[1] - rows[0], columns[1] - columns[0]), dtype=np.float32)
        place = 0
        for file, group in groupby((self._where[int(i)] for i in frames), key=lambda pair: pair[0]):
            indices = [image for _, image in group]
            own, path = out[place : place + len(indices)], self.files[file].path
            stored = self.read_images(path, indices, rows, columns)
            if stored.shape != own.shape:
                shape = " x ".join(map(str, stored.shape))
                raise ScanError(f"{path.name} is damaged: its header does not fit its pixels ({shape}).", COPY_AGAIN)
            as_float32(stored, own)
            place += len(indices)
        return out


def read_bytes(path: Path, offset: int, shape: tuple[int, int], dtype: np.dtype, rows: Span) -> NDArray[Any]:
    """Rows of an image that lies uncompressed in a file, and nothing else of it.

    Parameters
    ----------
    path : Path
    offset : int
        Of the image, in bytes.
    shape : tuple[int, int]
        (v, u) of the image.
    dtype : np.dtype
    rows : Span
        First row, and the one after the last.

    Returns
    -------
    ndarray
        Shape (rows, u).

    Raises
    ------
    ScanError
        The file ends before the image does.
    """
    count = (rows[1] - rows[0]) * shape[1]
    with path.open("rb") as file:
        file.seek(offset + rows[0] * shape[1] * dtype.itemsize)
        values = np.fromfile(file, dtype=dtype, count=count)
    if len(values) != count:
        raise truncated(path)
    return values.reshape(rows[1] - rows[0], shape[1])


def truncated(path: Path) -> ScanError:
    """The error for a file that is shorter than its header says."""
    size = path.stat().st_size
    return ScanError(f"{path.name} is truncated: it ends after {size} bytes, in the middle of its data.", COPY_AGAIN)
