"""Samplers where the posterior is known: a Gaussian random field, few views, the exact denoiser for a network.

DDS and RED-diff are no part of it: with the noise of the network's own direction, or none, they do not draw from the
posterior, and do not claim to.
"""

import numpy as np
import pytest
import torch

from fewview.methods import get_method
from fewview.methods.diffusion.loop import diffuse, started
from fewview.methods.diffusion.samplers import methods as samplers
from fewview.methods.diffusion.samplers.solve import Setting
from fewview.methods.diffusion.schedule import ladder
from fewview.methods.inverse.gaussian import GaussianStep
from fewview.methods.inverse.normalised import Scaled
from fewview.methods.slices import SliceNoise
from fewview.operators import parallel_beam

SIDE, NOISE, DRAWS = 24, 0.02, 64
FREQUENCY = torch.fft.fftfreq(SIDE, dtype=torch.float64)
SPECTRUM = (0.03**2 + FREQUENCY[:, None] ** 2 + FREQUENCY**2) ** -1.5
SPECTRUM = SPECTRUM / SPECTRUM.mean() * 0.25**2
COMPOSED = {
    "dps": samplers.dps,
    "pigdm": samplers.pigdm,
    "diffpir": samplers.diffpir,
    "diffusion-mbir": samplers.diffusion_mbir,
    "daps": samplers.daps,
    "dpnp": samplers.dpnp,
    "fps-smc": samplers.fps_smc,
}


def filtered(x, gain):
    return torch.fft.ifft2(torch.fft.fft2(x.double()) * gain).real.to(x.dtype)


class Wiener:
    """The mean of the field given it with white noise, which is linear and symmetric."""

    def all(self, x_t, abar, data):
        x0 = self._mean(x_t, abar)
        return x0, (x_t - abar**0.5 * x0) / (1 - abar) ** 0.5

    def _mean(self, x_t, abar):
        return filtered(x_t / abar**0.5, SPECTRUM / (SPECTRUM + (1 - abar) / abar))

    def pulled(self, x_t, abar, data, cotangent):
        return self._mean(cotangent, abar)


class Field:
    """One field, its measurement, and the mean and the variance of what they leave open."""

    def __init__(self, views):
        drawn = torch.Generator().manual_seed(7)
        A = parallel_beam(np.arange(views) * np.pi / views, columns=SIDE, grid=SIDE)
        eye = torch.eye(SIDE**2).reshape(-1, SIDE, SIDE)
        truth = filtered(torch.randn(1, SIDE, SIDE, generator=drawn, dtype=torch.float64), SPECTRUM.sqrt()).float()
        y = A(truth) / A.norm
        y = y + NOISE * torch.randn(y.shape, generator=drawn)
        self.data = Scaled(A, y, None, 1.0, NOISE)
        B = (A(eye).flatten(1).T / A.norm).double()
        C = filtered(eye.double(), SPECTRUM).reshape(SIDE**2, SIDE**2)
        gain = torch.linalg.solve(B @ C @ B.T + NOISE**2 * torch.eye(len(B), dtype=torch.float64), B @ C).T
        self.mean = (gain @ y.double().flatten()).reshape(SIDE, SIDE)
        self.variance = float((C - gain @ B @ C).trace()) / SIDE**2


@pytest.fixture(scope="module", params=[6, 12], ids=["6 views", "12 views"])
def field(request):
    return Field(request.param)


@pytest.mark.parametrize("name", COMPOSED)
def test_samples_have_the_mean_and_the_variance_of_the_posterior(name, field):
    options = get_method(name).options()
    copies = DRAWS * getattr(options, "particles", 1)  # the particles of a filter have much in common
    noise = SliceNoise(3, 1)
    levels = ladder(options.steps, options.first_noise, options.last_noise)
    parts = COMPOSED[name](options, Setting(levels, Wiener(), GaussianStep.of(field.data), noise))
    process = started(parts, torch.zeros(1, SIDE, SIDE), noise, samples=copies, start="noise")
    list(diffuse(parts, field.data, process))
    off = float((process.x.mean(dim=0) - field.mean).square().mean())
    # The error of the exact mean is the variance; that of another estimate has its distance from the mean on top.
    worse = 10 * np.log10(1 + off / field.variance)
    ratio = float(process.x.var(dim=0).mean()) / field.variance
    print(f"{name}: {worse:.3f} dB, variance {ratio:.3f}")  # for docs/samplers.md
    assert worse < 0.25 and 0.8 < ratio < 1.25
