"""Filtered back-projection of a fan: the value of a disk off the centre, for every arc and detector."""

import math

import numpy as np
import pytest
import torch

from fewview.geometry import FanBeam
from fewview.operators import filtered_backprojection, projector
from fewview.operators.fbp_fan import redundancy

VIEWS, WIDEST = 360, math.atan(160 / 480)
TURN = np.arange(VIEWS) * 2 * math.pi / VIEWS
SHORT = np.arange(VIEWS) * (math.pi + 2.2 * WIDEST) / (VIEWS - 1)
SCANS = {
    "full turn": (TURN, 99.5, None),
    "falling angles": (TURN[::-1], 99.5, None),
    "uneven": (np.sort(np.random.default_rng(0).uniform(0, 2 * math.pi, VIEWS)), 99.5, None),
    "short scan": (SHORT, 99.5, None),
    "short scan, falling": (1 - SHORT, 99.5, None),
    "300 degrees": (0.3 + TURN * 5 / 6, 99.5, None),
    "offset axis": (TURN, 93.5, 99.5),
    "offset axis, short scan": (SHORT, 93.5, 99.5),
    "offset detector": (TURN, 60.0, None),
    "offset detector, other side": (TURN, 139.0, None),
}


def reconstructed_disk(A, x, y, radius):
    """FBP of a disk (mm) of value 1 from its exact line integrals."""
    rays = []
    for view in range(A.views):
        start, direction = A.geometry.rays(view)
        distance = (start[:, 0] - x) * direction[:, 1] - (start[:, 1] - y) * direction[:, 0]
        rays.append(2 * 0.02 * np.sqrt(np.maximum(radius**2 - distance**2, 0)))
    return filtered_backprojection(A, torch.tensor(np.array(rays)[None], dtype=torch.float32))[0].numpy() / 0.02


@pytest.mark.parametrize("detector", ["flat", "curved"])
@pytest.mark.parametrize("scan", SCANS)
def test_a_disk_comes_out_with_its_value(scan, detector):
    angles, axis, principal = SCANS[scan]
    beam = FanBeam(angles, 1, 200, axis, 1.6, principal=principal, sod=300, sdd=480, detector=detector)
    A = projector(beam, memory_budget=0)
    found = reconstructed_disk(A, 20, -15, 40)
    place = (np.arange(A.grid) - (A.grid - 1) / 2) * A.volume.voxel
    inside = np.hypot(place - 20, -place[:, None] + 15) < 36
    assert found[inside].mean() == pytest.approx(1, abs=2e-3) and found[inside].std() < 2e-3
    for half in (inside & (place < 20), inside & (-place[:, None] < -15)):  # no shading
        assert found[half].mean() == pytest.approx(found[inside].mean(), abs=1e-3)
    outside = (np.hypot(place - 20, -place[:, None] + 15) > 46) & (np.hypot(place, place[:, None]) < 90)
    assert abs(found[outside].mean()) < 2e-3
    assert beam.half_acquired == ("detector" in scan)


@pytest.mark.parametrize("scan", ["full turn", "short scan", "offset axis, short scan", "offset detector"])
def test_a_line_counts_once(scan):
    angles, axis, principal = SCANS[scan]
    beam = FanBeam(angles, 1, 200, axis, 1.6, principal=principal, sod=300, sdd=480)
    shares = redundancy(beam)
    turned, mirrored = beam.opposite(angles[:, None], np.arange(200))
    # The share of the opposite ray, between those of the views and columns around it.
    step = angles[1] - angles[0]
    view = np.mod(turned - angles[0], 2 * math.pi) / step
    seen = (view < VIEWS - 1) & (mirrored > 0) & (mirrored < 199)
    # Where the turn ends and the detector, too, shares change from ray to ray, and what lies between two says little.
    seen[:, [0, 1, -2, -1]] = False
    seen &= (mirrored > 1) & (mirrored < 198)
    v, c = view[seen].astype(int), mirrored[seen].astype(int)
    across, along = view[seen] - v, mirrored[seen] - c
    near = (1 - across) * shares[v, c] + across * shares[v + 1, c]
    far = (1 - across) * shares[v, c + 1] + across * shares[v + 1, c + 1]
    total = shares[seen] + (1 - along) * near + along * far
    assert seen.mean() > 0.1
    np.testing.assert_allclose(total, 1, atol=0.03)


@pytest.mark.parametrize("aside", [-9.0, 6.0])
def test_what_only_one_edge_of_the_detector_sees_has_its_value(aside):
    """A full turn, the axis a little aside, and a disk at the border of the slice."""
    beam = FanBeam(TURN, 1, 200, 99.5 + aside, 1.6, sod=300, sdd=480)
    A = projector(beam, memory_budget=0)
    found = reconstructed_disk(A, 78, 0, 18)
    place = (np.arange(A.grid) - (A.grid - 1) / 2) * A.volume.voxel
    away, radius = np.hypot(place - 78, place[:, None]), np.hypot(place, place[:, None])
    assert found[away < 15].mean() == pytest.approx(1, abs=2e-3) and found[away < 15].std() < 3e-3
    assert abs(found[(away > 22) & (radius < 96) & (place < 0)].mean()) < 1e-3


def test_it_is_differentiable():
    beam = FanBeam([0.0, 1.0, 2.0, 4.0], 1, 8, 3.0, 1.0, sod=30, sdd=45)
    A = projector(beam, dtype=torch.float64)
    y = torch.rand(1, 4, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: filtered_backprojection(A, y, "hann"), (y,))


@pytest.mark.parametrize("detector", ["flat", "curved"])
def test_corners_that_a_near_source_passes_through_stay_bounded(detector):
    beam = FanBeam(TURN, 1, 100, 49.5, 1.6, sod=64, sdd=102, detector=detector)  # half a fan of 38 degrees
    A = projector(beam, memory_budget=0)
    radius = 64 * math.sin(math.atan(80 / 102))  # of the circle that every view sees; the corners lie at 71 mm
    found = reconstructed_disk(A, 12, -8, 15)
    place = (np.arange(A.grid) - (A.grid - 1) / 2) * A.volume.voxel
    inside = np.hypot(place - 12, -place[:, None] + 8) < 13
    assert found[inside].mean() == pytest.approx(1, abs=2e-3) and found[inside].std() < 3e-3
    corners = np.hypot(place, place[:, None]) > radius
    assert corners.any() and np.abs(found[corners]).max() < 0.3  # 20 where the least distance is a voxel's
