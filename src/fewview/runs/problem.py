"""Line integrals as a method sees them: tensors, an operator, normalised weights, and the views held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..errors import FewviewError, OptionError
from ..methods.interface import Problem, Views
from ..operators import Operator, projector
from ..operators.tiled import MEMORY_BUDGET
from ..quality import FEW_VIEWS, heldout_pixels, split_views
from ..scan import LineIntegrals

# Slices from which a stored matrix pays on a CPU. Measured in CPU time at 256 px and 32 views, 640 px and 45: from 4
# slices it pays after 12 to 23 applications of A and its adjoint and then takes 0.6 to 0.8 of the time; for 2 after
# 25 to 45, for 1 after 60 or never. Only FBP, which needs one application, loses: half a second at 640 px.
STORE_FROM = 4


@dataclass(frozen=True, eq=False)
class Measured:
    """Sinograms ``(slices, angles, columns)`` in host memory and the operator that models them.

    ``weights`` is a full array, mean 1 over the usable pixels, or None where all weigh the same.
    """

    operator: Operator
    data: NDArray[np.float32]
    weights: NDArray[np.float32] | None

    def views(self, slices: slice | list[int]) -> Views:
        """Some slices, as tensors on the operator's device."""
        weights = None if self.weights is None else self._tensor(self.weights[slices])
        return Views(self.operator, self._tensor(self.data[slices]), weights)

    def _tensor(self, array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.array(array, order="C")).to(self.operator.device)  # a copy: methods may write


@dataclass(frozen=True, eq=False)
class Setup:
    """What a run works on.

    Parameters
    ----------
    used, held_out : Measured
        What the method sees, and what it does not (None when nothing is held out). Views that have no usable pixel are
        in neither.
    auxiliary : array, shape (slices, y, x), float32, optional
    seed : int
    rows : range
        The detector row that each slice begins at.
    """

    used: Measured
    held_out: Measured | None
    auxiliary: NDArray[np.float32] | None
    seed: int
    rows: range

    @property
    def slices(self) -> int:
        """Number of slices."""
        return len(self.used.data)

    @property
    def views_held_out(self) -> int:
        """Number of whole views that are held out; 0 where it is pixels of all of them."""
        held = self.held_out
        return 0 if held is None or held.operator is self.used.operator else held.operator.views

    def problem(self, start: int, stop: int, state: Mapping[str, Any] | None = None) -> Problem:
        """The problem of some slices.

        Parameters
        ----------
        start, stop : int
            The slices ``[start, stop)`` of the run.
        state : mapping, optional
            What the method left in an earlier run.

        Returns
        -------
        Problem
        """
        views = self.used.views(slice(start, stop))
        auxiliary = None
        if self.auxiliary is not None:
            auxiliary = torch.from_numpy(np.array(self.auxiliary[start:stop])).to(views.operator.device)
        stack = self if stop - start < self.slices else None
        return Problem(views.operator, views.data, views.weights, auxiliary, self.seed, state, start, stack, self.rows)

    def some(self, places: Sequence[int]) -> Problem:
        """The problem of some slices, in the order given; what is measured on them holds for the whole run."""
        views = self.used.views(list(places))
        auxiliary = None
        if self.auxiliary is not None:
            auxiliary = torch.from_numpy(self.auxiliary[list(places)]).to(views.operator.device)
        return Problem(views.operator, views.data, views.weights, auxiliary, self.seed, rows=self.rows)

    def on_chunk(self, hook: Callable[[], None] | None) -> None:
        """Call ``hook`` within long applications of the operators."""
        for part in (self.used, self.held_out):
            if part is not None:
                part.operator.on_chunk = hook


