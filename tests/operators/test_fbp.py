"""Filtered back-projection: absolute values for every arc and pixel size; filters; weights of the views."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter

from fewview.geometry import ParallelBeam
from fewview.operators import filtered_backprojection, parallel_beam, projector
from fewview.operators.filters import apply_filter, padded_length, ramp_filter
from fewview.operators.quadrature import angle_weights, opposed

DEGREE = math.pi / 180
ARCS = {
    "180": np.arange(180) * DEGREE,
    "180 with its end": np.linspace(0, math.pi, 181),
    "270": np.arange(270) * DEGREE,
    "270, not mirrored": np.arange(0, 270, 1.3) * DEGREE,
    "360": np.arange(360) * DEGREE,
    "360 with its end": np.linspace(0, 2 * math.pi, 361),
    "uneven": np.sort(np.random.default_rng(0).uniform(0, math.pi, 300)),
    "golden angle": np.arange(200) * 2.399963,
    "backwards from -90": -math.pi / 2 - np.arange(180) * DEGREE,
}


@pytest.mark.parametrize("views", [180, 181])
@pytest.mark.parametrize("left", [True, False])
def test_half_acquisition_comes_out_as_the_whole_detector_does(views, left):
    angles = np.linspace(0, 2 * math.pi, views, endpoint=False)
    y, x = np.mgrid[:96, :96] - 47.5
    slices = np.stack(
        [0.02 * (np.hypot(x, y) < 44) + 0.03 * (np.hypot(x - 12, y + 9) < 6), 0.05 * (np.hypot(x, y) < 6)]
    )
    whole = parallel_beam(angles, columns=96, axis=47.5)
    sinogram = whole(torch.from_numpy(slices.astype(np.float32)))
    columns, axis = (slice(36, 96), 11.5) if left else (slice(0, 60), 47.5)
    half = parallel_beam(angles, columns=60, axis=axis)
    found = filtered_backprojection(half, sinogram[:, :, columns].contiguous())
    wanted = filtered_backprojection(whole, sinogram)[:, 18:78, 18:78]
    inner = np.hypot(x, y)[18:78, 18:78] < 28
    np.testing.assert_allclose(found[0][inner], wanted[0][inner], atol=2e-3)
    assert float(found[0][inner].mean()) == pytest.approx(float(wanted[0][inner].mean()), rel=0.01)
    # Whatever a slice holds: the geometry alone decides.
    np.testing.assert_allclose(found[1][inner], wanted[1][inner], atol=1.5e-3)


def test_an_axis_a_little_aside_is_half_acquisition_for_grid_and_fbp_alike():
    """At 7.5 % of the detector: the object reaches over the near edge, and comes out whole on the wide grid."""
    angles = np.linspace(0, 2 * math.pi, 181, endpoint=False)
    geometry = ParallelBeam(angles, 1, 80, 39.5 - 6)
    assert geometry.half_acquired and geometry.grid == 92
    A = projector(geometry)
    radius = np.hypot(*(np.mgrid[:92, :92] - 45.5))
    disk = torch.from_numpy(0.02 * (radius < 44).astype(np.float32))[None]
    found = filtered_backprojection(A, A(disk))[0].numpy()
    assert found[radius < 40].mean() == pytest.approx(0.02, rel=0.01)
    assert abs(found[(radius > 30) & (radius < 38)].mean() - found[radius < 20].mean()) < 2e-4


@pytest.mark.parametrize(("aside", "arc"), [(-6.0, 360), (3.0, 360), (6.0, 350), (6.0, 270)])
def test_what_only_one_edge_of_the_detector_sees_has_its_value(aside, arc):
    """Over half a turn, the axis less aside than in half acquisition, and a disk at the border of the slice."""
    angles = np.arange(arc) * DEGREE
    A = projector(ParallelBeam(angles, 1, 128, 63.5 + aside))
    assert not A.geometry.half_acquired
    places = np.arange(128)[:, None] + (np.arange(16) - 7.5) / 16 - A.geometry.centre
    across = 50 if arc == 360 else 44
    away = places - across * np.cos(angles)[:, None, None]
    rays = 2 * np.sqrt(np.maximum(12**2 - away**2, 0)).mean(axis=2)
    found = filtered_backprojection(A, torch.from_numpy(rays.astype(np.float32))[None])[0].numpy()
    y, x = np.mgrid[:128, :128] - 63.5
    inside = np.hypot(x - across, y) < 9
    assert found[inside].mean() == pytest.approx(1, abs=2e-3) and found[inside].std() < 5e-3
    air = uniform_filter(found, 5)[(np.hypot(x, y) < (62 if arc == 360 else 56)) & (np.hypot(x - across, y) > 16)]
    assert np.abs(air).max() < 5e-3


def test_which_views_are_measured_from_the_other_side_too():
    alternating = [k * 22.5 + 180 * (k % 2) for k in range(8)]
    for angles, count in (
        (np.arange(360), 360),
        (np.arange(361), 361),
        (-np.arange(360), 360),
        (np.arange(200) * 137.508, 200),
        (np.random.default_rng(0).uniform(0, 360, 300), 300),
        (alternating, 8),
        (np.arange(180), 0),
        (np.arange(181), 2),
        (np.arange(350), 340),
        (np.arange(270), 180),
        (np.arange(5) * 36, 0),
        ([0, 90], 0),
        ([0, 180], 2),
        ([7], 0),
    ):
        assert opposed(np.asarray(angles) * DEGREE).sum() == count, angles


def test_lines_that_are_measured_twice_share_equally_where_they_can():
    """Unequal shares cost noise: all over the detector, 17 % more."""
    angles = np.arange(180) * 2 * math.pi / 180
    noise = torch.randn(1, 180, 96, generator=torch.Generator().manual_seed(1))
    inner = np.hypot(*(np.mgrid[:96, :96] - 47.5)) < 40
    middle, aside = (
        filtered_backprojection(projector(ParallelBeam(angles, 1, 96, axis)), noise)[0].numpy()[inner].std()
        for axis in (47.5, 52.5)
    )
    assert aside < 1.05 * middle


@pytest.mark.parametrize("arc", ARCS)
@pytest.mark.parametrize(("pixel", "pitch"), [(1.0, 1.0), (0.05, 0.05), (2.0, 3.0)])
def test_a_unit_block_comes_out_as_one(arc, pixel, pitch):
    A = parallel_beam(ARCS[arc], columns=110, grid=64, axis=53.3, pixel=pixel, detector_pitch=pitch)
    block = torch.zeros(1, 64, 64)
    block[:, 18:44, 14:48] = 1
    image = filtered_backprojection(A, A(block))
    inside = image[0, 21:41, 17:45]
    assert float(inside.mean()) == pytest.approx(1, abs=0.01)
    assert float(inside.std()) < 0.03
    assert abs(float(image[0, 4:14, 4:60].mean())) < 0.01


@pytest.mark.parametrize("name", ["shepp-logan", "cosine", "hann"])
def test_smoother_filters_keep_the_value_and_lose_noise(name):
    A = parallel_beam(ARCS["180"], columns=96, grid=64)
    block = torch.zeros(1, 64, 64)
    block[:, 18:44, 14:48] = 1
    assert float(filtered_backprojection(A, A(block), name)[0, 24:38, 20:42].mean()) == pytest.approx(1, abs=0.01)
    noise = torch.randn(1, 180, 96, generator=torch.Generator().manual_seed(0))
    plain = filtered_backprojection(A, noise).std()
    assert float(filtered_backprojection(A, noise, name).std()) < 0.9 * float(plain)
    half = filtered_backprojection(A, noise, name, cutoff=0.5).std()
    assert float(half) < 0.7 * float(filtered_backprojection(A, noise, name).std())


def test_without_a_filter_it_is_the_weighted_back_projection():
    A = parallel_beam(np.arange(8) * math.pi / 8, columns=20, grid=20)
    y = torch.rand(1, 8, 20)
    assert torch.allclose(filtered_backprojection(A, y, "none"), A.T(y) * math.pi / 8, rtol=1e-4, atol=1e-5)


def test_ramp_is_the_discrete_ramp():
    # Convolution by hand with the kernel of Kak and Slaney, eq. 3.61.
    y = torch.rand(2, 3, 17, dtype=torch.float64)
    distance = np.abs(np.arange(17)[:, None] - np.arange(17)[None, :])
    kernel = np.zeros((17, 17))
    kernel[distance == 0] = 0.25
    odd = distance % 2 == 1
    kernel[odd] = -1 / (math.pi * distance[odd]) ** 2
    assert torch.allclose(apply_filter(y, ramp_filter(17)), y @ torch.from_numpy(kernel), atol=1e-14)
    assert padded_length(256) == 512 and padded_length(257) == 1024


def test_filter_is_differentiable():
    y = torch.rand(1, 2, 9, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: apply_filter(y, ramp_filter(9, "hann")), (y,))


def test_filter_mistakes_are_named():
    with pytest.raises(ValueError, match="ram-lak"):
        ramp_filter(10, "ramp")
    with pytest.raises(ValueError, match="cutoff"):
        ramp_filter(10, cutoff=0)


@pytest.mark.parametrize("arc", ARCS)
def test_weights_sum_to_half_a_turn(arc):
    weights = angle_weights(ARCS[arc])
    assert weights.sum() == pytest.approx(math.pi)
    assert weights.min() > 0


def test_duplicate_directions_share():
    step = math.pi / 4
    np.testing.assert_allclose(angle_weights(np.arange(5) * step), np.array([0.5, 1, 1, 1, 0.5]) * step)
    full = angle_weights(np.arange(9) * step)
    np.testing.assert_allclose(full[[0, 4, 8]], step / 3)
    np.testing.assert_allclose(full[[1, 2, 3, 5, 6, 7]], step / 2)
    # 270 degrees: the first quarter is seen twice.
    three = angle_weights(np.arange(6) * step)
    np.testing.assert_allclose(three, np.array([0.5, 0.5, 1, 1, 0.5, 0.5]) * step)


def test_weights_of_few_and_limited_views():
    np.testing.assert_allclose(angle_weights([1.0]), math.pi)
    np.testing.assert_allclose(angle_weights([0.0, math.pi / 2]), math.pi / 2)
    # A missing wedge of 90 degrees is not handed to the views at its edges.
    np.testing.assert_allclose(angle_weights(np.arange(10) * 10 * DEGREE), 10 * DEGREE)
    # A single missing view is bridged.
    kept = np.delete(np.arange(18), 7) * 10 * DEGREE
    np.testing.assert_allclose(angle_weights(kept)[[6, 7]], 15 * DEGREE)
