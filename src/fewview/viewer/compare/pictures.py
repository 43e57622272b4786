"""Slices as PNG, with their regions, for the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QBuffer, QIODevice, QRectF, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPen

from ...quality import Region

SMALLEST = 384  # pixels a side: a report of 96-pixel slices must be readable


def slice_png(
    image: NDArray[Any],
    limits: tuple[float, float],
    regions: Sequence[tuple[str, Region]] = (),
) -> bytes:
    """A slice in grey between ``limits``, enlarged by a whole factor, with named boxes.

    Parameters
    ----------
    image : ndarray, shape (y, x)
    limits : tuple[float, float]
        Black and white.
    regions : sequence of tuple[str, Region], optional
        Names and boxes.

    Returns
    -------
    bytes
        A PNG file.
    """
    low, high = limits
    grey = np.clip((np.asarray(image, dtype=np.float64) - low) / max(high - low, 1e-30), 0, 1)
    pixels = np.ascontiguousarray((np.nan_to_num(grey) * 255).astype(np.uint8))
    height, width = pixels.shape
    factor = max(1, -(-SMALLEST // max(height, width)))
    picture = QImage(pixels.tobytes(), width, height, width, QImage.Format.Format_Grayscale8)
    picture = picture.scaled(width * factor, height * factor).convertToFormat(QImage.Format.Format_RGB32)
    painter = QPainter(picture)
    painter.setPen(QPen(QColor("#E69F00"), 2))
    for name, region in regions:
        (y0, y1), (x0, x1) = region.y, region.x
        box = QRectF(x0 * factor, y0 * factor, (x1 - x0) * factor, (y1 - y0) * factor)
        painter.drawRect(box)
        painter.drawText(box.adjusted(3, 0, 200, 0), Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, name)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")
    return buffer.data().data()
