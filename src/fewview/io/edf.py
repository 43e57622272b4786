"""EDF (ESRF): one image per file or several, the motors' positions in the header; read with fabio."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from ..frames import Span
from . import header_angles
from .damaged import COPY_AGAIN, reading
from .extras import require
from .images import ImageFile, ImageFormat


def describe(path: Path) -> ImageFile:
    """Number, size, type and angles of the images.

    Raises
    ------
    ScanError
        Damaged, or fabio is not installed.
    """
    with _open(path) as file:
        if len(file.shape) < 2:
            raise ScanError(f"{path.name} is damaged: its header tells no rows and columns.", COPY_AGAIN)
        height, width = file.shape[-2:]
        angles = [_angle(_frame(file, i).header) for i in range(file.nframes)]
        stated = [angle for angle in angles if angle is not None]
        values = tuple(angle for angle, _ in stated) if len(stated) == file.nframes else ()
        where = f"header key {stated[0][1]}" if values else ""
        return ImageFile(path, file.nframes, height, width, np.dtype(file.dtype), values, where)


def read(path: Path, indices: list[int], rows: Span, columns: Span) -> NDArray[Any]:
    """See :class:`ImageFormat`."""
    with _open(path) as file:
        return np.stack([_frame(file, i).data[slice(*rows), slice(*columns)] for i in indices])


def _frame(file: Any, index: int) -> Any:
    """A frame of this file; fabio would go on to the next file of a series by itself."""
    return file if file.nframes == 1 else file.getframe(index)


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    fabio = require("fabio", path.name, "EDF")
    with reading(path, "EDF"), fabio.open(str(path)) as file:
        yield file


def _angle(header: dict[str, str]) -> tuple[float, str] | None:
    """From a key, or from the list of motors, whose names are in another one."""
    names, places = header.get("motor_mne", "").split(), header.get("motor_pos", "").split()
    return header_angles.of_pairs([*zip(names, places, strict=False), *header.items()])


EDF = ImageFormat("EDF", (".edf",), describe, read)
