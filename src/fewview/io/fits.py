"""FITS: images, cubes, one image per extension, compressed tiles and files; the angle in a header card."""

from __future__ import annotations

import gzip
import io
import re
import warnings
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
from . import header_angles
from .damaged import reading
from .images import ImageFile, ImageFormat, read_bytes, truncated

_NO_IMAGES = {"mask", "err", "error", "errors", "sigma", "var", "variance", "dq", "weight", "weights", "quality"}
_BLOCK = 2880  # bytes: data fill up whole blocks
_TYPES = {8: "u1", 16: "i2", 32: "i4", 64: "i8", -32: "f4", -64: "f8"}


def describe(path: Path) -> ImageFile:
    """Number, size, type and angles of the images.

    Raises
    ------
    ScanError
        Not a FITS file, cut off, or without an image.
    """
    file = path.stat()
    return _look(path, file.st_mtime_ns, file.st_size)[0]


@dataclass(frozen=True)
class _Plain:
    """Where the pixels of a file with a single image or cube lie, which is not compressed; what is added to them."""

    offset: int
    dtype: np.dtype
    added: int


@lru_cache(maxsize=4096)  # a slab is read a few rows at a time from thousands of files
def _look(path: Path, changed: int, size: int) -> tuple[ImageFile, _Plain | None]:
    """Facts of a file; ``changed`` and ``size`` make a file that was rewritten a new one."""
    with _images(path) as (units, others):
        height, width = units[0].shape[-2:]
        count = sum(_count(unit) for unit in units)
        angles = [header_angles.of_pairs(_cards(unit.header)) for unit in units]
        stated = [angle for angle in angles if angle is not None] if len(units) == count else []
        stated = stated if len(stated) == count else []
        where = f"header card {stated[0][1]}" if stated else ""
        dtype = np.result_type(*(_dtype(unit.header) for unit in units))
        values = tuple(angle[0] for angle in stated)
        facts = ImageFile(path, count, height, width, dtype, values, where, _told(path, others))
        return facts, _plain(path, units)


def _plain(path: Path, units: list[Any]) -> _Plain | None:
    from astropy.io import fits

    header = units[0].header
    if len(units) > 1 or isinstance(units[0], fits.CompImageHDU) or _packed(path):
        return None
    added, scale = header.get("BZERO", 0), header.get("BSCALE", 1)
    if scale != 1 or "BLANK" in header or (added and _TYPES[header["BITPIX"]][0] == "f") or added != int(added):
        return None
    return _Plain(int(units[0].fileinfo()["datLoc"]), np.dtype(f">{_TYPES[header['BITPIX']]}"), int(added))


def read(path: Path, indices: list[int], rows: Span, columns: Span) -> NDArray[Any]:
    """See :class:`ImageFormat`; a file that is compressed as a whole is read as a whole."""
    file = path.stat()
    facts, plain = _look(path, file.st_mtime_ns, file.st_size)
    if plain is not None:
        shape = (facts.height, facts.width)
        return np.stack(
            [_pixels(path, plain, shape, facts.dtype, index, rows)[:, slice(*columns)] for index in indices]
        )
    with _images(path) as (units, _):
        starts = np.cumsum([0, *map(_count, units)])
        out = []
        for index in indices:
            place = int(np.searchsorted(starts, index, side="right")) - 1
            unit = units[place]
            many = np.unravel_index(index - int(starts[place]), unit.shape[:-2]) if unit.shape[:-2] else ()
            out.append(unit.section[(*many, slice(*rows), slice(*columns))])
        return np.stack(out)


def _pixels(path: Path, plain: _Plain, shape: tuple[int, int], dtype: np.dtype, index: int, rows: Span) -> NDArray[Any]:
    start = plain.offset + index * shape[0] * shape[1] * plain.dtype.itemsize
    stored = read_bytes(path, start, shape, plain.dtype, rows)
    return stored if not plain.added else (stored.astype(np.int64) + plain.added).astype(dtype)


