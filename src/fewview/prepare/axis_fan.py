"""Rotation axis of a fan-beam scan: the column about which a quick reconstruction predicts held-out views best.

The mirror symmetry of parallel views (:mod:`fewview.prepare.axis`) holds for single rays of a fan only, and few views
leave most opposite rays unmeasured. A reconstruction needs neither: about a wrong axis no image explains all views.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..errors import ScanError
from ..geometry import Beam, VolumeGrid
from ..operators import projector
from ..operators.krylov import cgls
from ..operators.quadrature import seen_arc
from .axis import AxisEstimate

Array = NDArray[np.float64]

METHOD = "held-out views of quick reconstructions"

_SLICES, _VIEWS = 4, 60
_COARSE, _FINE = 48, 160  # columns of the two searches, at most
_STEPS, _MORE = 8, 16  # of conjugate gradients; 8 leave the last answer 0.3 columns off where the axis lies aside
_HELD = 4  # one view in so many is held out, in two ways: every such part gives an answer of its own
_SEARCHED = 0.15, 0.08  # of the detector at its ends that is not searched: of an arc, and of a full turn
_DEPTH = 0.8  # error at the axis relative to that elsewhere, above which nothing is told
_SPREAD = 1.0  # columns: an answer less certain than this is none


def find_fan_axis(
    sinograms: ArrayLike, beam: Beam, weights: ArrayLike | None = None, tick: Callable[[], None] = lambda: None
) -> AxisEstimate:
    """Find the shadow of the rotation axis of any beam.

    Parameters
    ----------
    sinograms : array, shape (slices, angles, columns)
        Line integrals (not counts); of more than 4 slices 4 are used, of more than 60 views 60.
    beam : Beam
        Its axis does not matter; where its principal column is known, that stays and the source is shifted instead.
    weights : array, shape (slices, angles, columns), optional
        Statistical weights; 0 where a pixel is unusable.
    tick : callable
        Called several times per second; what it raises ends the search.

    Returns
    -------
    AxisEstimate

    Raises
    ------
    ScanError
        Values that are not numbers.
    """
    values = np.asarray(sinograms, dtype=np.float64)
    usable = np.ones(values.shape) if weights is None else (np.asarray(weights) > 0).astype(np.float64)
    values = np.where(usable > 0, values, 0.0)
    if not np.isfinite(values).all():
        raise ScanError("The sinograms hold values that are not numbers.", "Mask and fill them first.")
    rows = np.unique(np.linspace(0, len(values) - 1, min(_SLICES, len(values))).round().astype(int))
    views = np.flatnonzero(usable[rows].mean(axis=(0, 2)) > 0.5)
    if len(views) < _HELD + 2 or beam.columns < 16:
        size = f"{len(views)} usable views of {beam.columns} columns are too few"
        return AxisEstimate(None, 0.0, METHOD, f"cannot tell: {size}", (np.arange(0.0), np.arange(0.0)))
    _, arc = seen_arc(beam.angles[views], beam.period)
    if arc < math.pi:  # measured on simulated scans: 2 to 3 columns off over 100 degrees, and sure of it
        why = f"the views cover {math.degrees(arc):.0f} degrees, and no ray is seen from its other side below 180"
        return AxisEstimate(None, 0.0, METHOD, f"cannot tell: {why}", (np.arange(0.0), np.arange(0.0)))
    views = views[np.unique(np.linspace(0, len(views) - 1, min(_VIEWS, len(views))).round().astype(int))]
    part = values[np.ix_(rows, views)], usable[np.ix_(rows, views)], beam.select_views(views)

    factor = max(1, round(beam.columns / _COARSE))
    edge = _SEARCHED[int(beam.with_axis(0.0).half_acquired)] * beam.columns
    trials = np.arange(math.ceil(edge), math.floor(beam.columns - edge), factor, dtype=np.float64)
    coarse = _errors(*part, trials, factor, tick).mean(axis=0)
    curve = (trials, -np.log(coarse / coarse.min()))
    if coarse.min() > _DEPTH * np.median(coarse):
        return AxisEstimate(None, 0.0, METHOD, "cannot tell: no axis stands out of the noise", curve)

    fine = max(1, round(beam.columns / _FINE))
    near = trials[coarse.argmin()] + np.arange(-1.5 * factor, 1.5 * factor + 0.1, max(1.0, factor / 4))
    near = near[(near > 4) & (near < beam.columns - 5)]
    middle = near[_errors(*part, near, fine, tick).mean(axis=0).argmin()]
    near = middle + np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) * fine
    errors = _errors(*part, near, fine, tick, _MORE)
    answers = [_lowest(near, one) for one in errors]
    column = _lowest(near, errors.mean(axis=0))
    spread = max(float(np.std(answers)), 0.1)
    if not (spread <= _SPREAD and near[0] < column < near[-1]):
        return AxisEstimate(None, 0.0, METHOD, f"cannot tell: about {column:.1f}, which is too uncertain", curve)
    confidence = min(math.erf(1 / (math.sqrt(2) * spread)), 0.99)
    return AxisEstimate(column, confidence, METHOD, f"expected error {spread:.2f} columns", curve)


def _errors(
    values: Array,
    usable: Array,
    beam: Beam,
    trials: Array,
    factor: int,
    tick: Callable[[], None],
    steps: int = _STEPS,
) -> Array:
    """Squared relative error of the views held out, (parts, trials), on data binned by ``factor``."""
    columns = beam.columns // factor
    binned = [a[..., : columns * factor].reshape(*a.shape[:2], columns, factor).mean(axis=3) for a in (values, usable)]
    y, w = (torch.from_numpy(a.astype(np.float32)) for a in binned)
    y = torch.where(w > 0, y / w.clamp(min=1e-6), 0.0)
    out = np.empty((2, len(trials)))
    for k, trial in enumerate(trials):
        about = beam.with_axis(float(trial)).bin_columns(factor)
        far = max(about.centre, columns - 1 - about.centre)
        A = projector(about, VolumeGrid(math.ceil(2 * far) + 1, about.volume.voxel))
        for part in range(2):
            held = torch.arange(len(about.angles)) % _HELD == 1 + 2 * part
            given, asked = A.subset((~held).numpy()), A.subset(held.numpy())
            x = None
            for step in cgls(given, y[:, ~held], iterations=steps, weights=w[:, ~held]):
                tick()
                x = step.x
            assert x is not None
            error = w[:, held] * (asked(x) - y[:, held]).square()
            out[part, k] = float(error.sum() / (w[:, held] * y[:, held].square()).sum().clamp(min=1e-30))
    return out


def _lowest(trials: Array, errors: Array) -> float:
    """Minimum of the parabola through the least error and its neighbours."""
    best = int(np.clip(errors.argmin(), 1, len(errors) - 2))
    before, here, after = errors[best - 1 : best + 2]
    bend = before - 2 * here + after
    if bend <= 0:
        return float(trials[errors.argmin()])
    return float(trials[best] + 0.5 * np.clip((before - after) / bend, -2, 2) * (trials[1] - trials[0]))
