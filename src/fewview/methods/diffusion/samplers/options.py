"""Options of the samplers: what all share, and what each has of its own."""

from __future__ import annotations

from typing import Any

from ....options import Auto, option
from ...budget import BudgetOptions
from ...common_options import positivity_option, scale_option


def steps_option(default: int) -> Any:
    """Declare ``steps: int``."""
    return option(
        default,
        "Steps",
        "The number of noise levels that each sample passes through. More draw more exactly, and take longer.",
        ge=1,
        le=1000,
    )


def first_option(default: float) -> Any:
    """Declare ``first_noise: float``."""
    return option(
        default,
        "First noise",
        "The noise that the samples start from, over the maximum of the object. Larger forgets the start more surely; "
        "smaller needs fewer steps.",
        gt=0,
        le=100,
        advanced=True,
    )


def last_option(default: float) -> Any:
    """Declare ``last_noise: float``."""
    return option(
        default,
        "Last noise",
        "The noise of the last network call, over the maximum of the object. Smaller draws finer detail and needs more "
        "steps.",
        gt=0,
        le=1,
        advanced=True,
    )


class SamplerOptions(BudgetOptions):
    """What all samplers share."""

    prior: str = option(
        "generic",
        "Prior",
        "What the network knows: `generic` (plain shapes), `materials` (concrete and its like), the path of weights of "
        "your own, or the folder of a `UNet2DModel` of diffusers.",
        offers=("generic", "materials"),
    )
    steps: int = steps_option(20)
    samples: int = option(
        8,
        "Samples",
        "How many volumes are drawn. The result is their mean, and their standard deviation says how far to trust each "
        "voxel. More take longer in proportion.",
        ge=1,
        le=64,
    )
    first_noise: float = first_option(2.0)
    last_noise: float = last_option(0.03)
    scale: float | Auto = scale_option()
    positivity: bool = positivity_option()


class PosteriorOptions(SamplerOptions):
    """What samplers share that can use a network which knows the measurement."""

    prior: str = option(
        "unrolled-materials",
        "Network",
        "What draws: `unrolled-materials`, which knows the measurement and was trained to draw what it leaves open; or "
        "a prior, which knows samples alone: `generic` (plain shapes), `materials` (concrete and its like); or the "
        "path of weights of your own, or of a `UNet2DModel` of diffusers. With a prior the samples scatter less than "
        "they should.",
        offers=("unrolled-materials", "generic", "materials"),
    )


class DpsOptions(SamplerOptions):
    """Options of DPS."""

    steps: int = steps_option(100)
    length: float = option(
        1.0,
        "Longest step",
        "How far a step may follow the gradient of the misfit; 1 reaches its minimum along the direction that the "
        "views know best. Larger fits the data sooner; from 2 on the samples become unstable.",
        gt=0,
        le=1.9,
        advanced=True,
    )


class PigdmOptions(SamplerOptions):
    """Options of pseudo-inverse guidance."""

    steps: int = steps_option(25)
    eta: float = option(
        1.0,
        "New noise",
        "Part of the noise that is drawn anew in each step: 0 adds none, 1 is ancestral sampling.",
        ge=0,
        le=1,
        advanced=True,
    )


class DiffPirOptions(SamplerOptions):
    """Options of DiffPIR."""

    eta: float = option(
        0.5,
        "New noise",
        "Part of the noise that is drawn anew in each step (the root of the paper's zeta): 0 adds none, 1 keeps none "
        "of the old.",
        ge=0,
        le=1,
        advanced=True,
    )
    trust: float = option(
        1.0,
        "Data step: trust",
        "How far the network is believed against the data: larger follows the network, smaller the measurement. "
        "It is the root of twice the paper's lambda; 1 draws from the posterior where the image is a Gaussian field.",
        gt=0,
        advanced=True,
    )


class DapsOptions(PosteriorOptions):
    """Options of DAPS."""

    first_noise: float = first_option(1.0)
    ode: int = option(
        1,
        "Network calls per step",
        "How many steps of the probability-flow equation lead from a noisy image to a clean one. More are sharper, but "
        "scatter too widely, since the draw that follows counts their scatter once more.",
        ge=1,
        le=20,
        advanced=True,
    )


class DpnpOptions(PosteriorOptions):
    """Options of diffusion plug-and-play."""

    steps: int = steps_option(8)
    chain: int = option(
        8,
        "Network calls per step",
        "How many steps draw a clean image from a noisy one. Fewer scatter too little; more take longer.",
        ge=1,
        le=100,
        advanced=True,
    )
    first_noise: float = first_option(1.0)
    last_noise: float = option(
        0.05,
        "Last noise",
        "The coupling of prior and data at the end, over the maximum of the object. Smaller is more exact, and needs "
        "more steps.",
        gt=0,
        le=1,
        advanced=True,
    )


class DiffusionMbirOptions(SamplerOptions):
    """Options of DiffusionMBIR."""

    steps: int = steps_option(100)
    last_noise: float = last_option(0.01)
    along_z: float = option(
        1.0,
        "Smoothness along z",
        "The weight of total variation between neighbouring slices. Larger is smoother along z.",
        gt=0,
        advanced=True,
    )


class FpsOptions(SamplerOptions):
    """Options of filtering posterior sampling."""

    steps: int = steps_option(50)
    particles: int = option(
        2,
        "Particles",
        "How many samples follow the same noisy data and are chosen among at each step. More weigh the network by the "
        "data more exactly, but the samples of a group then have much in common.",
        ge=1,
        le=64,
        advanced=True,
    )