def _count(unit: Any) -> int:
    return int(np.prod(unit.shape[:-2], dtype=int))


@contextmanager
def _images(path: Path) -> Iterator[tuple[list[Any], list[Any]]]:
    """The HDUs with images of one size that fill most of the file, and those with others."""
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyUserWarning

    with reading(path, "FITS"), warnings.catch_warnings():
        # A short file is only a warning to astropy; here it is found by its size, and refused.
        warnings.simplefilter("ignore", AstropyUserWarning)
        packed = _packed(path)
        # Opened here, so that it is closed when the header is damaged.
        opened = io.BytesIO(_unpacked(path, path.stat().st_mtime_ns)) if packed else path.open("rb")
        with opened, fits.open(opened, memmap=False) as file:
            units = [one for one in file if one.is_image and len(one.shape or ()) >= 2]
            if not units:
                raise ScanError(f"{path.name} holds no image, only header cards or tables.", "Name the image file.")
            if not packed:
                for unit in units:
                    _check_length(path, unit, fits)
            yield _main(units)


def _check_length(path: Path, unit: Any, fits: Any) -> None:
    place = unit.fileinfo()
    held = int(np.prod(unit.shape)) * abs(unit.header["BITPIX"]) // 8
    if isinstance(unit, fits.CompImageHDU):  # its tiles are smaller than its pixels
        held = place["datSpan"] - _BLOCK + 1
    if place["datLoc"] + held > path.stat().st_size:
        raise truncated(path)


def _packed(path: Path) -> bool:
    """Whether the file as a whole is compressed with gzip."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


@lru_cache(maxsize=4)  # a slab is read a few rows at a time
def _unpacked(path: Path, changed: int) -> bytes:
    """Content of a gzip file; ``changed`` makes a file that was rewritten a new one."""
    return gzip.decompress(path.read_bytes())


def _main(units: list[Any]) -> tuple[list[Any], list[Any]]:
    """Images, and what lies beside them: masks and errors by their names, previews by their size."""
    plain = [unit for unit in units if not _NO_IMAGES & set(re.split(r"[^a-z]+", unit.name.lower()))] or units
    sizes: dict[tuple[int, ...], int] = {}
    for unit in plain:
        size = tuple(unit.shape[-2:])
        sizes[size] = sizes.get(size, 0) + int(np.prod(unit.shape))
    largest = max(sizes, key=lambda size: sizes[size])
    chosen = [unit for unit in plain if tuple(unit.shape[-2:]) == largest]
    return chosen, [unit for unit in units if not any(unit is one for one in chosen)]


def _told(path: Path, others: list[Any]) -> tuple[str, ...]:
    if not others:
        return ()
    listed = ", ".join(f"{unit.name or 'unnamed'} {' x '.join(map(str, unit.shape))}" for unit in others[:3])
    return (f"{path.name}: {len(others)} other image extensions are left out ({listed}).",)


def _dtype(header: Any) -> np.dtype:
    stored = np.dtype(_TYPES[header["BITPIX"]])
    offset, scale = header.get("BZERO", 0), header.get("BSCALE", 1)
    if stored.kind == "f" or (offset == 0 and scale == 1):
        return stored
    if scale == 1 and offset == 2 ** (8 * stored.itemsize - 1):  # how FITS writes unsigned integers
        return np.dtype(f"u{stored.itemsize}")
    return np.dtype(np.float32)


def _cards(header: Any) -> Iterator[tuple[str, str]]:
    """Cards with the unit that their comment names."""
    for card in header.cards:
        if card.keyword not in ("", "COMMENT", "HISTORY") and card.value is not None:
            unit = re.search(r"\b(m?deg|m?rad|degrees?|radians?)\b", str(card.comment), re.IGNORECASE)
            yield card.keyword, f"{card.value} {unit[1] if unit else ''}"


FITS = ImageFormat("FITS", (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fits.fz", ".fz"), describe, read)
