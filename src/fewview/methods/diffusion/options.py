"""Options of the diffusion methods: one model; each method has its own defaults and nothing else of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeVar

from ...options import Auto, choice_of, option
from ..budget import BudgetOptions
from ..common_options import positivity_option, scale_option, start_iterations_option
from .choices import (
    Adaptation,
    DataStep,
    NoAdaptation,
    NoiseRule,
    PartnerChoice,
    ProximalStep,
    SlerpNoise,
    TVPartner,
)

ADAPTING = (
    "inner",
    "rank",
    "slices",
    "rate",
    "decay",
    "loss_steps",
    "every",
    "persistent",
    "direction",
    "loss_tv",
    "held_out",
)


class DiffusionOptions(BudgetOptions):
    """Everything that the published methods differ in, and what goes beyond them."""

    short_names: ClassVar[Mapping[str, str]] = {
        "consistency": "data_step.kind",
        "trust": "data_step.trust",
        "gamma": "data_step.gamma",
        "data_steps": "data_step.iterations",
        "along_z": "data_step.weight",
        "rho": "data_step.penalty",
        "sweeps": "data_step.sweeps",
        "eta": "noise.eta",
        "adapt_last": "adaptation.last",
        **{name: f"adaptation.{name}" for name in ADAPTING},
        "withhold": "adaptation.held_out",
        "beside": "partner.kind",
        "beside_share": "partner.share",
        "tv_weight": "partner.tv_weight",
        "mbir_sharpness": "partner.mbir_sharpness",
    }
    # Of when held-out views were asked about these: neither question gained anything.
    old_kinds: ClassVar[Mapping[tuple[str, str], str]] = {("adaptation", "auto"): "none", ("partner", "auto"): "tv"}

    prior: str = option(
        "auto",
        "Prior",
        "What the network knows: `generic` (plain shapes), `materials` (concrete and its like), the path of weights of "
        "your own, or the folder of a `UNet2DModel` of diffusers. Auto takes `generic` unless held-out views are "
        "clearly better predicted with `materials`.",
        offers=("auto", "generic", "materials"),
    )
    steps: int = option(
        16,
        "Diffusion steps",
        "In how many steps the noise is taken down: more give finer detail and take longer.",
        ge=1,
        le=1000,
    )
    samples: int = option(
        8,
        "Samples",
        "How many volumes are drawn; the result is their mean. More are quieter, show better what is uncertain, and "
        "take longer.",
        ge=1,
        le=64,
    )
    start: Literal["noise", "fbp", "cgls", "tv"] = option(
        "cgls",
        "Start",
        "What the diffusion starts from: `noise` knows nothing; `fbp`, `cgls` and `tv` are reconstructions to which "
        "noise is added.",
        advanced=True,
    )
    start_iterations: int | Auto = start_iterations_option()
    start_weight: float | Auto = option(
        "auto",
        "Start: weight of TV",
        "The weight of total variation where it makes the start; larger is flatter. Auto takes what predicts held-out "
        "pixels best.",
        gt=0,
        advanced=True,
    )
    t_start: int = option(
        150,
        "Start: noise",
        "How much noise is added at the start, of 999: less keeps more of the starting image.",
        ge=1,
        le=999,
        advanced=True,
    )
    omega: float = option(
        1.0,
        "Start: factor of the noise",
        "Factor of the noise at the start: below 1 the starting image counts for more than the schedule says.",
        gt=0,
        le=1,
        advanced=True,
    )
    spacing: Literal["uniform", "ratio"] = option(
        "ratio",
        "Spacing",
        "How the noise levels follow each other: `uniform` in time as published, or in equal `ratio`s, which needs "
        "fewer.",
        advanced=True,
    )
    coarse_to_fine: bool = option(
        True,
        "Coarse to fine",
        "Slices of more than 160 pixels a side are reconstructed on a coarse grid first, which takes seconds, and only "
        "finished on the full one. Off takes all steps at full resolution, which takes many times as long.",
        advanced=True,
    )
    data_step: DataStep = choice_of(
        ProximalStep(),
        "Data step",
        "How each proposal of the network is made to agree with the measurement: `cg` fits the data, for data without "
        "noise; `proximal` weighs data and network by their errors; `tv-z` does so, and smooths between slices.",
    )
    calls: int = option(
        0,
        "Network calls",
        "How many diffusion steps ask the network, at most; the others go on in the last direction. Fewer are quicker; "
        "0 asks at every step.",
        ge=0,
        advanced=True,
    )
    noise: NoiseRule = choice_of(
        SlerpNoise(),
        "Noise rule",
        "How new noise is mixed with the old one: `slerp` as in DDS and D3IP, `ddim` as in SCD.",
    )
    adaptation: Adaptation = choice_of(
        NoAdaptation(),
        "Adaptation",
        "Whether the network itself follows the measurement: `none`, by low-rank changes (`lora`), or those and its "
        "biases (`lora+biases`). It takes longer, and held-out views have not gained by it so far.",
    )
    partner: PartnerChoice = choice_of(
        TVPartner(),
        "Mixed with",
        "Classical method that the result takes a share of: `tv`, `mbir`, or `none`.",
    )
    scale: float | Auto = scale_option()
    positivity: bool = positivity_option()

    @property
    def trust(self) -> float | Auto:
        """Trust in the network; 1 where the data step knows none."""
        return getattr(self.data_step, "trust", 1.0)

    @property
    def share(self) -> float | Auto:
        """Share of the classical partner in the result."""
        return getattr(self.partner, "share", 0.0)


UNASKED: dict[str, Any] = {
    "prior": "generic",
    "start_iterations": 10,
    "start_weight": 1e-3,
    "data_step.trust": 0.7,
    "guide_by": "network",
    "guide_weight": 0.0,
    "partner.share": 0.0,
    "partner.tv_weight": 1e-3,
    "partner.mbir_sharpness": 0.0,
    "tv_gamma": 1.0,
    "tv_eta": 0.3,
}
"""What "auto" becomes where nothing hangs on it: of parts that the run does without, or where there is no object."""

OptionsT = TypeVar("OptionsT", bound=DiffusionOptions)


def closed(options: OptionsT) -> OptionsT:
    """Options of which none is "auto": what is still open is :data:`UNASKED`."""
    return options.taking({path: UNASKED[path] for path in options.undecided()})
