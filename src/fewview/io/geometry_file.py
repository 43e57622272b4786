"""A geometry in a small text file (JSON or YAML) beside the data, in the words of ASTRA's projection geometries.

``type`` is ``parallel``, ``fanflat`` or ``fanflat_vec``; ``DetectorCount``, ``DetectorWidth``, ``ProjectionAngles``
(radians), ``DistanceOriginSource``, ``DistanceOriginDetector`` and ``Vectors`` are those of ASTRA, with lengths in mm.
Beyond ASTRA: ``axis`` and ``principal`` (0-based columns) and ``detector: curved``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ..errors import ScanError
from ..provenance import Provenance
from .fan import FITTED, Fan, Placed, placed
from .scan_facts import Angles, Found

POSITIVE = ("DetectorWidth", "DistanceOriginSource", "DistanceOriginDetector")
NUMBERS = (*POSITIVE, "axis", "principal")


def with_geometry(found: Found, path: Path) -> tuple[Found, bool]:
    """What a scan's file says, corrected by a geometry file, and whether the columns are reversed.

    Raises
    ------
    ScanError
        The file is missing, is no such file, or describes an orbit that is not a circle.
    """
    said = _read(path)
    kind = str(said.get("type", ""))
    how = Provenance("given", f"--geometry {path.name}")
    count = said.get("DetectorCount")
    if count is not None and found.images is not None and count not in found.images.shape:
        shape = " x ".join(map(str, found.images.shape))
        raise ScanError(
            f"{path.name}: DetectorCount is {count!r}, the frames are {shape}.", "Give the columns they have."
        )
    numbers = {name: float(said[name]) for name in NUMBERS if name in said}
    changes: dict[str, Any] = {"refusal": None if found.images is not None else found.refusal}
    angles, reversed_ = _listed(path, said, "ProjectionAngles") if "ProjectionAngles" in said else None, False
    if kind == "fanflat_vec":
        vectors = _listed(path, said, "Vectors")
        if vectors.ndim != 2 or vectors.shape[1] != 6 or not isinstance(count, int):
            raise ScanError(f"{path.name}: fanflat_vec needs DetectorCount and Vectors of six numbers per view.", TELL)
        orbit, angles, pitch = _circle(path, vectors, count)
        reversed_ = orbit.reversed_
        axis, principal = (count - 1 - c if reversed_ else c for c in (orbit.axis, orbit.principal))  # as stored
        changes |= {
            "fan": Fan(orbit.sod, orbit.sdd, how, principal),
            "axis": (axis, how),
            "pixel": (pitch, how),
        }
    elif kind == "fanflat":
        missing = [name for name in NUMBERS[1:3] if name not in numbers]
        if missing:
            raise ScanError(f"{path.name}: {' and '.join(missing)} is missing.", TELL)
        sod = numbers["DistanceOriginSource"]
        sdd = sod + numbers["DistanceOriginDetector"]
        changes["fan"] = Fan(sod, sdd, how, numbers.get("principal"), said.get("detector", "flat"))
    elif kind != "parallel":
        raise ScanError(f"{path.name}: the type '{kind}' is not known.", "Choose parallel, fanflat or fanflat_vec.")
    if "axis" in numbers or (kind == "fanflat" and isinstance(count, int)):
        changes["axis"] = (numbers.get("axis", (int(count or 1) - 1) / 2), how)  # ASTRA has it in the middle
    if "DetectorWidth" in numbers:
        changes["pixel"] = (numbers["DetectorWidth"], how)
    if angles is not None:
        changes["angles"] = Angles(angles.reshape(-1), "radians", path.name)
    return replace(found, **changes), reversed_


TELL = "Write it as ASTRA's projection geometry: see the page on formats."


def _read(path: Path) -> Mapping[str, Any]:
    try:
        said = _parsed(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScanError(f"The geometry file {path} cannot be read: {error.strerror}.", "Check its path.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScanError(f"{path.name} is neither JSON nor YAML ({str(error).splitlines()[0]}).", TELL) from None
    if not isinstance(said, Mapping):
        raise ScanError(f"{path.name} holds no geometry.", TELL)
    for name in NUMBERS:
        if name in said and (isinstance(said[name], bool) or not isinstance(said[name], (int, float))):
            raise ScanError(f"{path.name}: {name} is {said[name]!r}, not a number.", TELL)
        if name in said and not (math.isfinite(said[name]) and (said[name] > 0 or name not in POSITIVE)):
            raise ScanError(f"{path.name}: {name} cannot be {said[name]:g}.", "Lengths are in mm, and above 0.")
    return said


def _parsed(text: str) -> Any:
    """JSON first: YAML takes its 1e-05 for a word."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)


def _listed(path: Path, said: Mapping[str, Any], name: str) -> np.ndarray:
    """Numbers in a list, or in lists of equal length."""
    try:
        return np.asarray(said.get(name, ()), dtype=np.float64)
    except (ValueError, TypeError):
        raise ScanError(
            f"{path.name}: {name} holds something else than numbers, or lines of several lengths.", TELL
        ) from None


def _circle(path: Path, vectors: np.ndarray, columns: int) -> tuple[Placed, np.ndarray, float]:
    """The circular orbit closest to source, detector and step of every view; its angles and the pixel size."""
    steps, beams = (np.hypot(one[:, 0], one[:, 1]) for one in (vectors[:, 4:6], vectors[:, 2:4] - vectors[:, :2]))
    wrong = np.flatnonzero(~((steps > 0) & (beams > 0)))  # of one that is not a number, too
    if len(wrong):
        problem = f"{path.name}: line {wrong[0]} of Vectors is no beam: source and detector are one, or its step is 0."
        raise ScanError(problem, TELL)
    views = [placed(one[:2], one[2:4], one[4:6], columns) for one in vectors]
    facts = np.array([(view.sod, view.sdd, view.axis, view.principal) for view in views])
    pitch = np.hypot(vectors[:, 4], vectors[:, 5])
    sod, sdd, axis, principal = facts.mean(axis=0)
    off = np.abs(facts - facts.mean(axis=0)).max(axis=0)
    wide = (columns / 2) * off[:2] / (sod, sdd) + np.ptp(pitch) / pitch.mean() * columns / 2  # at the detector's edges
    worst = float(max(*wide, *off[2:]))
    if worst > FITTED or len({view.reversed_ for view in views}) > 1:
        raise ScanError(
            f"{path.name}: source and detector leave a circle about the axis by {worst:.2g} columns.",
            "Only circular orbits are reconstructed.",
        )
    orbit = Placed(sod, sdd, 0.0, axis, principal, views[0].reversed_)
    return orbit, np.array([view.turn for view in views]), float(pitch.mean())
