"""The cross-modal guide: from an estimate and the X-ray slice, the ideal slice and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, cast

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from .neighbours import alone
from .patchgan import Generator
from .prior import MEAN, DiffusionPrior
from .unet import COMPACT, UNet, UNetConfig
from .weights import load_network

ERROR = 0.33
"""Error of an estimate over the noise level that the loop has reached: what warm weights are told is noise."""
START = 1.0
"""Noise level that stands for a first reconstruction, which no network has seen."""
BLIND = 10.0
"""Noise level that stands for no estimate at all: the guide then goes by the X-ray slice alone."""
SPREAD = (1e-3, 1.0)
"""Standard deviations that the network may claim, in parts of the object's maximum."""


class Opinion(NamedTuple):
    """What a guide says.

    Parameters
    ----------
    mean : Tensor, shape (batch, 1, y, x)
    logvar : Tensor, same shape
        Logarithm of its variance.
    """

    mean: Tensor
    logvar: Tensor

    @property
    def std(self) -> Tensor:
        """Its standard deviation, in the unit of the mean."""
        return (0.5 * self.logvar).exp()


class GuideConfig(BaseModel):
    """Shape of a :class:`Guide`; stored in the header of its weights.

    Parameters
    ----------
    network : {"ours", "pix2pix"}
    unet : UNetConfig
        Of "ours".
    width, downs : int
        Channels of the first level and halvings of "pix2pix": 6 for slices of 64 px and more, 7 for 128, 8 for 256.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Literal["ours", "pix2pix"] = "ours"
    unet: UNetConfig = COMPACT.model_copy(update={"extra": 1, "outputs": 2})
    width: int = 64
    downs: int = 7


class Guide(nn.Module):
    """Two channels in, an estimate and the X-ray slice, both about 0 to 1; ideal slice and log-variance out.

    "ours" is the network of the priors with one more image at either end. It is preconditioned as a denoiser of an
    error of :data:`ERROR` times the noise level, so that it changes little where little is left to change, and so
    that a prior's weights are a good start (:meth:`from_prior`). "pix2pix" is the published generator (Isola et al.,
    CVPR 2017) without a notion of noise level; its variance is one number, the error that training has seen.

    Parameters
    ----------
    config : GuideConfig
    """

    kind: ClassVar[str] = "guide"

    def __init__(self, config: GuideConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or GuideConfig()
        if config.network == "ours":
            self.net: nn.Module = UNet(config.unet)
        else:
            self.net = Generator(config.width, config.downs)
        self.register_buffer("logvar", torch.tensor(-5.0))

    @classmethod
    def from_prior(cls, prior: DiffusionPrior) -> Guide:
        """A guide that starts as a denoiser which looks neither at the X-ray slice nor at neighbouring slices."""
        prior = alone(prior)
        shape = prior.config.model_copy(update={"extra": prior.config.extra + 1, "outputs": 2})
        guide = cls(GuideConfig(unet=shape))
        own = guide.net.state_dict()
        for name, value in prior.net.state_dict().items():
            if own[name].shape == value.shape:
                own[name] = value.clone()
            else:  # stem and head: the new channels come last
                new = torch.zeros_like(own[name])
                new[tuple(slice(n) for n in value.shape)] = value
                own[name] = new
        guide.net.load_state_dict(own)
        return guide

    def forward(self, x: Tensor, xray: Tensor, sigma: Tensor | float) -> Opinion:
        """What the slice should be.

        Parameters
        ----------
        x : Tensor, shape (batch, 1, y, x)
            Estimate, in units of the object's maximum.
        xray : Tensor, same shape
            X-ray slice in units of its own robust maximum; zeros where there is none.
        sigma : Tensor or float
            Noise level of the loop, (batch,) or one for all; :data:`START` for a first reconstruction,
            :data:`BLIND` (with zeros for ``x``) for none.

        Returns
        -------
        Opinion
            Mean, in units of the object's maximum, and logarithm of its variance, both (batch, 1, y, x).
        """
        logvar = cast(Tensor, self.logvar)
        if self.config.network == "pix2pix":
            mean = self.net(torch.cat([x, xray], dim=1) * 2 - 1)
            return Opinion((mean + 1) / 2, logvar.expand_as(x))
        error = ERROR * torch.as_tensor(sigma, dtype=x.dtype, device=x.device).expand(len(x))
        skip, out, into = (c[:, None, None, None] for c in DiffusionPrior.coefficients(error))
        centred = x - MEAN
        raw = self.net(torch.cat([centred * into, xray - MEAN], dim=1), error.log() / 4)
        low, high = (2 * torch.tensor(SPREAD).log()).tolist()
        return Opinion(MEAN + skip * centred + out * raw[:, :1], (logvar + raw[:, 1:]).clamp(low, high))


def load_guide(name: str | Path, device: str | torch.device = "cpu") -> Guide:
    """Load a guide; see :func:`fewview.models.weights.load_network`."""
    return load_network(name, Guide.kind, lambda shape: Guide(GuideConfig.model_validate_json(shape)), device)
