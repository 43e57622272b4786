"""Intervals: how often they hold the reference, and what makes them honest."""

import numpy as np
import pytest

from fewview.quality import coverage, crps, honest_factor
from fewview.quality.coverage import QUANTILE


def test_coverage_counts_pixels_of_the_object():
    reference = np.zeros((1, 64, 64), np.float32)
    reference[:, 20:44, 20:44] = 1
    std = np.full_like(reference, 0.1)
    assert coverage(reference + 0.16, std, reference) == 1.0
    assert coverage(reference + 0.17, std, reference) == 0.0
    half = reference.copy()
    half[:, :, :32] += 0.2
    half[:, :10] += 5  # air, where it does not matter
    assert coverage(half, std, reference) == pytest.approx(0.5)
    random = np.random.default_rng(0).standard_normal(reference.shape) * std
    assert coverage((reference + random).astype(np.float32), std, reference) == pytest.approx(0.9, abs=0.03)


def test_coverage_at_structure_counts_the_steep_fifth_alone():
    reference = np.zeros((1, 64, 64), np.float32)
    reference[:, 8:56, 8:56] = 1
    edge = np.hypot(*np.gradient(reference, axis=(1, 2))) > 0
    image = reference + 0.5 * edge
    std = np.full_like(reference, 0.1)
    assert coverage(image, std, reference) > 0.8
    assert coverage(image, std, reference, structure=True) == 0.0


def test_the_factor_makes_intervals_of_any_width_honest():
    random = np.random.default_rng(1)
    reference = np.zeros((2, 64, 64), np.float32)
    reference[:, 8:56, 8:56] = 1
    std = random.uniform(0.05, 0.2, reference.shape)
    mean = reference + 1.7 * std * random.standard_normal(reference.shape)
    factor = honest_factor(mean, std, reference)
    assert factor == pytest.approx(1.7, rel=0.04) and QUANTILE == 1.645
    assert coverage(mean, factor * std, reference) == pytest.approx(0.9, abs=2e-3)


def test_the_score_is_least_for_the_right_deviation_and_the_absolute_error_without_one():
    random = np.random.default_rng(2)
    reference = np.zeros((2, 64, 64), np.float32)
    reference[:, 8:56, 8:56] = 1
    mean = reference + 0.1 * random.standard_normal(reference.shape)
    scores = [crps(mean, np.full_like(mean, wide), reference) for wide in (0.05, 0.1, 0.2)]
    assert scores[1] == pytest.approx(0.1 / np.sqrt(np.pi), rel=0.03)  # the closed form for the right one
    assert scores[1] < min(scores[0], scores[2])
    assert crps(mean, None, reference) == pytest.approx(0.1 * np.sqrt(2 / np.pi), rel=0.03)
    assert crps(3 * mean, None, 3 * reference) == pytest.approx(crps(mean, None, reference), rel=1e-5)
