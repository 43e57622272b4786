"""An unrolled network: U-Nets that see what the measurement says of their image, each followed by a data step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Protocol, cast

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from ..operators.krylov import cg
from .prior import MEAN, SIGMA_DATA
from .unet import UNet, UNetConfig
from .window import Window, asked

UNKNOWN = 100.0
"""Noise level of a state that says nothing: that of a regression."""
EXPECTED = (0.3, 0.12, 0.1, 0.08, 0.06)
"""Error expected of the start and after each stage, in parts of the object's maximum, before training."""


class Measurement(Protocol):
    """Normalised line integrals and their model: the object's maximum is 1 and so is the norm of the operator."""

    @property
    def operator(self) -> Any:
        """``A``, unscaled: its angles and column sums are looked at."""

    @property
    def noise(self) -> float:
        """Standard deviation of a line integral of weight 1."""

    @property
    def back(self) -> Tensor:
        """``A' W y``, (slices, y, x)."""

    def normal(self, x: Tensor) -> Tensor:
        """``A' W A x``."""

    def slices(self, chosen: Tensor) -> Measurement:
        """Of some of its slices."""


class UnrolledConfig(BaseModel):
    """Shape of an :class:`Unrolled` network; stored in the header of its weights.

    Parameters
    ----------
    stages : int
        Pairs of a U-Net and a data step.
    early, last : tuple of int
        Channels per level of the U-Nets of all stages but the last, and of the last.
    early_blocks, last_blocks : tuple of int
        Residual blocks per level.
    slices : int
        Neighbouring slices of the image that each U-Net sees (odd).
    krylov : bool
        Show the U-Nets the gradient of the misfit and its image under ``A' W A``. Without, and with one stage, the
        network is a post-processing one.
    extra : int
        Further images of the object, such as an X-ray slice and what is read from it.
    start, steps : int
        CG iterations of the first image, and of each data step.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stages: int = 4
    early: tuple[int, ...] = (16, 32, 64, 64)
    last: tuple[int, ...] = (32, 64, 128, 128)
    early_blocks: tuple[int, ...] = (1, 1, 1, 1)
    last_blocks: tuple[int, ...] = (2, 2, 1, 1)
    slices: int = 3
    krylov: bool = True
    extra: int = 0
    start: int = 10
    steps: int = 3

    def unet(self, stage: int) -> UNetConfig:
        """Shape of the U-Net of a stage, counted from 0."""
        final = stage == self.stages - 1
        return UNetConfig(
            channels=self.last if final else self.early,
            blocks=self.last_blocks if final else self.early_blocks,
            slices=self.slices,
            embedding=64,
            extra=(6 if self.krylov else 4) + self.extra,
            conditions=CONDITIONS,
        )


CONDITIONS = 4


def conditions(angles: np.ndarray, noise: float, sigma: float = UNKNOWN) -> list[float]:
    """What a network is told of a measurement: views, arc, noise and the noise of its state, each of order one.

    Parameters
    ----------
    angles : ndarray, shape (views,)
        In radians.
    noise : float
        Standard deviation of the line integrals in units of the object's maximum: that of :class:`Scaled`.
    sigma : float, optional
        Noise of the state; UNKNOWN without one.

    Returns
    -------
    list of float, length 4
        Views, arc, noise, and noise of the state.
    """
    return [
        math.log(len(angles) / 23) / 2,
        math.degrees(arc(angles)) / 180 - 1,
        math.log(max(noise, 1e-6) / 0.003) / 4,
        math.log(min(sigma, UNKNOWN)) / 4,
    ]


def arc(angles: np.ndarray) -> float:
    """Radians that views cover: from the first to the last and one typical step more; 2 pi at most."""
    ordered = np.sort(np.asarray(angles, dtype=np.float64))
    step = float(np.median(np.diff(ordered))) if len(ordered) > 1 else 0.0
    return min(float(ordered[-1] - ordered[0]) + step, 2 * math.pi)


class Unrolled(nn.Module):
    r"""Reconstruction :math:`F(y, A, W; x_\sigma, \sigma)`, trained end to end with the operator inside.

    Each stage refines the image by a U-Net that sees it, the gradient of the misfit, the image of that under the
    normal operator (two directions of the Krylov space), the back-projection, and what is known of the geometry; then
    a few steps of conjugate gradients bring it back to the data, as in MoDL (Aggarwal, Mani and Jacob, IEEE TMI 2019),
    with a weight that the network learns as the error it expects of itself. No number of views is fixed.

    With a finite ``sigma`` the state ``x_sigma = x + sigma * white noise`` is one more measurement of the object, by
    the identity, and the answer the mean of the posterior given both: the score that samples it.

    Parameters
    ----------
    config : UnrolledConfig
        Shape of the network.
    """

    kind: ClassVar[str] = "unrolled"

    def __init__(self, config: UnrolledConfig | None = None) -> None:
        super().__init__()
        self.config = config or UnrolledConfig()
        self.nets = nn.ModuleList(UNet(self.config.unet(k)) for k in range(self.config.stages))
        # Logarithm of the error expected of the start and of each stage, given the conditions.
        self.expected = nn.Linear(CONDITIONS, self.config.stages + 1)
        nn.init.zeros_(self.expected.weight)
        with torch.no_grad():
            typical = [EXPECTED[min(k, len(EXPECTED) - 1)] for k in range(self.config.stages + 1)]
            self.expected.bias.copy_(torch.tensor(typical).log())

    def with_extra(self, extra: int) -> Unrolled:
        """This network with further images of the object as input, which it does not heed before it is trained."""
        if extra == self.config.extra:
            return self
        net = Unrolled(self.config.model_copy(update={"extra": extra}))
        tensors = self.state_dict()
        for name, value in net.state_dict().items():
            # The further images come last: their weights are zero.
            if value.shape != tensors[name].shape:
                grown = torch.zeros_like(value)
                grown[:, : tensors[name].shape[1]] = tensors[name]
                tensors[name] = grown
        net.load_state_dict(tensors)
        return net

    def forward(self, data: Measurement, depth: int, **known: Any) -> Tensor:
        """Return the image of the last stage; see :meth:`run`."""
        *_, last = self.run(data, depth, **known)
        return last

    def run(
        self,
        data: Measurement,
        depth: int,
        state: Tensor | None = None,
        sigma: float = UNKNOWN,
        extra: Tensor | None = None,
        turns: Sequence[int] = (0,),
        first: Tensor | None = None,
        window: Window | None = None,
        batch: int = 0,
        pause: Callable[[], None] = lambda: None,
    ) -> Iterator[Tensor]:
        """Reconstruct; gradients flow where they are wanted.

        Parameters
        ----------
        data : Measurement
            Of stacks of neighbouring slices, one after the other.
        depth : int
            Slices per stack.
        state : Tensor, shape (slices, y, x), optional
            The object plus ``sigma`` times white noise, in units of its maximum.
        sigma : float
            Of ``state``; not used without one.
        extra : Tensor, shape (slices, extra, y, x), optional
            Further images of order one, for a network that takes them; zeros when not given.
        turns : sequence of int
            The symmetries of a square in which the U-Nets see the object, a copy of it for each: as if sample, rays and
            all had been turned or mirrored, exactly, for any geometry, since the data steps do not depend on it.
        first : Tensor, shape (slices, y, x), optional
            Image that the stages begin with, in units of the object's maximum; conjugate gradients from nothing when
            not given. The network was trained with the latter, and improves on whatever is as good or better.
        window : Window, optional
            All that the U-Nets see of an image; beyond is air. The data steps are on the whole image.
        batch : int
            Slices that go through a U-Net together; all of them for 0.
        pause : callable
            Called in between.

        Yields
        ------
        Tensor, shape (turns * slices, y, x)
            The first image, then that of each stage; one copy after the other.
        """
        back, copies = data.back, (len(turns), 1, 1)
        sigma = sigma if state is not None else UNKNOWN
        told = back.new_tensor(conditions(data.operator.angles, data.noise, sigma))
        # The state is a measurement by the identity: its weight against that of the rays is that of the variances.
        precision = 0.0 if state is None else (data.noise / sigma) ** 2
        right = back if state is None else back + precision * state

        def normal(x: Tensor) -> Tensor:
            return data.normal(x) + precision * x

        rho = self._damping(told, data.noise)
        if first is None:
            first = cg(lambda v: normal(v) + rho[0] * v, right, None, self.config.start)
        x = first.repeat(copies)
        yield x
        fixed = self._fixed(data, state, sigma, extra).repeat(*copies, 1)
        right, slices = right.repeat(copies), len(back)
        for k, net in enumerate(self.nets, 1):
            channels = torch.cat([self._seen(x, normal, right), fixed], dim=1)
            near = neighbourhood((x - MEAN) / SIGMA_DATA, depth, self.config.slices)
            parts = []
            for copy, turn in enumerate(turns):
                for some in torch.arange(copy * slices, (copy + 1) * slices, device=x.device).split(batch or slices):
                    seen, level = torch.cat([near[some], channels[some]], dim=1), told.expand(len(some), -1)
                    answer = lambda images, net=net, level=level: net(images, level)[:, 0]  # noqa: E731
                    parts.append(asked(net, seen, answer, window, [turn] * len(some)))
                    pause()
            refined = x + SIGMA_DATA * torch.cat(parts)
            if window is not None:
                refined = window.only(refined)
            weight = rho[k]
            x = cg(lambda v, w=weight: normal(v) + w * v, right + weight * refined, refined, self.config.steps)  # type: ignore[misc]
            yield x

    def trust(self, data: Measurement) -> float:
        """Weight of the data against the image of the last stage, in a proximal step from there."""
        told = data.back.new_tensor(conditions(data.operator.angles, data.noise))
        return 1 / float(self._damping(told, data.noise)[-1])

    def _damping(self, told: Tensor, noise: float) -> Tensor:
        """Weight of the first image and of each stage's in the data steps: noise over expected error, squared."""
        return cast(Tensor, (noise / self.expected(told).exp()) ** 2)

    def _seen(self, x: Tensor, normal: Callable[[Tensor], Tensor], right: Tensor) -> Tensor:
        """Back-projection, gradient and curvature, each divided by its size: (slices, 1 or 3, y, x)."""
        directions = [right]
        if self.config.krylov:
            gradient = normal(x) - right
            directions += [gradient, normal(gradient)]
        return torch.stack([_unit(d) for d in directions], dim=1)

    def _fixed(self, data: Measurement, state: Tensor | None, sigma: float, extra: Tensor | None) -> Tensor:
        """What no stage changes: the state, distance from the middle, how well each pixel is seen, and the extra."""
        shape = data.back.shape
        across = torch.linspace(-1, 1, shape[-1], device=data.back.device)
        radius = (across[:, None] ** 2 + across**2).sqrt() - 0.7
        sums = data.operator.column_sums()[0].to(data.back)
        sensitivity = sums / sums.amax().clamp(min=1e-12) - 0.8
        # The mean of the object given the state alone, for white Gaussian values: 0 where the state says nothing.
        skip = SIGMA_DATA / (sigma**2 + SIGMA_DATA**2)
        known = torch.zeros_like(data.back) if state is None else skip * (state - MEAN)
        images = torch.stack([known, radius.expand(shape), sensitivity.expand(shape)], dim=1)
        if self.config.extra and extra is None:
            extra = torch.zeros_like(images[:, :1]).expand(-1, self.config.extra, -1, -1)
        return images if extra is None else torch.cat([images, extra], dim=1)


def neighbourhood(x: Tensor, depth: int, slices: int) -> Tensor:
    """Each slice with its neighbours in its own stack, (count, slices, y, x); the end slices are their own.

    Parameters
    ----------
    x : Tensor, shape (count, y, x)
    depth : int
        Slices of one stack: ``count`` is a multiple of it.
    slices : int
        Odd; how many the network sees.

    Returns
    -------
    Tensor, shape (count, slices, y, x)
        The slice itself in the middle.
    """
    place = torch.arange(len(x), device=x.device)
    first, reach = place - place % depth, slices // 2
    near = [(place % depth + k).clamp(0, depth - 1) + first for k in range(-reach, reach + 1)]
    return torch.stack([x[n] for n in near], dim=1)


def _unit(values: Tensor) -> Tensor:
    """Each slice divided by its root mean square."""
    return values / values.square().mean(dim=(1, 2), keepdim=True).add(1e-20).sqrt()
