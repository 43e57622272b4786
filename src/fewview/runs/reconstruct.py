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
        Share of the views to hold out; estimates then carry the scalar ``heldout_error``, the relative error of
        predicting them. With 5 views and fewer, detector pixels are held out instead.
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
        the pixel size is unknown). ``scalars`` holds whatever the method tells, and ``data_residual`` (and
        ``heldout_error``) on the first, the last, and as many between as cost no more than a fifth of the time.

    Raises
    ------
    OptionError, MethodUnavailable, NotEnoughMemory
        Before the first estimate.
    """
    from .inputs import require_structure
    from .slabs import SlabRun  # brings torch in

    chosen = {**(options or {}), **named}
    run = SlabRun(
        lines, method, chosen, auxiliary=auxiliary, holdout=holdout, device=device, seed=seed, resume=resume, stop=stop
    )
    if auxiliary is not None and "aux" in run.method.needs:
        require_structure(auxiliary)
    yield from run
