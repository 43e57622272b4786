"""MATLAB files up to version 7, with nested structs; version 7.3 is HDF5 and read as such."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..frames import ArrayFrames
from .damaged import reading
from .named_variables import Variables, read_named
from .numpy_files import as_images
from .scan_facts import Found


def read(path: Path, dataset: str | None) -> Found:
    """Facts of a MATLAB file. The format is compressed and at most 2 GB: it is read whole."""
    from scipy.io import loadmat

    with reading(path, "MATLAB file"):
        stored = loadmat(path, squeeze_me=True, struct_as_record=False)
    arrays = {name: value for name, value in _flatten(stored, "") if not name.startswith("__")}
    frames = {name: value for name, value in arrays.items() if isinstance(value, np.ndarray)}
    variables = Variables(arrays, lambda name: ArrayFrames(as_images(frames[name], f"{path.name}: {name}")))
    return read_named(path, "MATLAB", variables, dataset)


def _flatten(values: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Variables and the fields of structs, as ``struct.field``."""
    items = (
        values.items() if isinstance(values, dict) else ((name, getattr(values, name)) for name in values._fieldnames)
    )
    for name, value in items:
        if hasattr(value, "_fieldnames"):
            yield from _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, (int, float)):
            yield f"{prefix}{name}", np.float64(value)
        else:
            yield f"{prefix}{name}", value
