"""Reconstruct line integrals: the public generator of estimates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from numpy.typing import ArrayLike

from ..methods.interface import Estimate
from ..scan import LineIntegrals
from .recipe import Device


def reconstruct(
    lines: LineIntegrals,
    method: str = "tv",
    options: Mapping[str, Any] | None = None,
    *,
    auxiliary: ArrayLike | None = None,
    holdout: float = 0.0,
    device: Device = "auto",
    seed: int = 0,
    resume: Mapping[str, Any] | None = None,
    stop: Callable[[], bool] | None = None,
    **named: Any,
) -> Iterator[Estimate]:
    """Reconstruct a volume, step by step.

    Parameters
    ----------
    lines : LineIntegrals
        From :meth:`fewview.Scan.line_integrals`.
    method : str
        One of `fewview methods`.
    options : mapping, optional
        Options of the method; also as keywords: ``reconstruct(lines, "tv", weight=0.01)``.
    auxiliary : array, shape (slices, y, x), optional
        X-ray volume on the grid of the reconstruction.
    holdout : float
        Share of the views to keep back; every estimate then carries the scalar ``heldout_error``, the error of
        predicting them.
    device : {"auto", "cpu", "cuda"}
    seed : int
        Of every random choice.
    resume : mapping, optional
        ``state`` of an earlier estimate of the same run.
    stop : callable, optional
        Looked at between estimates and within long steps; once it returns true the generator ends, and the
        estimate received last is the one to keep.

    Yields
    ------
    Estimate
        ``volume`` is a numpy float32 array (slices, y, x) that belongs to the caller, in mm^-1 (per pixel when
        the pixel size is unknown); ``scalars`` holds ``data_residual`` and whatever the method tells.

    Raises
    ------
    OptionError, MethodUnavailable, NotEnoughMemory
        Before the first estimate.
    """
    raise NotImplementedError
