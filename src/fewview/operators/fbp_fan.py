"""Filtered back-projection of a fan beam: any arc, an axis or a detector aside, flat and curved.

Kak and Slaney, *Principles of Computerized Tomographic Imaging* (1988), sections 3.4.1 (curved) and 3.4.2 (flat), with
angles counted from the ray through the axis, so that a source that is shifted along the detector needs no rebinning.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..geometry import FanBeam
from .filters import FilterName, apply_filter, ramp_filter
from .interface import Operator
from .joseph_fan import FanInterpolation
from .quadrature import angle_weights, seen_arc, within_detector
from .tiled import TiledOperator

Array = NDArray[np.float64]


def fan_backprojection(A: Operator, y: Tensor, filter: FilterName, cutoff: float) -> Tensor:  # noqa: A002
    """See :func:`fewview.operators.filtered_backprojection`; the geometry of ``A`` is a fan beam."""
    beam = A.geometry
    assert isinstance(beam, FanBeam)
    weights = torch.as_tensor(view_weights(beam), dtype=y.dtype, device=y.device)
    missing = math.ceil(2 * abs(beam.aside))
    pad = (missing, 0) if beam.aside < 0 else (0, missing)  # a filtered view does not end where the detector does
    shown = torch.nn.functional.pad(y * weights, pad)
    pitch = beam.pitch / beam.sdd if beam.detector == "curved" else 0.0
    filtered = apply_filter(shown, ramp_filter(shown.shape[-1], filter, cutoff, pitch))
    back = TiledOperator(beam.padded(*pad), A.volume, A.device, A.dtype, 0, FanInterpolation.of)
    back.on_chunk = A.on_chunk
    # The interpolating operator has lengths in voxels: one from its adjoint, two from the squared distance.
    return back.T(filtered * (beam.sdd / beam.pitch / A.volume.voxel**3))


def view_weights(beam: FanBeam) -> Array:
    """What each ray counts before filtering: obliquity (mm), share of its line, share of the turn; (views, columns)."""
    gamma = beam.fan_angles(np.arange(beam.columns))
    oblique = beam.sod * np.cos(gamma) - beam.shift * np.sin(gamma)
    return angle_weights(beam.angles, beam.period)[:, None] * redundancy(beam) * oblique


def redundancy(beam: FanBeam) -> Array:
    """Share of each ray in its line, (views, columns): those of a ray and of the opposite one add up to 1.

    A line that is measured once counts whole. Where arc or detector end, the share falls smoothly to zero, so that the
    filter sees no edge: over a short scan as Parker's weights do (Med. Phys. 9 (1982) 254), at the detector's edges by
    :func:`fewview.operators.quadrature.within_detector`.
    """
    angles, columns = np.broadcast_arrays(beam.angles[:, None], np.arange(beam.columns, dtype=np.float64))
    own = _certainty(beam, angles, columns)
    other = _certainty(beam, *beam.opposite(angles, columns))
    return np.divide(own, own + other, out=np.ones_like(own), where=own + other > 0)


def _certainty(beam: FanBeam, angles: Array, columns: Array) -> Array:
    """Any positive weight that is smooth and falls to zero where nothing is measured any more."""
    axis = beam.fan_angles(beam.centre)
    ends = beam.fan_angles([-0.5, beam.columns - 0.5]) - axis
    start, arc = seen_arc(beam.angles, beam.period)
    weight = within_detector(columns, beam.columns)
    if arc < beam.period:
        after = np.mod(angles - start + 1e-9, beam.period) - 1e-9
        overlap = max(arc - math.pi, 0.0) + 2 * np.abs(ends).max()  # the longest that lines are seen a second time
        inward = np.minimum(after, arc - after).clip(0)
        weight *= np.sin(math.pi / 2 * (inward / overlap).clip(max=1)) ** 2
    return weight
