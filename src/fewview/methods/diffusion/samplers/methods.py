"""Posterior samplers by name: each a composition of the one loop."""

from __future__ import annotations

from typing import Any, cast

from ....models.weights import prior_reach
from ....options import Options
from ...budget import PROBED, Pacing
from ...interface import Effort, Method, Problem
from ...inverse.consistency import TVz
from ...inverse.gaussian import GaussianStep
from ...size import Size
from ...stages import work
from ..compose import NETWORK
from ..denoiser import WEIGHTS, batch_bytes
from ..methods import missing_prior
from ..pacing import PROBE, fewer_samples
from ..parts import Parts
from ..renoise import ddim, forgotten, remembered, slerp
from .draws import Chain, DrawnStep, Unchanged, next_noise, white_error
from .options import (
    DapsOptions,
    DiffPirOptions,
    DiffusionMbirOptions,
    DpnpOptions,
    DpsOptions,
    FpsOptions,
    PigdmOptions,
    SamplerOptions,
)
from .particles import Particles
from .pulled import Differentiable, PosteriorGradient, PseudoInverse
from .solve import Compose, Setting, solver, tune

GRADIENT = 4
"""Network calls that a step with a gradient through the network is worth: an answer, another with all that the gradient
needs, and the way back."""
ODE_END, CHAIN_END = 0.1, 0.05
"""Last level of the steps within a step, over their first."""


def dps(options: DpsOptions, on: Setting) -> Parts:
    """Gradient of the likelihood, then ancestral noise."""
    levels = on.levels
    kept = (next_noise(levels[0]) / levels[0].sigma) ** 2 if len(levels) > 1 else 0.0
    denoiser = PosteriorGradient(cast(Differentiable, on.denoiser), on.step, options.length, kept)
    return Parts(on.levels, denoiser, _at_the_end(on), ddim(1.0), passes=GRADIENT)


def pigdm(options: PigdmOptions, on: Setting) -> Parts:
    """The data's pull through the network, then the noise of DDIM."""
    denoiser = PseudoInverse(cast(Differentiable, on.denoiser), on.step)
    return Parts(on.levels, denoiser, _at_the_end(on), ddim(options.eta), passes=GRADIENT)


def diffpir(options: DiffPirOptions, on: Setting) -> Parts:
    """The mean of data and network, and the noise that leads to it."""

    def error(level: Any) -> float:
        return white_error(level) / options.trust

    consistency = DrawnStep(on.step, on.noise, error, before="mean")
    return Parts(on.levels, on.denoiser, consistency, slerp(options.eta), direction="consistent")


def diffusion_mbir(options: DiffusionMbirOptions, on: Setting) -> Parts:
    """A sweep of total variation along z as the data step, and ancestral noise."""
    consistency = TVz(on.noise.slices, weight=options.along_z, iterations=8, trust=1.0)
    return Parts(on.levels, on.denoiser, consistency, ddim(1.0), direction="consistent")


def daps(options: DapsOptions, on: Setting) -> Parts:
    """A draw near the data, to which all noise is added anew; about the network's image where that has heard them."""
    denoiser = on.denoiser if options.ode == 1 else Chain(on.denoiser, options.ode, ODE_END)
    consistency = DrawnStep(on.step, on.noise, white_error, heard=on.heard)
    return Parts(on.levels, denoiser, consistency, slerp(1.0), passes=options.ode)


def dpnp(options: DpnpOptions, on: Setting) -> Parts:
    """A draw of the prior near the last image, then one of the data near that.

    A network that has heard the data draws from both at once, along the probability flow (the paper's second sampler);
    new noise then stands for the draw of the data.
    """
    if on.heard:
        denoiser = Chain(on.denoiser, options.chain, CHAIN_END)
        return Parts(on.levels, denoiser, Unchanged(), slerp(1.0), passes=options.chain)
    denoiser = Chain(on.denoiser, options.chain, CHAIN_END, on.noise)
    return Parts(on.levels, denoiser, DrawnStep(on.step, on.noise, next_noise), forgotten, passes=options.chain)


def fps_smc(options: FpsOptions, on: Setting) -> Parts:
    """Ancestral noise that agrees with noisy data; particles chosen by them."""
    rule = ddim(1.0)
    hearing = Particles(on.step, on.noise, rule, options.particles, on.levels[0].sigma)
    return Parts(on.levels, on.denoiser, _at_the_end(on), remembered(rule), hearing=hearing)


def _at_the_end(on: Setting) -> DrawnStep:
    return DrawnStep(on.step, on.noise, white_error, before="proposal")


def _effort(problem: Problem, options: SamplerOptions) -> Effort:
    return Effort(work(problem, 10), _calls(problem, options) * NETWORK * len(problem.data) * problem.operator.grid**2)


def _calls(problem: Problem, options: SamplerOptions) -> float:
    """Of the network, for each slice."""
    return options.steps * options.samples * getattr(options, "chain", 1) * getattr(options, "ode", 1)


