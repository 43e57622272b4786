"""What a reader found in a file, before the user's flags and the assumptions are added.

A reader says only what the file says. Deciding what is missing, and refusing, happens once, in ``draft.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from ..frames import FrameSource
from ..provenance import Provenance
from ..scan import Kind
from .units import AngleUnit

Layout = Literal["projections", "sinogram"]


@dataclass(frozen=True, eq=False)
class Angles:
    """Angles as stored.

    Parameters
    ----------
    values : array of float, shape (n,)
        In ``unit``.
    unit : {"degrees", "radians"} or None
        None when the file does not say.
    where : str
        File and dataset, for the user.
    """

    values: NDArray[np.float64]
    unit: AngleUnit | None
    where: str


@dataclass(frozen=True, eq=False)
class Found:
    """What one file or folder says about a scan.

    Parameters
    ----------
    format : str
        Name of the format, for people.
    paths : tuple of Path
        Files that were read, the one the user named first.
    images : FrameSource or None
        The images as stored ``(n, height, width)``; None where the pixels are not there.
    layout : ({"projections", "sinogram"}, Provenance), optional
        What the images are, where the format says so; "assumed" where only a name hints at it.
    angles : Angles, optional
    flats, darks : FrameSource, optional
    listed : mapping of str to int
        How many "flats" and "darks" the file lists, also where their pixels are not there.
    flat_times : array, optional
        0 before the scan, 1 after it, per flat.
    kind : {"counts", "transmission", "attenuation"}, optional
        Only where the file says so.
    pixel : (float, Provenance), optional
        In mm.
    axis : (float, Provenance), optional
        0-based column.
    notes : tuple of str
        Oddities that the user should know.
    refusal : ScanError, optional
        Why this can never be reconstructed here; what else was found is still shown.
    """

    format: str
    paths: tuple[Path, ...]
    images: FrameSource | None = None
    layout: tuple[Layout, Provenance] | None = None
    angles: Angles | None = None
    flats: FrameSource | None = None
    darks: FrameSource | None = None
    listed: Mapping[str, int] = field(default_factory=dict)
    flat_times: NDArray[np.float64] | None = None
    kind: Kind | None = None
    pixel: tuple[float, Provenance] | None = None
    axis: tuple[float, Provenance] | None = None
    notes: tuple[str, ...] = ()
    refusal: ScanError | None = None


def known_layout(layout: Layout, format_name: str) -> tuple[Layout, Provenance]:
    """A layout that the format prescribes."""
    return layout, Provenance("read", format_name)


def layout_of_name(name: str) -> tuple[Layout, Provenance] | None:
    """What a file, folder or variable name hints at."""
    return ("sinogram", Provenance("assumed", f"the name {name}")) if "sino" in name.lower() else None
