"""FITS: one image or a cube per file, unsigned integers by BZERO, the angle in a header card."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from ..frames import Span
from .images import COPY_AGAIN, ImageFile, ImageFormat, truncated

_ANGLE_CARDS = ("ANGLE", "THETA", "ROTANGLE", "ROTATION", "ROT_ANG", "ROT")
_BLOCK = 2880  # bytes: data fill up whole blocks
_TYPES = {8: "u1", 16: "i2", 32: "i4", 64: "i8", -32: "f4", -64: "f8"}


def describe(path: Path) -> ImageFile:
    """Number, size, type and angle of the images.

    Raises
    ------
    ScanError
        Not a FITS file, cut off, or without an image.
    """
    with _image(path) as hdu:
        *many, height, width = hdu.shape
        return ImageFile(path, int(np.prod(many, dtype=int)), height, width, _dtype(hdu.header), _angle(hdu.header))


def read(path: Path, indices: list[int], rows: Span, columns: Span) -> NDArray:
    """A window of some images; nothing else leaves the disk."""
    with _image(path) as hdu:
        many = hdu.shape[:-2]
        window = (slice(*rows), slice(*columns))
        return np.stack([hdu.section[(*np.unravel_index(index, many), *window)] for index in indices])


@contextmanager
def _image(path: Path) -> Iterator[Any]:
    """The first HDU with an image."""
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyUserWarning

    with warnings.catch_warnings():
        # A short file is only a warning to astropy; here it is found by its size, and refused.
        warnings.simplefilter("ignore", AstropyUserWarning)
        try:
            file = fits.open(path, memmap=False)
        except OSError as error:
            raise ScanError(f"{path.name} cannot be read as FITS ({error}): it is damaged.", COPY_AGAIN) from None
        with file:
            hdu = next((one for one in file if one.is_image and len(one.shape or ()) >= 2), None)
            if hdu is None:
                raise ScanError(f"{path.name} holds no image, only header cards or tables.", "Name the image file.")
            place = hdu.fileinfo()
            held = int(np.prod(hdu.shape)) * abs(hdu.header["BITPIX"]) // 8
            if isinstance(hdu, fits.CompImageHDU):  # its tiles are smaller than its pixels
                held = place["datSpan"] - _BLOCK + 1
            if place["datLoc"] + held > path.stat().st_size:
                raise truncated(path)
            yield hdu


def _dtype(header: Any) -> np.dtype:
    stored = np.dtype(_TYPES[header["BITPIX"]])
    offset, scale = header.get("BZERO", 0), header.get("BSCALE", 1)
    if stored.kind == "f" or (offset == 0 and scale == 1):
        return stored
    if scale == 1 and offset == 2 ** (8 * stored.itemsize - 1):  # how FITS writes unsigned integers
        return np.dtype(f"u{stored.itemsize}")
    return np.dtype(np.float32)


def _angle(header: Any) -> float | None:
    """Degrees, from a card that holds a number or starts with one."""
    for card in _ANGLE_CARDS:
        match = re.match(r"\s*([-+]?\d+\.?\d*(?:[eE][-+]?\d+)?)", str(header.get(card, "")))
        if match:
            return float(match[1])
    return None


FITS = ImageFormat("FITS", (".fits", ".fit", ".fts"), describe, read)