def _probe(options: SamplerOptions) -> SamplerOptions:
    return options.taking({"steps": min(PROBED, options.steps), "samples": min(PROBE["samples"], options.samples)})


# With a quarter of the work (64 pixels, 16 views), all steps of 2 samples beat a quarter of the steps of 8, by
# 1.9 dB (dps) and 0.8 dB (pigdm); where a data step ends at the measurement they are worse, by 0.6 (diffpir) to 2.8 dB
# (daps).
PACING = Pacing(fewer_samples, _calls, _probe, alike=True)


def _buffers(options: Options) -> tuple[float, float]:
    assert isinstance(options, SamplerOptions)
    return 10.0 * options.samples + 6, 8.0 * options.samples + 4


def _reach(gradient: bool) -> Any:
    """Halo: where a gradient leads back through the network, a slice hears neighbours of neighbours."""
    return lambda options: (4 if gradient else 2) * prior_reach(options.prior)


def _method(
    name: str, title: str, summary: str, source: str, options: type[SamplerOptions], compose: Compose, **more: Any
) -> Method[Any]:
    gradient = compose in (dps, pigdm)

    def apart(given: SamplerOptions) -> float:
        """What a data step draws, while the network is at work; a chain and a splitting along z hold as much."""
        return 0.0 if compose in (dpnp, diffusion_mbir) else 5.0 * given.samples + 2

    def beside(given: SamplerOptions, size: Size) -> int:
        """The network and the eigenbasis of the data step; or what finding it takes, before there are samples."""
        held, finding = GaussianStep.held(size)
        samples = int((_buffers(given)[0] - apart(given)) * size.slices * size.image)
        network = batch_bytes(size, adapting=gradient, prior=given.prior, copies=given.samples)
        return held + max(network, WEIGHTS + finding - samples)

    return Method(
        name=name,
        title=title,
        family="diffusion",
        summary=summary,
        source=source,
        options=options,
        solve=solver(compose),
        tune=tune,
        effort=_effort,
        needs=frozenset({"weights"}),
        missing=lambda: missing_prior(options().prior),
        buffers=_buffers,
        beside=beside,
        apart=apart,
        for_comparison=True,
        pacing=PACING if gradient else Pacing(),
        presets={"draft": {"samples": 2, "steps": max(4, options().steps // 3)}, "best": {"samples": 16}},
        **{"halo": _reach(gradient), **more},
    )


DPS = _method(
    "dps",
    "DPS",
    "Diffusion posterior sampling: each step follows the gradient of the misfit through the network; slow.",
    "Chung et al., Diffusion posterior sampling, ICLR 2023, algorithm 1; steps by the variance that they remove",
    DpsOptions,
    dps,
)
PIGDM = _method(
    "pigdm",
    "Pseudo-inverse guidance",
    "The data pull through the network, weighed by its expected error: calibrated samples in few steps.",
    "Song et al., Pseudoinverse-guided diffusion models, ICLR 2023, equation 7",
    PigdmOptions,
    pigdm,
)
DIFFPIR = _method(
    "diffpir",
    "DiffPIR",
    "Network and data weighed by their errors at each step, and the noise that leads to both: quick.",
    "Zhu et al., Denoising diffusion models for plug-and-play image restoration, CVPRW 2023, algorithm 1",
    DiffPirOptions,
    diffpir,
)
DIFFUSION_MBIR = _method(
    "diffusion-mbir",
    "DiffusionMBIR",
    "A diffusion prior within slices and total variation between them; many steps.",
    "Chung et al., Solving 3D inverse problems using pre-trained 2D diffusion models, CVPR 2023, algorithm 1; "
    "variance-preserving, and data and network weighed by their errors",
    DiffusionMbirOptions,
    diffusion_mbir,
    halo=None,
)
DAPS = _method(
    "daps",
    "DAPS",
    "Draws near data and network at each step, to which all noise is added anew: early mistakes can be mended.",
    "Zhang et al., Improving diffusion inverse problem solving with decoupled noise annealing, CVPR 2025, "
    "algorithm 1; its Langevin steps are replaced by an exact draw",
    DapsOptions,
    daps,
)
DPNP = _method(
    "dpnp",
    "Diffusion plug-and-play",
    "Draws of the prior and of the data in turn, ever closer: exact in the limit; slow.",
    "Xu and Chi, Provably robust score-based diffusion posterior sampling for plug-and-play image reconstruction, "
    "NeurIPS 2024, algorithm 1; Wu et al., PnP-DM, NeurIPS 2024",
    DpnpOptions,
    dpnp,
)
FPS_SMC = _method(
    "fps-smc",
    "Filtering posterior sampling",
    "Particles that follow noisy data from noise to the volume, chosen by how well they foresee them.",
    "Dou and Song, Diffusion posterior sampling for linear inverse problem solving: a filtering perspective, "
    "ICLR 2024, algorithm 2",
    FpsOptions,
    fps_smc,
)