def set_up(
    lines: LineIntegrals, *, auxiliary: ArrayLike | None, holdout: float, device: torch.device, seed: int
) -> Setup:
    """Tensors-to-be, operators and weights of a run.

    An unknown pixel size counts as 1: the volume is then in "per pixel".

    Parameters
    ----------
    lines : LineIntegrals
        Of the whole run; they are copied.
    auxiliary : array, shape (slices, y, x), optional
        X-ray volume on the grid of the reconstruction.
    holdout : float
        Part of the views (with few views, of the pixels) that the method does not see, 0 to 1.
    device : torch.device
    seed : int
        Of the choice of what is held out, and of the run.

    Returns
    -------
    Setup

    Raises
    ------
    OptionError, FewviewError
        An impossible share of held-out views, an auxiliary volume on another grid, no usable pixel.
    """
    lines = _seen(lines)
    geometry = lines.geometry
    data = np.array(lines.values.swapaxes(0, 1), dtype=np.float32, order="C")  # copies: the scan is not touched
    weights = None if lines.weights is None else np.array(lines.weights.swapaxes(0, 1), order="C")
    if not np.isfinite(data if weights is None else data[weights > 0]).all():
        raise FewviewError("The line integrals hold values that are not numbers.", "Mask them with weight 0.")
    if weights is not None:
        data[weights == 0] = np.nan_to_num(data[weights == 0], posinf=0, neginf=0)
        _blacken(data, weights)

    streamed = device.type == "cpu" and len(data) < STORE_FROM
    operator = projector(geometry, device=device, memory_budget=0 if streamed else MEMORY_BUDGET)

    def measured(views: NDArray[np.intp] | slice) -> Measured:
        part = None if weights is None else normalised(weights[:, views])
        return Measured(operator.subset(views), data[:, views], part)

    if not 0 <= holdout < 1:
        raise OptionError(f"A share of {holdout} of the views cannot be held out.", "Choose one from 0 to 0.5.")
    everything = slice(None)
    held_out = None
    if holdout == 0:
        used = measured(everything)
    elif geometry.views > FEW_VIEWS:
        kept, held = split_views(geometry.angles, holdout, seed, geometry.period)
        used, held_out = measured(kept), measured(held)
    else:  # no view can be spared: detector pixels are held out instead
        hidden = heldout_pixels(data.shape, holdout, seed)
        full = np.ones_like(data) if weights is None else weights
        whole = measured(everything)
        used = Measured(whole.operator, data, normalised(np.where(hidden, 0, full)))
        held_out = Measured(whole.operator, data, np.where(hidden, full, 0).astype(np.float32))
    other = _auxiliary(auxiliary, (len(data), *operator.domain_shape))
    return Setup(used, held_out, other, seed, lines.detector_rows)


def _seen(lines: LineIntegrals) -> LineIntegrals:
    """Without the views that have no usable pixel: whatever counts views, as what holds some out, counts those left.

    Raises
    ------
    FewviewError
        Weights that weigh nothing: negative, endless or no numbers.
    """
    if lines.weights is None:
        return lines
    if not (np.isfinite(lines.weights) & (lines.weights >= 0)).all():
        raise FewviewError(
            "The weights hold values that are negative or not numbers.", "Give unusable pixels the weight 0."
        )
    seen = (lines.weights > 0).any(axis=(1, 2))
    return lines if seen.all() or not seen.any() else lines.select_views(np.flatnonzero(seen))


def _blacken(data: NDArray[Any], weights: NDArray[Any]) -> None:
    """Rows that the beam's slits cut off hold nothing: measured air, so that every method leaves them empty.

    Without a measurement some methods would refuse the whole volume, others make up a slice from its neighbours.
    """
    usable = weights > 0
    dark = ~usable.any(axis=(1, 2))
    if dark.any() and not dark.all():
        data[dark], weights[dark] = 0, weights[usable].mean(dtype=np.float64)


def normalised(weights: NDArray[Any]) -> NDArray[np.float32]:
    """Weights with mean 1 over the usable pixels, so that a method's own weights keep their meaning."""
    usable = weights > 0
    if not usable.any():
        raise FewviewError("No detector pixel is usable.", "Look at the flats, the darks and the rows chosen.")
    return np.where(usable, weights / weights[usable].mean(dtype=np.float64), 0).astype(np.float32)


def resolve_device(device: str) -> torch.device:
    """The torch device of "auto", "cpu" or "cuda".

    Raises
    ------
    OptionError
        A CUDA device is asked for and there is none.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise OptionError(f"There is no device '{device}'.", "Choose auto, cpu or cuda.")
    if device == "cuda" and not torch.cuda.is_available():
        raise OptionError("There is no CUDA device here.", "Choose --device cpu; `fewview doctor` tells more.")
    return torch.device(device)


def squares(views: Views, volume: torch.Tensor) -> tuple[float, float]:
    """Weighted sums of squares (of ``A x - y``, of ``y``); their ratio's root is the relative error."""
    with torch.no_grad():
        error = views.operator(volume.to(views.data)) - views.data
        weights = torch.ones_like(error) if views.weights is None else views.weights
        top = (weights * error.square()).sum(dtype=torch.float64)
        bottom = (weights * views.data.square()).sum(dtype=torch.float64)
    return float(top), float(bottom)


def _auxiliary(volume: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    if volume is None:
        return None
    values = np.asarray(volume, dtype=np.float32)
    if values.shape != shape:
        raise OptionError(
            f"The auxiliary volume is {values.shape}, the reconstruction {shape}.",
            "Resample and register it to the grid of the reconstruction.",
        )
    if not np.isfinite(values).all():
        raise OptionError("The auxiliary volume holds values that are not numbers.", "Replace them, for instance by 0.")
    return values
