"""One reconstruction of the quality benchmark, measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from ...errors import FewviewError, Stopped
from ...methods.interface import Estimate
from ...models.guide import Guide
from ...operators import projector
from ...quality import coverage, heldout_error, psnr, ssim
from ...quality.region_scales import mean_curve, region_centres
from ...runs.record import plain
from ...runs.slabs import SlabRun
from ...scan import LineIntegrals
from ..network_clock import NetworkClock, seconds_on
from ..peak import forget_peak, peak_mb
from .bodies import invented_bodies
from .case import Array, Case


def measure_cell(
    method: str,
    case: Case,
    seed: int,
    device: str = "cpu",
    stop: Callable[[], bool] = lambda: False,
    options: Mapping[str, Any] | None = None,
    auxiliary: Array | None = None,
    look: Callable[[Estimate], None] = lambda last: None,
) -> dict[str, Any]:
    """Reconstruct, with defaults that choose by held-out views alone, and compare with the reference.

    Parameters
    ----------
    method : str
    case : Case
    seed : int
        Of the method's random choices.
    device : str
    stop : callable
        Once true, the run ends.
    options : mapping, optional
        What differs from the defaults.
    auxiliary : array, shape (slices, y, x), optional
        X-ray volume.
    look : callable
        Is shown the last estimate.

    Returns
    -------
    dict
        ``psnr``, ``ssim``, ``heldout_error``, ``seconds`` (set-up and search for settings included; of
        :func:`~fewview.benchmark.network_clock.seconds_on`),
        ``first_seconds`` (until the first estimate), ``peak_memory_mb`` (of the whole process, the libraries
        included), ``network_calls`` (those of the diffusion steps; None where there is no network),
        ``network_share`` (part of the seconds within networks; None without one), ``guide_share`` (within the guide
        that reads the X-ray volume), ``coverage90`` and ``structure90`` (:func:`fewview.quality.coverage`; None without
        a "std"), ``invented`` of the ``bodies`` shown, per slice (see :func:`invented_bodies`), ``chosen``, ``curve``.

    Raises
    ------
    Stopped
        Before its end.
    FewviewError
        The method cannot run here, or not on this.
    """
    counted = forget_peak(device)
    began = seconds_on(device)
    last: Estimate | None = None
    first = 0.0
    with NetworkClock(device) as clock:
        run = SlabRun(case.lines, method, options or {}, auxiliary=auxiliary, device=device, seed=seed, stop=stop)
        for last in run:  # noqa: B007
            first = first or seconds_on(device) - began
    seconds = seconds_on(device) - began
    peak = peak_mb(device) if counted else None
    if stop():
        raise Stopped
    if last is None:
        raise FewviewError(f"The method '{method}' gave no estimate.")
    look(last)
    calls = last.scalars.get("network_calls")
    return {
        "seconds": round(seconds, 3),
        "first_seconds": round(first, 3),
        "peak_memory_mb": None if peak is None else round(peak, 1),
        "network_calls": None if calls is None else round(calls),
        "network_share": _share(clock.seconds, seconds),
        "guide_share": _share(clock.by_network.get(Guide.__name__, 0.0), seconds),
        "chosen": {name: value for name, value in plain(last.chosen).items() if not name.endswith("_curve")},
        **judged(last.array, np.asarray(last.extra["std"]) if "std" in last.extra else None, case),
    }


def judged(volume: Array, std: Array | None, case: Case) -> dict[str, Any]:
    """The figures of :func:`measure_cell` that a volume and its standard deviation have, however they were made.

    Parameters
    ----------
    volume : array, shape (slices, y, x)
    std : array, same shape, or None
    case : Case

    Returns
    -------
    dict
        By name: PSNR in dB, SSIM, relative error of held-out views, coverage (0 to 1, None without a deviation), bodies
        per slice that are invented and that there are, and the curve of
        :func:`fewview.quality.region_scales.mean_curve`.
    """
    similarity = ssim(volume, case.reference)
    invented, shown = invented_bodies(volume, case.reference)
    return {
        "psnr": round(psnr(volume, case.reference), 4),
        "ssim": None if similarity is None else round(similarity, 5),
        "heldout_error": round(prediction_error(volume, case.others), 6),
        "coverage90": None if std is None else round(coverage(volume, std, case.reference), 4),
        "structure90": None if std is None else round(coverage(volume, std, case.reference, structure=True), 4),
        "invented": round(invented / len(case.reference), 3),
        "bodies": round(shown / len(case.reference), 3),
        "curve": mean_curve(volume, case.reference, region_centres(case.reference)),
    }


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if part else None


def prediction_error(volume: np.ndarray, others: LineIntegrals) -> float:
    """Relative error of the views that no method was given, as the volume (slices, y, x) predicts them."""
    A = projector(others.geometry, memory_budget=0)
    predicted = A(torch.from_numpy(np.ascontiguousarray(volume, dtype=np.float32))).numpy().swapaxes(0, 1)
    return heldout_error(predicted, others.values, others.weights)
