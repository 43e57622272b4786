"""X-ray volumes of the benchmark's samples, right ones and wrong ones.

A user's X-ray volume is a reconstruction, not the truth: that of a simulated sample is measured with ten times the
neutron counts from many views, and reconstructed by FBP. That of the shell is the shipped, measured slice.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from ...operators import filtered_backprojection, projector
from ...quality import field_of_view
from ...samples import FOLDER
from ...simulate import Beam
from .case import Array, NoData, area_means
from .simulated import grown, lines_of

VIEWS = 256
TIMES = 10.0  # the counts of the neutrons
STREAM = 101  # of the noise: apart from the streams of the neutrons
TOP = 99.9  # per cent: the range of a volume without its streaks

CONTROLS = (
    "none",
    "zeroed",
    "other",
    "shift1",
    "shift2",
    "shift4",
    "turn1",
    "turn2",
    "turn3",
    "no-neutron",
)
"""What is wrong with the X-ray volume: nothing; all zeros; another sample; moved by so many pixels along x; turned by
so many degrees. "no-neutron": nothing, but the guide does not see the neutron image."""


class Exposed(NamedTuple):
    """Which sample is X-rayed, and how.

    Parameters
    ----------
    data : str
        Name of the data set.
    size, slices : int
        Pixels a side, and slices.
    volume, seed : int
        Number of the sample, and of its measurement.
    counts : float or None
        Of the neutrons: X-rays have ten times as many.
    """

    data: str
    size: int
    slices: int
    volume: int
    seed: int
    counts: float | None


def xray(sample: Exposed) -> Array:
    """The X-ray volume of a sample on the grid of its reconstruction, (slices, size, size).

    Raises
    ------
    NoData
        Nobody has X-rayed this sample.
    """
    if sample.data == "shell":
        return _shell(sample.size)
    if sample.data in ("wood", "tooth"):
        raise NoData(f"There is no X-ray volume of '{sample.data}'.", "Choose microstructure, ellipses or shell.")
    return _measured(sample)


def auxiliary(sample: Exposed, control: str = "none") -> Array:
    """What a method is given under a control, (slices, size, size).

    The sample under "other" is the next one; of the shell, a microstructure brought to the shell's range, so that
    only the structure is wrong.

    Raises
    ------
    NoData
        As :func:`xray`.
    """
    right = xray(sample)
    if control == "zeroed":
        return np.zeros_like(right)
    if control == "other":
        if sample.data != "shell":
            return xray(sample._replace(volume=sample.volume + 1))
        wrong = xray(sample._replace(data="microstructure"))
        return wrong * np.float32(np.percentile(right, TOP) / np.percentile(wrong, TOP))
    return displaced(right, control)


def displaced(volume: Array, control: str) -> Array:
    """The volume moved along x ("shift2": by two pixels) or turned about its middle ("turn2": by two degrees)."""
    from scipy.ndimage import rotate, shift

    amount = int(control[-1]) if control[-1].isdigit() else 0
    if control.startswith("shift"):
        returned: Array = shift(volume, (0, 0, amount), order=1)
        return returned
    if control.startswith("turn"):
        result: Array = rotate(volume, amount, axes=(1, 2), reshape=False, order=1)
        return result
    return volume


@lru_cache(maxsize=8)
def _measured(sample: Exposed) -> Array:
    phantom, _ = grown(sample.data, sample.size, sample.slices, sample.volume)
    beam = Beam(spectrum={80: 1.0}, counts=None if sample.counts is None else TIMES * sample.counts)
    angles = np.arange(VIEWS, dtype=np.float64) * (np.pi / VIEWS)
    lines = lines_of(phantom, angles, beam, np.random.default_rng([sample.volume, sample.seed, STREAM]))
    geometry = lines.geometry
    A = projector(geometry, memory_budget=0)
    values = filtered_backprojection(A, torch.from_numpy(lines.values.swapaxes(0, 1).copy())).numpy()
    return values * field_of_view(sample.size, geometry.columns, geometry.centre)  # beyond, FBP leaves a pedestal


@lru_cache(maxsize=2)
def _shell(size: int) -> Array:
    import tifffile

    image = np.asarray(tifffile.imread(FOLDER / "shell_xray.tif"), np.float32).squeeze()
    return area_means(area_means(image, size).T, size).T[None].copy()
