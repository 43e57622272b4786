"""One reconstruction of the quality benchmark, measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..errors import FewviewError, Stopped
from ..methods.interface import Estimate
from ..operators import parallel_beam
from ..quality import heldout_error, psnr, ssim
from ..runs.reconstruction import Reconstruction
from ..runs.record import plain
from ..scan import LineIntegrals
from .peak import forget_peak, peak_mb
from .quality_case import Case
from .quality_curve import mean_curve, region_centres


def measure_cell(
    method: str, case: Case, seed: int, device: str = "cpu", stop: Callable[[], bool] = lambda: False
) -> dict[str, Any]:
    """Reconstruct with default options, which choose by withheld views alone, and compare with the reference.

    Parameters
    ----------
    method : str
    case : Case
    seed : int
        Of the method's random choices.
    device : str
    stop : callable
        Once true, the run ends.

    Returns
    -------
    dict
        ``psnr``, ``ssim``, ``heldout_error``, ``seconds`` (set-up and search for settings included),
        ``peak_memory_mb`` (of the whole process, the libraries included), ``network_calls`` (those of the diffusion
        steps; None where there is no network), ``chosen``, ``curve``.

    Raises
    ------
    Stopped
        Before its end.
    FewviewError
        The method cannot run here, or not on this.
    """
    counted = forget_peak(device)
    began = time.perf_counter()
    last: Estimate | None = None
    for last in Reconstruction(case.lines, method, {}, device=device, seed=seed, stop=stop):  # noqa: B007
        pass
    seconds = time.perf_counter() - began
    peak = peak_mb(device) if counted else None
    if stop():
        raise Stopped
    if last is None:
        raise FewviewError(f"The method '{method}' gave no estimate.")
    calls = last.scalars.get("network_calls")
    similarity = ssim(last.volume, case.reference)
    return {
        "psnr": round(psnr(last.volume, case.reference), 4),
        "ssim": None if similarity is None else round(similarity, 5),
        "heldout_error": round(prediction_error(last.volume, case.others), 6),
        "seconds": round(seconds, 3),
        "peak_memory_mb": None if peak is None else round(peak, 1),
        "network_calls": None if calls is None else round(calls),
        "chosen": {name: value for name, value in plain(last.chosen).items() if not name.endswith("_curve")},
        "curve": mean_curve(last.volume, case.reference, region_centres(case.reference)),
    }


def prediction_error(volume: np.ndarray, others: LineIntegrals) -> float:
    """Relative error of the views that no method was given, as the volume (slices, y, x) predicts them."""
    geometry = others.geometry
    A = parallel_beam(
        geometry.angles, columns=geometry.columns, axis=geometry.centre, pixel=geometry.pixel or 1.0, memory_budget=0
    )
    predicted = A(torch.from_numpy(np.ascontiguousarray(volume, dtype=np.float32))).numpy().swapaxes(0, 1)
    return heldout_error(predicted, others.values, others.weights)
