"""TXRM files of Zeiss Xradia microscopes: streams in a compound document, read with olefile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from ..frames import Span
from ..provenance import Provenance
from .damaged import COPY_AGAIN, reading
from .extras import require
from .fan import Fan
from .images import truncated
from .scan_facts import Angles, Found, known_layout

TITLE = "TXRM"
_TYPES: dict[int, np.dtype] = {3: np.dtype("<u1"), 5: np.dtype("<u2"), 10: np.dtype("<f4")}
_PER_FOLDER = 100  # images in each ImageData1, ImageData2, ...


def starts(head: bytes) -> bool:
    """Whether a file begins like a compound document."""
    return head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True, eq=False)
class TXRMFrames:
    """Images of a TXRM file, or its reference image.

    Parameters
    ----------
    path : Path
    streams : tuple of str
        Of each image.
    shape : (int, int, int)
    dtype : numpy.dtype
    """

    path: Path
    streams: tuple[str, ...]
    shape: tuple[int, int, int]
    dtype: np.dtype

    def read(self, frames: NDArray[np.intp], rows: Span, columns: Span) -> NDArray[np.float32]:
        """See :class:`~fewview.frames.FrameSource`."""
        out = np.empty((len(frames), rows[1] - rows[0], columns[1] - columns[0]), dtype=np.float32)
        with _open(self.path) as file:
            for place, index in enumerate(frames):
                stored = np.frombuffer(file.openstream(self.streams[int(index)]).read(), dtype=self.dtype)
                if stored.size < self.shape[1] * self.shape[2]:
                    raise truncated(self.path)
                image = stored[: self.shape[1] * self.shape[2]].reshape(self.shape[1:])[::-1]  # stored from the bottom
                out[place] = image[slice(*rows), slice(*columns)]
        return out


def read(path: Path) -> Found:
    """Facts of a TXRM file: images, angles in degrees, the reference image as flat, pixel size in micrometres.

    Raises
    ------
    ScanError
        Damaged, of another program, or olefile is not installed.
    """
    with _open(path) as file:
        width, height, count, kind = (
            _integer(path, file, f"ImageInfo/{name}")
            for name in ("ImageWidth", "ImageHeight", "NoOfImages", "DataType")
        )
        if kind not in _TYPES:
            raise ScanError(f"{path.name}: its images are of the unknown type {kind}.", "Export them as TIFF.")
        streams = tuple(f"ImageData{i // _PER_FOLDER + 1}/Image{i + 1}" for i in range(count))
        there = [name for name in streams if file.exists(name)]
        if not there:
            raise ScanError(f"{path.name} holds no images.", COPY_AGAIN)
        notes = () if len(there) == count else (f"{count - len(there)} of the {count} images are not in the file.",)
        frames = TXRMFrames(path, tuple(there), (len(there), height, width), _TYPES[kind])
        angles = _floats(file, "ImageInfo/Angles")
        flat = None
        if file.exists("ReferenceData/Image"):
            size = file.get_size("ReferenceData/Image") // (width * height)
            flat = TXRMFrames(
                path, ("ReferenceData/Image",), (1, height, width), np.dtype("<f4" if size == 4 else "<u2")
            )
        pixel = _floats(file, "ImageInfo/pixelsize")
        fan = _fan(path, file)
        magnified = (
            1.0 if fan is None else fan.sdd / fan.sod
        )  # the size is that in the sample, a fan takes the detector's
        return Found(
            TITLE,
            (path,),
            frames,
            known_layout("projections", TITLE),
            Angles(angles[: len(there)].astype(np.float64), "degrees", f"{path.name}, ImageInfo/Angles")
            if angles.size
            else None,
            flat,
            pixel=(float(pixel[0]) / 1000 * magnified, Provenance("read", f"{path.name}, ImageInfo/pixelsize"))
            if pixel.size
            else None,
            fan=fan,
            notes=notes,
        )


def _fan(path: Path, file: Any) -> Fan | None:
    """The distances of the first view, from source to axis and from axis to detector, in mm; signs tell directions."""
    distances = [_floats(file, f"ImageInfo/{name}") for name in ("StoRADistance", "DtoRADistance")]
    if not all(one.size and abs(float(one[0])) > 0 for one in distances):
        return None
    sod, beyond = (abs(float(one[0])) for one in distances)
    return Fan(sod, sod + beyond, Provenance("read", f"{path.name}, StoRADistance and DtoRADistance"))


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    olefile = require("olefile", path.name, TITLE)
    with reading(path, TITLE), olefile.OleFileIO(str(path)) as file:
        yield file


def _integer(path: Path, file: Any, name: str) -> int:
    if not file.exists(name):
        raise ScanError(f"{path.name} has no {name}: it is no scan of an Xradia microscope.", "Name the scan file.")
    return int(np.frombuffer(file.openstream(name).read(4), dtype="<i4")[0])


def _floats(file: Any, name: str) -> NDArray[np.float32]:
    if not file.exists(name):
        return np.zeros(0, np.float32)
    raw = file.openstream(name).read()
    return np.frombuffer(raw[: len(raw) // 4 * 4], dtype="<f4")
