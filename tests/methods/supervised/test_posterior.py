"""Posterior samples against the closed form of a Gaussian object."""

import pytest
import torch

from fewview.methods.slices import SliceNoise
from fewview.methods.supervised.posterior import posterior_sample

PRIOR, NOISE = 0.3, 0.2  # standard deviations


def _answer(measured):
    """Posterior mean of a white Gaussian object given one measurement and a state."""

    def answer(state, sigma):
        precision = 1 / PRIOR**2 + 1 / NOISE**2 + 1 / sigma**2
        return (measured / NOISE**2 + state / sigma**2) / precision

    return answer


@pytest.mark.parametrize(("steps", "ratio"), [(12, 0.05), (24, 0.05)])
def test_mean_and_variance_are_those_of_the_posterior(steps, ratio):
    measured = torch.linspace(-1, 1, 40)[None, :, None].expand(1, 40, 500)
    mean = measured / NOISE**2 / (1 / PRIOR**2 + 1 / NOISE**2)
    *images, sample = posterior_sample(_answer(measured), mean, steps, SliceNoise(0, 1))
    assert len(images) + 1 == steps
    off = sample - mean
    variance = 1 / (1 / PRIOR**2 + 1 / NOISE**2)
    assert float(off.mean()) == pytest.approx(0, abs=0.005)
    assert float(off.var()) / variance == pytest.approx(1, abs=ratio)


def test_the_seed_decides():
    measured = torch.zeros(1, 8, 8)
    draws = [list(posterior_sample(_answer(measured), measured, 4, SliceNoise(seed, 1)))[-1] for seed in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])
