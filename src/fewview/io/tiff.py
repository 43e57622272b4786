"""TIFF: classic and BigTIFF, both byte orders, multi-page, compressed, ImageJ stacks, OME-TIFF sets, thumbnails."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from ..frames import Span
from ..wording import counted
from . import header_angles
from .damaged import COPY_AGAIN, reading
from .images import ImageFile, ImageFormat, read_bytes, truncated

_THUMBNAIL = 0.5  # of the pixels of an image: what is smaller, and there no more often, is a preview of it
_OWN_TAGS = 32768  # from here on, tags belong to whoever wrote the file: cameras say there what they know


@dataclass(frozen=True)
class _Layout:
    """Where the pixels of a file lie.

    ``offset`` of images that lie in one piece; ``pages`` that hold them; ``plane`` of a colour image with equal ones.
    """

    offset: int | None
    pages: tuple[int, ...]
    count: int
    shape: tuple[int, int]
    dtype: np.dtype
    coloured: bool


def describe(path: Path) -> ImageFile:
    """Number, size and type of the images.

    Raises
    ------
    ScanError
        Not a TIFF, cut off, in colour, or with pages of different sizes.
    """
    _check_pages(path)
    with _open(path) as file:
        found = _look(path, file)
        height, width = found.shape
        pages = [file.pages[i] for i in found.pages]
        if found.coloured:
            _check_grey(path, pages[0])
        ends = [page.dataoffsets[-1] + page.databytecounts[-1] for page in pages if page.dataoffsets]
        if found.offset is not None:
            ends.append(found.offset + found.count * height * width * found.dtype.itemsize)
        if max(ends, default=1 << 62) > path.stat().st_size:
            raise truncated(path)
        left_out = len(file.pages) - len(pages)
        notes = (f"{path.name}: {counted(left_out, 'smaller page')} (thumbnails) left out.",) if left_out else ()
        angles, where = _angles(pages) if found.count == len(pages) else ((), "")
        return ImageFile(path, found.count, height, width, found.dtype.newbyteorder("="), angles, where, notes)


def read(path: Path, indices: list[int], rows: Span, columns: Span) -> NDArray[Any]:
    """See :class:`ImageFormat`; uncompressed files give up only the rows that are wanted."""
    size = path.stat()
    found = _layout(path, size.st_mtime_ns, size.st_size)
    out = []
    if found.offset is not None:
        for index in indices:
            start = found.offset + index * found.shape[0] * found.shape[1] * found.dtype.itemsize
            out.append(read_bytes(path, start, found.shape, found.dtype, rows)[:, columns[0] : columns[1]])
        return np.stack(out)
    with _open(path) as file:
        for index in indices:
            page = file.pages[found.pages[index]]
            if page.is_contiguous and not found.coloured:
                stored = read_bytes(path, page.dataoffsets[0], found.shape, found.dtype, rows)
            else:
                stored = _grey(page.asarray())[rows[0] : rows[1]]
            out.append(stored[:, columns[0] : columns[1]])
    return np.stack(out)


@lru_cache(maxsize=4096)  # a slab is read a few rows at a time from thousands of files
def _layout(path: Path, changed: int, size: int) -> _Layout:
    """Where the pixels of a file lie; ``changed`` and ``size`` make a file that was rewritten a new one."""
    with _open(path) as file:
        return _look(path, file)


def _look(path: Path, file: Any) -> _Layout:
    """Which pages hold the images.

    Raises
    ------
    ScanError
        Pages of several sizes, or colours.
    """
    first = max(file.pages, key=lambda page: page.imagelength * page.imagewidth)
    size = (first.imagelength, first.imagewidth)
    images = [i for i, page in enumerate(file.pages) if (page.imagelength, page.imagewidth) == size]
    others = [page for i, page in enumerate(file.pages) if i not in set(images)]
    small = [page for page in others if page.imagelength * page.imagewidth <= _THUMBNAIL * size[0] * size[1]]
    if len(small) < len(others) or len(others) > len(images):
        sizes = ", ".join(dict.fromkeys(f"{page.imagelength} x {page.imagewidth}" for page in file.pages))
        raise ScanError(f"{path.name} holds pages of different sizes ({sizes}).", "Save one scan per file.")
    stack = file.is_shaped and first.planarconfig == 2 and first.is_contiguous  # tifffile takes 3 frames for colours
    coloured = first.samplesperpixel != 1 and not stack
    if coloured and (first.samplesperpixel not in (3, 4) or first.photometric.name not in ("RGB", "MINISBLACK")):
        raise ScanError(f"{path.name} is a colour image.", "Save the detector's grey values.")
    series = file.series
    one = series[0] if len(series) == 1 and not others and not coloured else None
    dtype = np.dtype(first.dtype).newbyteorder(file.byteorder)
    count = len(images) if one is None else int(np.prod(one.shape)) // (size[0] * size[1])
    offset = None if one is None else one.dataoffset
    return _Layout(offset, tuple(images), count, size, dtype, coloured)


def _check_grey(path: Path, page: Any) -> None:
    """A grey image that was saved in colour has three equal planes."""
    stored = np.moveaxis(np.atleast_3d(page.asarray()), -1, 0) if page.planarconfig == 1 else page.asarray()
    if not all(np.array_equal(stored[0], plane) for plane in stored[1:3]):
        raise ScanError(f"{path.name} is a colour image.", "Save the detector's grey values.")


def _grey(stored: NDArray[Any]) -> NDArray[Any]:
    """The first plane of an image in colour, whether its planes lie apart or its pixels hold all colours."""
    if stored.ndim == 2:
        return stored
    return stored[..., 0] if stored.shape[-1] in (3, 4) else stored[0]


def _angles(pages: list[Any]) -> tuple[tuple[float, ...], str]:
    """Angles that the tags of all pages say, and the key; empty where one does not."""
    found = []
    for page in pages:
        texts = [tag.value for tag in page.tags.values() if tag.code == 270 or tag.code >= _OWN_TAGS]
        said = header_angles.of_text("\n".join(text for text in texts if isinstance(text, str)))
        if said is None:
            return (), ""
        found.append(said)
    return tuple(angle for angle, _ in found), f"tag {found[0][1]}"


def _check_pages(path: Path) -> None:
    """Walk from page to page as the file links them: a reader that stops at a broken link loses frames silently.

    Source: TIFF 6.0, section 2; BigTIFF widens counts and offsets to 8 bytes.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = head[2:4] in (b"+\0", b"\0+")
        count_format, entry, link_format = ("Q", 20, "Q") if big else ("H", 12, "I")
        count_size, link_size = struct.calcsize(count_format), struct.calcsize(link_format)
        start = head[8:16] if big else head[4:8]
        seen: set[int] = set()
        while len(start) == link_size:
            offset = struct.unpack(order + link_format, start)[0]
            if offset == 0 or offset in seen:
                return
            seen.add(offset)
            file.seek(min(offset, size))
            count = file.read(count_size)
            if len(count) < count_size:
                break
            file.seek(struct.unpack(order + count_format, count)[0] * entry, 1)
            start = file.read(link_size)
    raise truncated(path)


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    import tifffile

    # The handle is opened here, so that it is closed when the header is damaged.
    with (
        reading(path, "TIFF", "damaged or cut off"),
        path.open("rb") as handle,
        tifffile.TiffFile(handle, is_ome=False) as file,  # each file by itself: the others of a set have their turn
    ):
        if len(file.pages) == 0 or not file.series:
            raise ScanError(f"{path.name} holds no image: it is damaged or cut off.", COPY_AGAIN)
        yield file


TIFF = ImageFormat("TIFF", (".tif", ".tiff"), describe, read)
