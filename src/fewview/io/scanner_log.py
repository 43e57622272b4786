"""Text logs of laboratory scanners, which lie beside the images: the angles follow from their step, the beam is a cone.

SkyScan and Bruker write ``[Acquisition]`` and ``key=value`` lines into a ``.log``, Nikon X-Tek into an ``.xtekct``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ScanError
from ..provenance import Provenance
from .fan import Fan
from .scan_facts import Angles
from .text_table import decode, to_number

ENDINGS = (".log", ".xtekct")


@dataclass(frozen=True)
class _Words:
    """What a maker calls the facts, in lower case; ``mark`` is the line by which its logs are known."""

    mark: str
    step: str
    views: str
    start: str
    sod: str
    sdd: str
    pixel: str
    pixel_mm: float
    in_the_sample: bool  # the pixel is that behind the magnification


_MAKERS = (
    _Words(
        "[acquisition]",
        "rotation step (deg)",
        "number of files",
        "",
        "object to source (mm)",
        "camera to source (mm)",
        "image pixel size (um)",
        1e-3,
        True,
    ),
    _Words(
        "[xtekct]",
        "angularstep",
        "projections",
        "initialangle",
        "srctoobject",
        "srctodetector",
        "detectorpixelsizex",
        1.0,
        False,
    ),
)


@dataclass(frozen=True)
class ScannerLog:
    """What such a log says: the angles, the fan of each detector row, and the pixel of the detector in mm."""

    angles: Angles
    fan: Fan | None
    pixel: tuple[float, Provenance] | None


def recognise(content: str) -> bool:
    """Whether a text is the log of such a scanner."""
    return _maker(content) is not None


def beside(folder: Path) -> ScannerLog | None:
    """The log in a folder of images; None where there is none, or no angles in it."""
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.suffix.lower() in ENDINGS:
            try:
                content = decode(file)
            except UnicodeDecodeError:
                continue
            if recognise(content):
                return parse(content, file)
    return None


def parse(content: str, path: Path) -> ScannerLog:
    """Facts of a log.

    Raises
    ------
    ScanError
        No step or no number of views in it.
    """
    maker = _maker(content)
    assert maker is not None
    said = _values(content)
    step, count = said.get(maker.step), said.get(maker.views)
    if step is None or count is None:
        raise ScanError(f"{path.name} says no rotation step or no number of views.", "Give --angles START:STOP.")
    start = said.get(maker.start, 0.0)
    turning = (
        f"{path.name} does not say which way the stage turns: --reverse-angles is right if it makes the held-out "
        "error (--holdout 0.1) smaller."
    )
    where = f"{path.name}, steps of {step:g} degrees"
    values = start + step * np.arange(int(count), dtype=np.float64)
    angles = Angles(values, "degrees", where, notes=(turning,))
    sod, sdd, pixel = (said.get(name) for name in (maker.sod, maker.sdd, maker.pixel))
    if sod is None or sdd is None or not 0 < sod < sdd:
        return ScannerLog(angles, None, None)
    how = Provenance("read", path.name)
    size = None if pixel is None else pixel * maker.pixel_mm * (sdd / sod if maker.in_the_sample else 1.0)
    return ScannerLog(angles, Fan(sod, sdd, how), None if size is None else (size, how))


def _maker(content: str) -> _Words | None:
    lines = {line.strip().lower() for line in content.splitlines() if line.startswith("[")}
    return next((one for one in _MAKERS if one.mark in lines and one.step in content.lower()), None)


def _values(content: str) -> Mapping[str, float]:
    """Numbers behind the keys, in lower case."""
    pairs = re.findall(r"^([^=\n]+)=[ \t]*(\S+)", content, re.MULTILINE)
    read = {key.strip().lower(): to_number(value) for key, value in pairs}
    return {key: value for key, value in read.items() if value is not None}
