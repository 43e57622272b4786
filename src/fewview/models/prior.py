"""A diffusion prior: a preconditioned denoiser that takes any noise level, in either parametrisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from .unet import COMPACT, UNet, UNetConfig

MEAN = 0.3
"""Centre of the images, which lie in [0, 1] with air at 0."""
SIGMA_DATA = 0.3
"""Standard deviation of the images around :data:`MEAN`."""
SIGMA_POSTNET = 0.15
"""Noise level that a network is told when it is to clean a first reconstruction."""


class DiffusionPrior(nn.Module):
    r"""Denoiser :math:`D(x; \sigma)` of images in [0, 1] with white noise of standard deviation sigma.

    Preconditioned as in Karras et al., "Elucidating the design space of diffusion-based generative models",
    NeurIPS 2022, table 1, around the mean of the data, so that input and target of the network have unit variance
    at every noise level: at sigma -> 0 it returns its input, at sigma -> infinity the network's own guess.

    Parameters
    ----------
    config : UNetConfig
        Shape of the network.
    """

    kind: ClassVar[str] = "prior"

    def __init__(self, config: UNetConfig = COMPACT) -> None:
        super().__init__()
        self.config = config
        self.net = UNet(config)

    @property
    def reach(self) -> int:
        """Slices on either side that the network looks at."""
        return self.config.slices // 2

    def forward(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the expected clean image given a noisy one.

        Parameters
        ----------
        x : Tensor
            (batch, slices, y, x): clean + sigma * white noise. ``slices`` is 1, or 3 or 5 for a 2.5D prior.
        sigma : Tensor or float
            Noise level: one value, or (batch,).

        Returns
        -------
        Tensor
            (batch, 1, y, x), the clean (central) slice.
        """
        level = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).expand(x.shape[0])
        skip, out, into = self.coefficients(level)
        centred = x - MEAN
        middle = self.config.slices // 2
        raw = self.net(centred * _image(into), level.log() / 4)
        return cast(Tensor, MEAN + _image(skip) * centred[:, middle : middle + 1] + _image(out) * raw)

    @staticmethod
    def coefficients(sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return c_skip, c_out and c_in of Karras et al. for noise levels ``sigma``."""
        total = sigma**2 + SIGMA_DATA**2
        return SIGMA_DATA**2 / total, sigma * SIGMA_DATA / total.sqrt(), 1 / total.sqrt()


def clean_vp(prior: Callable[[Tensor, Tensor], Tensor], x_t: Tensor, alphabar: Tensor | float) -> Tensor:
    """The clean image in the variance-preserving parametrisation of DDPM and DDIM.

    Parameters
    ----------
    prior : callable
        :class:`DiffusionPrior`, or what answers like it.
    x_t : Tensor
        (batch, slices, y, x): sqrt(alphabar) * clean + sqrt(1 - alphabar) * white noise.
    alphabar : Tensor or float
        Cumulative product of 1 - beta: one value, or (batch,); below 1.

    Returns
    -------
    Tensor
        (batch, 1, y, x).
    """
    abar = torch.as_tensor(alphabar, dtype=x_t.dtype, device=x_t.device).expand(x_t.shape[0])
    return prior(x_t / _image(abar.sqrt()), vp_to_sigma(abar))


def vp_to_sigma(alphabar: Tensor) -> Tensor:
    """Noise-to-signal ratio of the variance-preserving process, ``sqrt((1 - alphabar) / alphabar)``."""
    return ((1 - alphabar) / alphabar).sqrt()


def linear_alphabar(steps: int = 1000) -> Tensor:
    """Alphabar of the linear-beta schedule of DDPM (Ho et al., 2020), shape (steps,); entry t belongs to time t."""
    return torch.cumprod(1 - torch.linspace(1e-4, 2e-2, steps, dtype=torch.float64), 0).float()


def _image(values: Tensor) -> Tensor:
    return values[:, None, None, None]
