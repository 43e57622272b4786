"""Files that hold variables by name (npz, MATLAB, any HDF5): which is the scan, which are its angles, flats, darks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AnswerNeeded, ScanError
from ..frames import FrameSource
from ..provenance import Provenance
from .angle_columns import NO_ANGLE_WORDS, speaks_of_an_angle, words_of
from .fan import named_fan, scalar
from .hdf5 import listed
from .scan_facts import Angles, Found, layout_of_name
from .units import angle_unit, millimetres

_DATA = re.compile(r"sino|proj|data|frames|counts|image|tomo|scan", re.IGNORECASE)
_ANGLES = re.compile(r"angle|theta|rotation", re.IGNORECASE)
_FLATS = re.compile(r"(^|[_\W])(flats?|whites?|open|ob)(?![a-z])", re.IGNORECASE)
_DARKS = re.compile(r"(^|[_\W])(darks?|dc)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Variables:
    """Variables of a file.

    Parameters
    ----------
    arrays : mapping of str to array-like
        With ``shape`` and ``dtype``; texts are ``str``. Large ones may be lazy.
    frames : callable
        Name -> frames of a variable with two or three dimensions.
    units : mapping of str to str
        Units of those variables that have one.
    """

    arrays: Mapping[str, Any]
    frames: Callable[[str], FrameSource]
    units: Mapping[str, str] | None = None


def read_named(path: Path, title: str, variables: Variables, dataset: str | None) -> Found:
    """Facts of a file of named variables.

    Parameters
    ----------
    path, title
        File, and the name of its format.
    variables : Variables
    dataset : str, optional
        The variable that holds the scan, where the user says so.

    Returns
    -------
    Found
        Frames, angles, flats, darks, pixel size and fan, as far as the variables hold them.

    Raises
    ------
    ScanError
        No array of images, or several of which any could be the scan.
    """
    arrays = variables.arrays
    shaped = {name: tuple(array.shape) for name, array in arrays.items() if _numeric(array)}
    angles_name = _angles_name(shaped)
    flats = next((name for name, shape in shaped.items() if len(shape) >= 2 and _FLATS.search(name)), None)
    darks = next((name for name, shape in shaped.items() if len(shape) >= 2 and _DARKS.search(name)), None)
    views = None if angles_name is None else int(np.prod(shaped[angles_name]))
    others = {flats, darks, angles_name}
    if dataset is None and (flats or darks) and not any(_plane(s) and one not in others for one, s in shaped.items()):
        return Found(
            title,
            (path,),
            flats=variables.frames(flats) if flats else None,
            darks=variables.frames(darks) if darks else None,
            refusal=ScanError(f"{path.name} holds only flats and darks by their names.", "Name the file of the scan."),
        )
    name = dataset or _data_name(path, shaped, others, views)
    if name not in shaped:
        known = listed(one for one, shape in shaped.items() if _plane(shape))
        raise AnswerNeeded(f"{path.name} has no dataset '{name}'.", f"It has: {known}. Name one with --dataset.")
    angles = None
    if angles_name is not None:
        units = variables.units or {}
        values = np.asarray(arrays[angles_name], dtype=np.float64).reshape(-1)
        unit = angle_unit(units.get(angles_name, "")) or angle_unit(angles_name.rpartition(".")[2])
        angles = Angles(values, unit, f"{path.name}: {angles_name}")
    fan, pixel, refusal = named_fan(path, arrays, variables.units or {})
    return Found(
        title,
        (path,),
        variables.frames(name),
        layout_of_name(name),
        angles,
        variables.frames(flats) if flats else None,
        variables.frames(darks) if darks else None,
        pixel=pixel or _pixel(path, variables),
        fan=fan,
        refusal=refusal,
    )


def _numeric(array: Any) -> bool:
    return hasattr(array, "shape") and getattr(array, "dtype", np.dtype("O")).kind in "iufb" and array.shape != ()


def _plane(shape: tuple[int, ...]) -> bool:
    """Whether it can be an image or a stack of them, be it of a single detector row."""
    return len(shape) in (2, 3) and sum(length > 1 for length in shape) >= 2 and min(shape) > 0


def _angles_name(shaped: Mapping[str, tuple[int, ...]]) -> str | None:
    """The list of angles by its name, and not one of something about them ("rotation_axis", "angle_error")."""
    lists = [name for name, shape in shaped.items() if max(shape) == int(np.prod(shape)) > 1]
    last = {name: name.rpartition(".")[2].rpartition("/")[2] for name in lists}
    about = [name for name in lists if _ANGLES.search(last[name]) and not words_of(last[name]) & NO_ANGLE_WORDS]
    named = [name for name in about if speaks_of_an_angle(last[name])] or about
    return min(named, key=len) if named else None


def _data_name(path: Path, shaped: Mapping[str, tuple[int, ...]], taken: set[str | None], views: int | None) -> str:
    planes = [name for name, shape in shaped.items() if _plane(shape) and name not in taken]
    candidates = [name for name in planes if views is not None and views in shaped[name]] or planes
    if len(candidates) > 1:
        candidates = [name for name in candidates if _DATA.search(name)] or candidates
    if not candidates:
        raise ScanError(f"{path.name} holds no images, but {listed(shaped)}.", "Name the scan file.")
    if len(candidates) > 1:
        known = listed(f"{name} {shaped[name]}" for name in candidates)
        raise AnswerNeeded(f"{path.name} holds several arrays that could be the scan: {known}.", "Say --dataset NAME.")
    return candidates[0]


def _pixel(path: Path, variables: Variables) -> tuple[float, Provenance] | None:
    """A pixel size, only where its unit is said: a number without one is as good as none."""
    for name, array in variables.arrays.items():
        if re.search(r"pixel_?size", name, re.IGNORECASE) and scalar(array) is not None:
            unit = (variables.units or {}).get(name, "")
            factor = millimetres(unit) if unit else (1.0 if name.lower().endswith("_mm") else None)
            value = scalar(array)
            if factor is not None and value is not None and value > 0:
                return value * factor, Provenance("read", f"{path.name}: {name}")
    return None
