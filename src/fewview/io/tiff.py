"""TIFF: classic and BigTIFF, both byte orders, multi-page, and ImageJ stacks with a single header."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from ..frames import Span
from .images import COPY_AGAIN, ImageFile, ImageFormat, read_bytes, truncated

Layout = tuple[int | None, tuple[int, int], np.dtype]  # offset of contiguous images, size of one, type on disk


def describe(path: Path) -> ImageFile:
    """Number, size and type of the images.

    Raises
    ------
    ScanError
        Not a TIFF, cut off, in colour, or with pages of different sizes.
    """
    _check_pages(path)
    with _open(path) as file:
        series = file.series
        pages = list(file.pages)
        if len(series) != 1:
            sizes = ", ".join(" x ".join(map(str, one.shape)) for one in series)
            raise ScanError(f"{path.name} holds pages of different sizes ({sizes}).", "Save one scan per file.")
        one = series[0]
        if one.keyframe.samplesperpixel != 1:
            raise ScanError(f"{path.name} is a colour image.", "Save the detector's grey values.")
        height, width = one.keyframe.imagelength, one.keyframe.imagewidth
        count = int(np.prod(one.shape)) // (height * width)
        dtype = np.dtype(one.dtype)
        ends = [page.dataoffsets[-1] + page.databytecounts[-1] for page in pages if page.dataoffsets]
        if one.dataoffset is not None:
            ends.append(one.dataoffset + count * height * width * dtype.itemsize)
        if max(ends, default=1 << 62) > path.stat().st_size:
            raise truncated(path)
    return ImageFile(path, count, height, width, dtype)


def read(path: Path, indices: list[int], rows: Span, columns: Span) -> NDArray:
    """Rows of some images; uncompressed files give up only these rows."""
    size = path.stat()
    offset, (height, width), dtype = _layout(path, size.st_mtime_ns, size.st_size)
    out = []
    if offset is not None:
        for index in indices:
            start = offset + index * height * width * dtype.itemsize
            out.append(read_bytes(path, start, (height, width), dtype, rows)[:, columns[0] : columns[1]])
        return np.stack(out)
    with _open(path) as file:
        for index in indices:
            page = file.pages[index]
            if page.is_contiguous:
                stored = read_bytes(path, page.dataoffsets[0], (height, width), dtype, rows)
            else:
                stored = _decode(path, page)[rows[0] : rows[1]]
            out.append(stored[:, columns[0] : columns[1]])
    return np.stack(out)


@lru_cache(maxsize=4096)  # a slab is read a few rows at a time from thousands of files
def _layout(path: Path, changed: int, size: int) -> Layout:
    """Where the pixels of a file lie; ``changed`` and ``size`` make a file that was rewritten a new one."""
    with _open(path) as file:
        one = file.series[0]
        height, width = one.keyframe.imagelength, one.keyframe.imagewidth
        dtype = np.dtype(one.dtype).newbyteorder(file.byteorder)
        return one.dataoffset, (height, width), dtype


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

    handle = path.open("rb")  # opened here, so that it is closed when the header is damaged
    try:
        file = tifffile.TiffFile(handle)
        if len(file.pages) == 0 or not file.series:
            raise tifffile.TiffFileError("no image in it")
    except (tifffile.TiffFileError, ValueError, IndexError, KeyError, OSError, struct.error) as error:
        handle.close()
        raise ScanError(
            f"{path.name} cannot be read as TIFF ({error}): it is damaged or cut off.", COPY_AGAIN
        ) from None
    with handle, file:
        yield file


def _decode(path: Path, page: Any) -> NDArray:
    try:
        return page.asarray()
    except ValueError as error:  # tifffile names the missing codec in it
        if "imagecodecs" in str(error):
            raise ScanError(
                f"{path.name} is compressed with {page.compression.name}, which needs another package.",
                "Run `pip install imagecodecs`, or save it uncompressed.",
            ) from None
        raise ScanError(f"{path.name} cannot be decoded: {error}.", COPY_AGAIN) from None


TIFF = ImageFormat("TIFF", (".tif", ".tiff"), describe, read)
