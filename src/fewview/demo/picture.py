"""Slices side by side: whole, enlarged, and what sets each apart from the first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ..atomic_write import written_whole

MARGIN, LABEL, TEXT, LINE = 8, 44, 20, 30  # px
ZOOM = 4
BAR = 20  # px, height of a grey scale
BOX = (230, 159, 0)  # orange: seen on black and on white
SCALE = 100  # pixels of the slice that the scale bar spans, where there is room


def picture(panels: Sequence[tuple[str, NDArray[np.float32]]], unit: str, notes: Sequence[str], path: Path) -> None:
    """Write a PNG of slices of one size: above all of each, then its middle enlarged, below that minus the first.

    Parameters
    ----------
    panels : sequence of (title, array of shape (y, x))
        The first is the reference of the differences.
    unit : str
        Of the values.
    notes : sequence of str
        Lines of text, written where the first slice would differ from itself.
    path : Path
    """
    reference = panels[0][1]
    size = len(reference)
    part = size // ZOOM
    middle = slice((size - part) // 2, (size - part) // 2 + part)
    window = (float(np.percentile(reference, 1)), float(np.percentile(reference, 99.8)))
    widest = max(float(np.percentile(np.abs(image - reference)[middle, middle], 99)) for _, image in panels)
    step = size + MARGIN
    sheet = Image.new("RGB", (len(panels) * step + MARGIN, LABEL + 3 * step), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=TEXT)
    for column, (title, image) in enumerate(panels):
        left = MARGIN + column * step
        draw.text((left, 10), title, "black", font)
        sheet.paste(_grey(image, window), (left, LABEL))
        near = image[middle, middle]
        sheet.paste(_grey(near, window).resize((size, size), Image.Resampling.NEAREST), (left, LABEL + step))
        if column:
            off = _grey(near - reference[middle, middle], (-widest, widest))
            sheet.paste(off.resize((size, size), Image.Resampling.NEAREST), (left, LABEL + 2 * step))
        corner = left + middle.start, LABEL + middle.start
        draw.rectangle((*corner, corner[0] + part, corner[1] + part), outline=BOX, width=2)
    length = min(SCALE, size // 2)
    end = MARGIN + size - 12, LABEL + size - 12
    draw.line((end[0] - length, end[1], *end), BOX, 4)
    draw.text((end[0] - length, end[1] - LINE), f"{length} px", BOX, font)
    top = LABEL + 2 * step
    for text, (low, high) in (
        ("Above: attenuation", window),
        ("Right: minus the first", (-widest, widest)),
    ):
        draw.text((MARGIN, top), f"{text}, {unit}", "black", font)
        ramp = np.broadcast_to(np.linspace(0, 1, size // 2), (BAR, size // 2))
        sheet.paste(_grey(ramp, (0, 1)), (MARGIN, top + LINE))
        draw.rectangle((MARGIN, top + LINE, MARGIN + size // 2, top + LINE + BAR), outline="black")
        draw.text((MARGIN, top + LINE + BAR + 4), f"{low:.3g}", "black", font)
        draw.text((MARGIN + size // 2, top + LINE + BAR + 4), f"{high:.3g}", "black", font, anchor="ra")
        top += 3 * LINE + BAR
    for note in notes:
        draw.text((MARGIN, top), note, "black", font)
        top += LINE
    with written_whole(path) as temporary:
        sheet.save(temporary, format="PNG")


def _grey(image: NDArray[Any], window: tuple[float, float]) -> Image.Image:
    low, high = window
    grey = np.clip((image - low) / max(high - low, 1e-30), 0, 1) * 255
    return Image.fromarray(grey.astype(np.uint8))
