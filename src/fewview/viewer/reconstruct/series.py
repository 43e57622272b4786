"""The frames of a time series as one layer (t, z, y, x), to step through; it copies none of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from ...errors import FewviewError
from ...runs.worker.queued_run import QueuedRun
from ..common.layers import METADATA, contrast, facts

LIES = ("scale", "translate")


class Frames:
    """Volumes one after the other, as an array (t, z, y, x) that napari reads from; where there is none, all is NaN.

    Parameters
    ----------
    volumes : sequence of ndarray or None
        Of one shape (z, y, x), float32.
    shape : tuple of int

    Attributes
    ----------
    volumes : list of ndarray or None
        As given.
    """

    dtype = np.dtype(np.float32)
    ndim = 4

    def __init__(self, volumes: Sequence[NDArray[np.float32] | None], shape: tuple[int, ...]) -> None:
        empty = np.broadcast_to(np.float32(np.nan), shape)
        self.volumes = list(volumes)
        self._volumes = [empty if volume is None else volume for volume in volumes]
        self.shape = (len(volumes), *shape)
        self.size = int(np.prod(self.shape))

    def __len__(self) -> int:
        return len(self._volumes)

    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        which, *rest = key if isinstance(key, tuple) else (key,)
        if isinstance(which, int | np.integer):
            one: NDArray[np.float32] = self._volumes[which][tuple(rest)]
            return one
        return np.stack([self._volumes[t][tuple(rest)] for t in np.arange(len(self))[which]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.stack(self._volumes).astype(self.dtype if dtype is None else dtype, copy=False)


def series_layer(runs: Sequence[QueuedRun], layers: Sequence[Any], title: str) -> Image:
    """One layer of the results of a series, in no viewer yet.

    A frame that was stopped is shown as it was kept, one without any estimate is empty (NaN); the name says which.

    Parameters
    ----------
    runs : sequence of QueuedRun
        All over, one per frame, in their order.
    layers : sequence of napari layers
        In which frames are shown: they say where a frame lies, and in which unit.
    title : str
        What made them.

    Returns
    -------
    Image
        Its data are :class:`Frames`.

    Raises
    ------
    FewviewError
        There is nothing to step through, or the frames are of different sizes.
    """
    volumes = [run.volume for run in runs]
    there = [volume for volume in volumes if volume is not None]
    shown = {facts(layer.metadata).get("run"): layer for layer in layers}
    known = [shown[run.number] for run in runs if run.number in shown]
    if len(there) < 2 or not known:
        raise FewviewError("Fewer than two frames of the series left a volume.", "There is nothing to step through.")
    shapes = sorted({volume.shape for volume in there})
    if len(shapes) > 1:
        sizes = " and ".join(" × ".join(map(str, shape)) for shape in shapes)
        raise FewviewError(
            f"The frames of the series have different sizes ({sizes} voxels), so there is no layer to step through.",
            "Look at each by itself.",
        )
    first = known[0]
    place = {key: [start, *getattr(first, key)] for key, start in zip(LIES, (1.0, 0.0), strict=True)}
    one_scan = len({facts(layer.metadata).get("of", "") for layer in known}) == 1
    of, prefix = (facts(first.metadata).get(key, "") if one_scan else "" for key in ("of", "prefix"))
    about = {
        "extra": "series",
        "of": of,
        "prefix": prefix,
        "unit": next((run.record["unit"] for run in runs if "unit" in run.record), None),
        "frames": [{"title": run.title, "status": run.status, "holds": run.holds} for run in runs],
    }
    return Image(
        Frames(volumes, shapes[0]),
        name=f"{prefix}Time series: {title}, {len(runs)} frames{_exceptions(runs)}",
        contrast_limits=contrast(there[-1]),
        units=["pixel", *first.units],  # nobody has said how far apart in time they are
        axis_labels=["t", "z", "y", "x"],
        metadata={METADATA: about},
        **place,
    )


def _exceptions(runs: Sequence[QueuedRun]) -> str:
    """Which frames hold no result, behind the name: " (frame 2 stopped; frames 4, 5 empty)"."""
    kinds = {
        "starting image": [run.volume is not None and run.kept == "start" and run.status != "done" for run in runs],
        "stopped": [run.volume is not None and run.kept != "start" and run.status != "done" for run in runs],
        "empty": [run.volume is None for run in runs],
    }
    told = []
    for kind, which in kinds.items():
        numbers = [str(number) for number, so in enumerate(which, 1) if so]
        if numbers:
            told.append(f"frame{'s' * (len(numbers) > 1)} {', '.join(numbers)} {kind}")
    return f" ({'; '.join(told)})" if told else ""
