"""Stripe filters of the real tomopy. Skipped where tomopy is not installed (it is not on PyPI)."""

import numpy as np
import pytest

from fewview.errors import MethodUnavailable
from fewview.prepare.stripes import load_tomopy, remove_stripes


@pytest.fixture
def sinograms():
    """Line integrals (angle, v, u) of a disc, and columns that read wrong by 3 % of the maximum."""
    angles = np.radians(np.arange(0, 180, 0.5))
    u = np.arange(400) - 199.5
    place = u - 50 * np.cos(angles)[:, None] + 30 * np.sin(angles)[:, None]
    clean = np.repeat(2 * np.sqrt(np.clip(100.0**2 - place**2, 0, None))[:, None] / 200, 3, axis=1).astype(np.float32)
    rng = np.random.default_rng(0)
    stripes = np.zeros((3, 400), np.float32)
    stripes[:, rng.choice(400, 40, replace=False)] = rng.normal(0, 0.03, (3, 40))
    noise = rng.normal(0, 0.005, clean.shape).astype(np.float32)
    return clean, (clean + stripes + noise).astype(np.float32)


@pytest.mark.parametrize("method", ["tomopy-fw", "tomopy-ti", "tomopy-sf"])
def test_stripes_get_less_and_the_sample_stays(method, sinograms):
    try:
        load_tomopy()
    except MethodUnavailable as error:
        pytest.skip(f"{error}")
    clean, striped = sinograms
    given = striped.copy()
    got = remove_stripes(striped, method)
    assert got.shape == striped.shape and got.dtype == np.float32
    np.testing.assert_array_equal(striped, given)
    before, after = (np.std((values - clean).mean(axis=0)) for values in (striped, got))
    assert after < 0.6 * before  # of what is constant along the angle
    assert np.std(got - clean) < 0.8 * np.std(striped - clean)
