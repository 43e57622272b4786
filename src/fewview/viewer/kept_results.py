"""Results of a session: the file that holds each as it is now, and what its user has made of its layer."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .common.layers import facts
from .common.names import own_name
from .compare.value_units import unit_of
from .files.layer_files import Mark, holds_values, mark, newest_file, place_in_view, remember
from .files.writers import save
from .reconstruct.run_end import LIES

SHARE = 0.05  # of the free disk that a result may take unasked; a larger one only its user saves
QUICK = 2**26  # bytes that are looked through, or written, while someone waits


class KeptResults:
    """Where the results of one viewer lie: in the folder of its session, unless their user has saved them."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder
        self._paths: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._writing: set[str] = set()
        self._frames: dict[int, tuple[NDArray[Any], str]] = {}  # volumes that only a series shows, and their files
        self._count = 0

    def begin(self, layer: Any) -> str:
        """File into which the result of a run is about to be written; empty where it is too large."""
        if self._too_large(layer.data):
            return ""
        self._writing.add(path := self._path(layer))
        return path

    def done(self, layer: Any, path: str, marks: Mapping[str, Mark]) -> None:
        """A file that was begun is there, or could not be written.

        Parameters
        ----------
        layer : napari layer or None
            None where it is gone by now.
        path : str
            As :meth:`begin` gave it.
        marks : mapping
            Of the file; empty where it could not be written.
        """
        self._writing.discard(path)
        if layer is not None and marks:
            remember(layer, marks)

    def file_of(self, layer: Any, *, last: bool) -> str:
        """File that holds a result as it is now; one that was changed since is written anew.

        Parameters
        ----------
        layer : napari layer
        last : bool
            Whether the session ends. Before, a large volume is taken to be what was last written of it.

        Returns
        -------
        str
            Empty where there is none: the run goes on, or the volume is too large to be written unasked.

        Raises
        ------
        FewviewError
            The file cannot be written.
        """
        if not last and (self._paths.get(layer) in self._writing or layer.data.nbytes > QUICK):
            return self._paths[layer] if self._paths.get(layer) in self._writing else newest_file(layer)
        if held := holds_values(layer):
            return held
        if "status" not in facts(layer.metadata) and "run" in facts(layer.metadata):
            return ""  # it goes on
        if self._too_large(layer.data):
            return ""
        attributes = {"name": layer.name, "metadata": layer.metadata, **place_in_view(layer)}
        path = save(self._path(layer), layer.data, attributes)
        remember(layer, mark(path, layer.data, place_in_view(layer)))
        return path

    def file_of_frame(self, volume: NDArray[Any], attributes: Mapping[str, Any], *, last: bool) -> str:
        """File that holds a frame of a series whose own layer is gone, or was changed.

        Parameters
        ----------
        volume : ndarray, shape (z, y, x)
        attributes : mapping
            Of the layer of the series, as :func:`~fewview.viewer.files.writers.save` takes them.
        last : bool
            As in :meth:`file_of`.

        Returns
        -------
        str
            Empty where it is too large.

        Raises
        ------
        FewviewError
            The file cannot be written.
        """
        known = self._frames.get(id(volume))
        if known is not None:
            return known[1]
        if self._too_large(volume) or (volume.nbytes > QUICK and not last):
            return ""
        path = save(self._new("frame"), volume, attributes)
        self._frames[id(volume)] = volume, path
        return path

    def _path(self, layer: Any) -> str:
        """One file for each layer: what it was before it was changed is nobody's any more."""
        return self._paths.setdefault(layer, self._new("result"))

    def _new(self, kind: str) -> str:
        self._count += 1
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")  # a continued session counts anew
        return str(self._folder() / f"{kind}-{stamp}-{self._count}.npy")

    def _too_large(self, volume: Any) -> bool:
        return bool(volume.nbytes > SHARE * shutil.disk_usage(self._folder()).free)


def described(layer: Any, file: str) -> dict[str, Any]:
    """A result as plain values: its file, and name, place, turn and unit of values of its layer."""
    lies = {key: np.asarray(getattr(layer, key)).tolist() for key in LIES}
    units = [str(unit) for unit in layer.units]
    name, unit = own_name(layer.name, layer.metadata), unit_of(layer)
    return {"file": file, "name": name, **lies, "units": units, "unit": unit}


def as_described(
    values: NDArray[np.float32], keywords: Mapping[str, Any], entry: Mapping[str, Any]
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Data and keywords of a layer that was read from its file, as its user had left it.

    Parameters
    ----------
    values : ndarray of float32, shape (z, y, x)
    keywords : mapping
        As the file says.
    entry : mapping
        As :func:`described` gave it; of less where it was written by an older version.

    Returns
    -------
    data : ndarray of float32, shape (z, y, x) or (y, x)
    keywords : dict
        Of the napari layer.
    """
    if len(entry.get("scale", keywords["scale"])) == 2 and len(values) == 1:  # it was an image
        values, keywords = values[0], {**keywords, "axis_labels": ("y", "x")}
    return values, {**keywords, **{key: value for key, value in entry.items() if key not in ("file", "unit")}}
