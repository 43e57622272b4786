"""What files say about a diverging beam: distances to the source by name, or the places of source and detector."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import AnswerNeeded, ScanError
from ..geometry import FanBeam
from ..provenance import Provenance
from .units import millimetres, text

_ORIGIN = re.compile(r"^(distance_?source_?(origin|object|axis)|source_?(origin|object|axis)(_?distance)?|dso|sod)$")
_DETECTOR = re.compile(r"^(distance_?source_?detector|source_?detector(_?distance)?|dsd|sdd)$")
_PIXEL = re.compile(r"^(detector_?)?pixel_?size(_?post)?(_mm)?$")
FITTED = 0.1  # columns by which the detector of a circular orbit may miss what a file says


@dataclass(frozen=True)
class Fan:
    """A fan beam as a file describes it: what is not angles, detector size, axis or pixel.

    Parameters
    ----------
    sod, sdd : float
        Distance from the source to the axis, and to the detector, mm.
    where : Provenance
    principal : float, optional
        Column of the perpendicular from the source; that of the axis when not said.
    detector : {"flat", "curved"}
    """

    sod: float
    sdd: float
    where: Provenance
    principal: float | None = None
    detector: Any = "flat"

    def opening(self, width: float) -> float:
        """Angle in degrees under which the source sees a detector of this width in mm."""
        ratio = width / self.sdd
        return math.degrees(2 * math.atan(ratio / 2) if self.detector == "flat" else ratio)

    def beam(
        self,
        angles: NDArray[np.float64],
        rows: int,
        columns: int,
        axis: float | None,
        pixel: float | None,
        mirror: bool,
    ) -> FanBeam:
        """The geometry of a scan; ``mirror``: its columns were reversed on reading.

        Parameters
        ----------
        angles : ndarray, shape (views,)
            In radians.
        rows : int
        columns : int
            Of the detector.
        axis : float or None
            Column that the rotation axis casts its shadow on.
        pixel : float or None
            Of the detector, in mm.
        mirror : bool
            Its columns were reversed on reading.

        Returns
        -------
        FanBeam
            Distances in mm, with the foot of the perpendicular counted from the end of the detector that comes first
            now.
        """
        principal = self.principal
        if mirror and principal is not None:
            principal = columns - 1 - principal
        optics: dict[str, Any] = {"sod": self.sod, "sdd": self.sdd, "principal": principal, "detector": self.detector}
        return FanBeam(angles, rows, columns, axis, pixel, **optics)


@dataclass(frozen=True)
class Placed:
    """A fan from the places of source and detector, all in one plane and of one unit.

    ``turn`` (radians) is the angle of the view in our convention; ``reversed_`` when the columns run against it.
    """

    sod: float
    sdd: float
    turn: float
    axis: float
    principal: float
    reversed_: bool


def placed(source: ArrayLike, detector: ArrayLike, step: ArrayLike, columns: int) -> Placed:
    """The fan of a source, the middle of a detector and its step from column to column, (X, Y), about the origin.

    The axis and the perpendicular are columns as stored, or counted from the other end where the columns are reversed.

    Parameters
    ----------
    source : ArrayLike
        (X, Y) in mm.
    detector : ArrayLike
        (X, Y) of its middle, in mm.
    step : ArrayLike
        (X, Y) from column to column, in mm.
    columns : int
        Of the detector.

    Returns
    -------
    Placed
        Distances from source to axis and to detector in mm, angle of the view in radians, axis and perpendicular as
        columns, and whether the columns run the other way.
    """
    s, d, u = (np.asarray(one, dtype=np.float64)[:2] for one in (source, detector, step))
    pitch = float(np.hypot(*u))
    across = u / pitch
    along = np.array([-across[1], across[0]])
    reversed_ = bool((d - s) @ along < 0)
    if reversed_:
        across, along = -across, -along
    sdd, sod = float((d - s) @ along), float(-s @ along)
    principal = (columns - 1) / 2 + float((s - d) @ across) / pitch
    axis = principal - sdd / pitch * float(s @ across) / sod
    return Placed(sod, sdd, math.atan2(across[1], across[0]), axis, principal, reversed_)


def named_fan(
    path: Path, values: Mapping[str, Any], units: Mapping[str, str]
) -> tuple[Fan | None, tuple[float, Provenance] | None, ScanError | None]:
    """A fan from distances that a file holds by name, its pixel size, and why it cannot be used where it cannot.

    Parameters
    ----------
    path : Path
        Of the file, for messages.
    values : mapping
        What it holds, by name.
    units : mapping
        Of these, by name.

    Returns
    -------
    fan : Fan or None
        None where nothing is said of one, or not enough.
    pixel : (float, Provenance) or None
        In mm, where the file names it.
    refusal : ScanError or None
        One of both distances is missing.
    """
    known: dict[str, tuple[str, float]] = {}
    cone = False
    common = next((text(v) for name, v in values.items() if _last(name) in ("distanceunit", "distance_unit")), "")
    for name, value in values.items():
        last = _last(name)
        number = scalar(value)
        for what, pattern in (("sod", _ORIGIN), ("sdd", _DETECTOR), ("pixel", _PIXEL)):
            if number is not None and pattern.match(last):
                factor = millimetres(units.get(name) or common or "mm")
                if factor is not None and (what not in known or "post" in last):
                    known[what] = (name, number * factor)
        if "geometry" in last and text(value).strip().lower() in ("cone", "fan", "conebeam", "fanbeam"):
            cone = True
    if not (cone or "sod" in known or "sdd" in known):
        return None, None, None
    if not ("sod" in known and "sdd" in known):
        return None, None, incomplete_fan(path)
    said = ", ".join(f"{_last(name)} {value:g} mm" for what, (name, value) in known.items() if what != "pixel")
    fan = Fan(known["sod"][1], known["sdd"][1], Provenance("read", f"{path.name}: {said}"))
    if "pixel" not in known:
        return fan, None, None
    return fan, (known["pixel"][1], Provenance("read", f"{path.name}: {known['pixel'][0]}")), None


def incomplete_fan(path: Path) -> ScanError:
    """The refusal of a fan beam without its distances."""
    return AnswerNeeded(
        f"{path.name} is a fan-beam scan and does not say how far the source is from the axis and from the detector.",
        "Write both distances in a geometry file and name it with --geometry FILE.",
    )


def cone_note(beam: FanBeam) -> str:
    """Which detector rows of a cone beam are right when each is taken for a fan of its own, and how far others blur.

    A ray through row v, counted from the plane of the source, rises from the near to the far side of a field of view of
    radius R about a slice by v R / SOD of its voxels to either side.
    """
    middle = (beam.rows - 1) / 2
    rise = beam.columns / 2 * beam.voxel / beam.sod  # voxels at the field's edge, per row
    rows = max(0.5 / rise, 0.5)
    if rows >= middle:
        return ""
    first, stop = math.ceil(middle - rows), math.floor(middle + rows) + 1
    return (
        f"Every detector row is reconstructed as a fan of its own. This is a cone beam: only rows {first} to "
        f"{stop - 1} about the middle come out right (--rows {first}:{stop}); at the edge of the field, the outermost "
        f"row mixes {rise * middle:.2g} slices to either side."
    )


def scalar(value: Any) -> float | None:
    """A single number, or None."""
    values = np.asarray(value if not hasattr(value, "shape") or value.shape in ((), (1,), (1, 1)) else np.nan)
    return float(values.reshape(-1)[0]) if values.size == 1 and values.dtype.kind in "iuf" else None


def _last(name: str) -> str:
    return name.rpartition(".")[2].rpartition("/")[2].lower()
