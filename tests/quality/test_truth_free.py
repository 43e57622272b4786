"""Noise, sharpness, residual and masks: numbers that need no reference."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from fewview.errors import FewviewError
from fewview.quality import (
    edge_width,
    field_of_view,
    noise,
    noise_across_rows,
    noise_level,
    object_mask,
)


def _disk(size=128, radius=40, at=(60, 66)):
    y, x = np.mgrid[:size, :size]
    return (np.hypot(y - at[0], x - at[1]) < radius).astype(float)


@pytest.mark.parametrize("sigma", [0.02, 0.2])
def test_noise_is_measured_beside_edges_and_slopes(sigma):
    rng = np.random.default_rng(0)
    image = 3 * _disk() + np.linspace(0, 5, 128) + sigma * rng.standard_normal((128, 128))
    assert noise(image) == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize("blur", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2])
def test_edge_width_of_a_blurred_edge(blur, angle):
    y, x = np.mgrid[:64, :64] - 31.5
    edge = gaussian_filter(np.clip(x * np.cos(angle) + y * np.sin(angle) + 0.5, 0, 1), blur)
    rng = np.random.default_rng(1)
    # 10-90 % of a Gaussian edge is 2.563 sigma.
    assert edge_width(edge + 0.005 * rng.standard_normal(edge.shape)) == pytest.approx(2.563 * blur, rel=0.2)


def test_edge_width_is_nothing_without_an_edge():
    rng = np.random.default_rng(2)
    assert edge_width(np.ones((20, 20))) is None
    assert edge_width(rng.standard_normal((40, 40))) is None
    assert edge_width(np.eye(4)) is None


@pytest.mark.parametrize("sigma", [0.01, 0.1])
def test_noise_of_line_integrals_with_weights(sigma):
    rng = np.random.default_rng(3)
    w = rng.uniform(0.2, 2, (2, 30, 128))
    smooth = 2 * np.sqrt(np.clip(1 - np.linspace(-1.2, 1.2, 128) ** 2, 0, None))
    y = smooth + sigma / np.sqrt(w) * rng.standard_normal(w.shape)
    w[:, :, 40] = 0
    y[:, :, 40] = np.nan
    assert noise_level(y, w) == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize("columns", [1, 3])
def test_a_detector_too_narrow_to_tell_noise_says_what_to_do(columns):
    with pytest.raises(FewviewError, match=rf"4 or more detector columns, and here there are {columns}\. Bin less"):
        noise_level(np.ones((1, 5, columns)))


def test_object_mask_covers_the_object_and_its_holes():
    image = _disk() - _disk(radius=10)
    image += 0.1 * np.random.default_rng(5).standard_normal(image.shape)
    mask = object_mask(image)[0]
    assert mask[_disk() > 0].all()
    assert not mask[_disk(radius=48) == 0].any()
    assert object_mask(np.zeros((2, 8, 8))).all()


def test_field_of_view_reaches_the_nearer_end_of_the_detector():
    assert field_of_view(64, 64, 31.5)[31, 0]
    assert not field_of_view(64, 64, 31.5)[0, 0]
    seen = field_of_view(64, 64, 20.0)
    assert np.flatnonzero(seen[31]).tolist() == list(range(12, 52))


@pytest.mark.parametrize("weighted", [False, True])
def test_noise_is_told_from_structure_that_few_columns_show(weighted):
    rng = np.random.default_rng(0)
    z, u = np.mgrid[0:32, 0:32]
    object_ = np.clip(1 - ((u - 15) / 11.0) ** 2, 0, None) ** 0.5 * (1 + 0.3 * np.cos(z / 9.0))
    y = np.repeat(object_[:, None], 2, axis=1)
    weights = np.exp(-y) if weighted else np.ones_like(y)
    noisy = y + 0.02 * rng.standard_normal(y.shape) / np.sqrt(weights)
    weights[3:5, :, 7] = 0
    noisy[3:5, :, 7] = np.nan
    assert noise_across_rows(noisy, weights) == pytest.approx(0.02, rel=0.15)
    assert noise_across_rows(y) < 0.005
    with pytest.raises(FewviewError, match="too few"):
        noise_across_rows(y[:2])
