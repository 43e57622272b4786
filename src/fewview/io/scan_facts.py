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
from .fan import Fan
from .units import AngleUnit

Layout = Literal["projections", "sinogram"]


@dataclass(frozen=True, eq=False)
class Angles:
    """Angles as stored.

    Parameters
    ----------
    values : array of float, shape (n,)
        In ``unit``.
    unit : AngleUnit or None
        None when the file does not say.
    where : str
        File and dataset, for the user.
    doubt : str
        Why they may not be the angles; empty where the file says that they are.
    notes : tuple of str
        What else the user should know of them.
    images : tuple of str
        File name of the image that each belongs to, where a log lists them.
    monitor : array of float, shape (n,), optional
        Counts of the beam monitor during each view.
    """

    values: NDArray[np.float64]
    unit: AngleUnit | None
    where: str
    doubt: str = ""
    notes: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    monitor: NDArray[np.float64] | None = None


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
        When each flat was taken: 0 before the scan, 1 after it.
    kind : {"counts", "transmission", "attenuation"}, optional
        Only where the file says so.
    pixel : (float, Provenance), optional
        In mm.
    axis : (float, Provenance), optional
        0-based column.
    fan : Fan, optional
        Where the rays come from, unless they are parallel.
    notes : tuple of str
        Oddities that the user should know.
    refusal : ScanError, optional
        Why this can never be reconstructed here; what else was found is still shown.
    more_angles : tuple of Angles
        What other sources say (a log, the headers, the file names): used where the first does not fit, else compared.
    names, other_names : tuple of str
        File of each image, and those of the flats and darks: a gap in their numbers is a frame that is missing.
    monitor : array of float, shape (views,), optional
        Beam in each view relative to that in the flats, or to the mean of the views where those have none.
    no_angles : str
        Why the file says no angles, where it should: the link that leads nowhere.
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
    fan: Fan | None = None
    notes: tuple[str, ...] = ()
    refusal: ScanError | None = None
    more_angles: tuple[Angles, ...] = ()
    names: tuple[str, ...] = ()
    other_names: tuple[str, ...] = ()
    monitor: NDArray[np.float64] | None = None
    no_angles: str = ""


def known_layout(layout: Layout, format_name: str) -> tuple[Layout, Provenance]:
    """A layout that the format prescribes."""
    return layout, Provenance("read", format_name)


def layout_of_name(name: str) -> tuple[Layout, Provenance] | None:
    """What a file, folder or variable name hints at."""
    return ("sinogram", Provenance("assumed", f"the name {name}")) if "sino" in name.lower() else None
