"""What an NXtomo file says about its frames: angles, pixel size, rotation axis, beam monitor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..provenance import Provenance
from .angle_columns import speaks_of_an_angle
from .hdf5 import dangling, datasets, number, reach, unit_of
from .nxtomo_entries import Detector
from .scan_facts import Angles
from .units import angle_unit, millimetres

_ANGLES = ("sample/rotation_angle", "data/rotation_angle", "instrument/detector/rotation_angle")
_IN_THE_SAMPLE = ("sample/x_pixel_size", "instrument/detector/x_sample_pixel_size", "sample/pixel_size")
_AXIS = ("x_rotation_axis_pixel_position", "estimated_cor_from_motor", "rotation_axis_pixel_position")
_MONITORS = ("control/data", "monitor/data", "control/monitor", "instrument/monitor/data", "instrument/source/current")
_MIDDLE = 0.2  # of the width: a position nearer to 0 than this counts from the middle of the detector


@dataclass(frozen=True)
class FoundAngles:
    """Angles of the projections, what is odd about them, and why there are none."""

    angles: Angles | None
    notes: tuple[str, ...] = ()
    why_none: str = ""


@dataclass(frozen=True, eq=False)
class NXtomoValues:
    """What an open file says of the frames of one detector.

    Parameters
    ----------
    path : Path
        Of the file, for messages.
    file : h5py.File
    detector : Detector
    keys : ndarray, shape (frames,)
        0 for a projection, 1 for a flat, 2 for a dark.
    """

    path: Path
    file: Any
    detector: Detector
    keys: NDArray[Any]

    def angles(self) -> FoundAngles:
        """Angles by their place in the format, else by their name and number anywhere in the entry."""
        keys, file = self.keys, self.file
        why_none = ""
        for name in (f"{self.detector.entry}/{tail}" for tail in _ANGLES):
            stored = reach(file, name)
            if stored is None:
                if file.get(name, getlink=True) is not None and not why_none:
                    broken = dangling(
                        file[name.rpartition("/")[0]], name.rpartition("/")[2], self.path, "says no angles"
                    )
                    why_none = broken.problem if broken is not None else ""
                continue
            values = np.asarray(stored[()], dtype=np.float64).reshape(-1)
            if not len(values):
                continue
            found = Angles(values, angle_unit(unit_of(stored)), f"{self.path.name} /{name}")
            if len(values) == len(keys):
                return FoundAngles(Angles(values[keys == 0], found.unit, found.where))
            if len(values) == np.sum(keys == 0):
                return FoundAngles(found, (f"/{name} has angles for the projections only.",))
            return FoundAngles(found)  # the count check reports it
        other = self._anywhere()
        return FoundAngles(other) if other is not None else FoundAngles(None, (), why_none)

    def _anywhere(self) -> Angles | None:
        """Values of a motor with a name of a rotation, as many as there are frames or projections."""

        keys = self.keys
        places: list[Angles] = []
        projections = int(np.sum(keys == 0))

        for name, node in datasets(self.file[self.detector.entry]).items():
            if node.dtype.kind not in "iuf" or node.size not in (len(keys), projections) or node.size < 2:
                continue
            *_, parent, last = ("", *name.split("/"))
            if not (speaks_of_an_angle(last) or speaks_of_an_angle(parent)):
                continue
            values = np.asarray(node[()], dtype=np.float64).reshape(-1)
            values = values[keys == 0] if len(values) == len(keys) else values
            if np.ptp(values) > 0:
                places.append(
                    Angles(values, angle_unit(unit_of(node)), f"{self.path.name} /{self.detector.entry}/{name}")
                )

        if not places:
            return None
        first = places[0]
        if all(np.allclose(other.values, first.values) for other in places):
            return first
        names = ", ".join(other.where for other in places[:3])
        return Angles(first.values, first.unit, first.where, doubt=f"one of {len(places)} that could be them: {names}")

    def pixel(self) -> tuple[float, Provenance] | None:
        """Pixel size in mm and where it is from: that in the sample, where an objective makes it smaller."""
        file, detector = self.file, self.detector.group
        places = [f"{self.detector.entry}/{tail}" for tail in _IN_THE_SAMPLE]
        for name in (*places, f"{detector}/x_sample_pixel_size", f"{detector}/x_pixel_size"):
            value = number(reach(self.file, name))
            if value is None or not value > 0:
                continue
            unit = unit_of(file[name])
            factor = millimetres(unit or "m")  # NeXus: metres
            if factor is None:
                continue
            said = f"{self.path.name} /{name.strip('/')}" + ("" if unit else ", no unit: metres")
            magnified = number(reach(file, f"{detector}/magnification"))
            if name == f"{detector}/x_pixel_size" and magnified is not None and magnified > 0:
                said += f", divided by the magnification {magnified:g}"
                factor /= magnified
            return value * factor, Provenance("read" if unit else "assumed", said)
        return None

    def axis(self, width: int) -> tuple[float, Provenance] | None:
        """Column of the rotation axis, from 0, of ``width``, and where it is from.

        Some programs count it from the detector's edge, some from its middle. A position of exactly 0 was never set.
        """
        groups = (self.detector.group, f"{self.detector.entry}/instrument/detector")
        for name in (f"{group}/{tail}" for group in groups for tail in _AXIS):
            value = number(reach(self.file, name))
            if value is None or value == 0 or not np.isfinite(value):
                continue
            where = f"{self.path.name} /{name.strip('/')}"
            if _MIDDLE * width < value < width - 1:
                return value, Provenance("read", where)
            if abs(value) <= _MIDDLE * width:
                said = f"{where}, {value:g} from the middle of the detector"
                return (width - 1) / 2 + value, Provenance("assumed", said)
        return None

    def monitor(self) -> NDArray[np.float64] | None:
        """Beam during each projection, relative to the mean over the flats (over the projections without flats)."""
        keys = self.keys
        for tail in _MONITORS:
            stored = reach(self.file, f"{self.detector.entry}/{tail}")
            if (
                stored is None
                or not hasattr(stored, "size")
                or stored.size != len(keys)
                or stored.dtype.kind not in "iuf"
            ):
                continue
            values = np.asarray(stored[()], dtype=np.float64).reshape(-1)
            views = values[keys == 0]
            reference = values[keys == 1] if np.any(keys == 1) else views
            if np.all(views > 0) and np.all(reference > 0) and np.ptp(views) > 0:
                result: NDArray[np.float64] | None = views / float(reference.mean())
                return result
        return None
