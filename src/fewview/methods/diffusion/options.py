"""Options of the diffusion methods: one model; each method has its own defaults and nothing else of its own."""

from __future__ import annotations

import copy
from typing import Any, Literal, TypeVar

from pydantic import create_model

from ...options import Auto, Options, option


def scale_option() -> Any:
    """Declare ``scale: float | Auto``, of every method whose network wants images of a maximum near 1."""
    return option(
        "auto",
        "Scale",
        "Attenuation that the network takes for 1; auto: of a first reconstruction.",
        gt=0,
        advanced=True,
    )


def start_iterations_option() -> Any:
    """Declare ``start_iterations: int | Auto``, of every method that starts from CGLS."""
    return option(
        "auto",
        "Start: iterations",
        "The steps of CGLS that the start is made by; more are sharper and noisier. Auto predicts held-out views.",
        ge=1,
        advanced=True,
    )


def positivity_option() -> Any:
    """Declare ``positivity: bool``."""
    return option(True, "Positivity", "The volume has no negative attenuation.")


class DiffusionOptions(Options):
    """Everything that the published methods differ in, and what goes beyond them."""

    prior: str = option(
        "auto",
        "Prior",
        "What the network knows: materials, generic, or the path of weights of your own; auto predicts held-out views.",
        offers=("auto", "materials", "generic"),
    )
    steps: int = option(16, "Diffusion steps", "More go down the noise in finer steps.", ge=1, le=1000)
    samples: int = option(
        8, "Samples", "Their mean is the volume: more are quieter, and show what is uncertain.", ge=1, le=64
    )
    adaptation: Literal["auto", "none", "lora", "lora+biases"] = option(
        "auto",
        "Adaptation",
        "Which weights of the network follow the measurement; auto: lora+biases where held-out views gain by it.",
        advanced=True,
    )
    inner: int = option(
        5, "Adaptation steps", "Gradient steps in each diffusion step that adapts.", ge=1, le=1000, advanced=True
    )
    start: Literal["noise", "fbp", "cgls", "tv"] = option(
        "cgls", "Start", "noise: nothing is known; fbp, cgls, tv: noise is added to such a volume.", advanced=True
    )
    start_iterations: int | Auto = start_iterations_option()
    start_weight: float | Auto = option(
        "auto",
        "Start: weight of TV",
        "The weight of total variation where it makes the start; larger is flatter. Auto predicts held-out pixels.",
        gt=0,
        advanced=True,
    )
    t_start: int | Auto = option(
        150, "Start at", "Noise at the start, of 999; less keeps more of the first volume.", ge=1, le=999, advanced=True
    )
    spacing: Literal["uniform", "ratio"] = option(
        "ratio", "Spacing", "Of the noise levels: uniform in time as published, or in equal ratios.", advanced=True
    )
    consistency: Literal["cg", "proximal", "tv-z"] = option(
        "proximal",
        "Data step",
        "cg: the data rule; proximal: data and network by their noise; tv-z: smooth along z.",
        advanced=True,
    )
    trust: float | Auto = option(
        "auto", "Trust", "Larger believes the network, smaller the data; auto predicts held-out views.", gt=0
    )
    gamma: float = option(
        0.0, "Fixed data weight", "Of the proximal step; 0 takes it from the noise.", ge=0, advanced=True
    )
    data_steps: int = option(8, "Data step iterations", "CG iterations in each diffusion step.", ge=1, advanced=True)
    calls: int = option(
        0,
        "Network calls",
        "At most; the steps between reuse the last direction. 0: one call per step.",
        ge=0,
        advanced=True,
    )
    noise: Literal["slerp", "ddim"] = option("slerp", "Noise rule", "How new noise is mixed in.", advanced=True)
    eta: float = option(0.85, "New noise", "0 adds none, 1 only new noise.", ge=0, le=1, advanced=True)
    omega: float = option(1.0, "First noise", "Factor of the noise at the start.", gt=0, le=1, advanced=True)
    rank: int = option(4, "Rank", "Of the adaptation.", ge=1, le=64, advanced=True)
    slices: int = option(3, "Slices per step", "Random slices per adaptation step; 0: all.", ge=0, advanced=True)
    rate: float = option(3e-4, "Learning rate", "Of the adaptation.", gt=0, advanced=True)
    decay: float = option(0.01, "Weight decay", "Pulls the adaptation back to the prior.", ge=0, advanced=True)
    loss_steps: int = option(1, "CG in the loss", "Data step within the adaptation loss.", ge=1, advanced=True)
    every: int = option(1, "Adapt every", "So many diffusion steps.", ge=1, unit="steps", advanced=True)
    adapt_last: int = option(0, "Adapt at the last", "So many steps, too.", ge=0, unit="steps", advanced=True)
    persistent: bool = option(False, "Keep moments", "Of the optimiser, between diffusion steps.", advanced=True)
    direction: Literal["adapted", "base"] = option(
        "adapted", "Direction from", "The network that gives the noise to go on with.", advanced=True
    )
    loss_tv: float = option(0.0, "TV in the loss", "Of the adaptation.", ge=0, advanced=True)
    withhold: bool = option(
        True,
        "Hold out views",
        "Judge the adaptation on views that it has not seen, and stop it by them.",
        advanced=True,
    )
    along_z: float = option(1.0, "TV along z: weight", "Larger is smoother between slices.", gt=0, advanced=True)
    rho: float = option(10.0, "TV along z: penalty", "Of ADMM.", gt=0, advanced=True)
    sweeps: int = option(4, "TV along z: sweeps", "Of ADMM in each diffusion step.", ge=1, advanced=True)
    beside: Literal["auto", "tv", "mbir"] = option(
        "auto",
        "Mixed with",
        "Classical method that the result takes a share of; auto: the one that helps more.",
        advanced=True,
    )
    beside_share: float | Auto = option(
        "auto",
        "Its share",
        "Of the result; auto: as much as predicts held-out views best, none where it does not help.",
        ge=0,
        le=1,
        advanced=True,
    )
    tv_weight: float | Auto = option(
        "auto", "Mixed with TV: weight", "Larger is smoother; auto predicts held-out pixels.", gt=0, advanced=True
    )
    mbir_sharpness: float | Auto = option(
        "auto", "Mixed with MBIR: sharpness", "Larger is sharper; auto predicts held-out pixels.", advanced=True
    )
    scale: float | Auto = scale_option()
    positivity: bool = positivity_option()


UNASKED: dict[str, Any] = {
    "prior": "materials",
    "adaptation": "none",
    "start_iterations": 10,
    "start_weight": 1e-3,
    "t_start": 150,
    "trust": 0.7,
    "guide_by": "network",
    "guide_weight": 0.0,
    "beside": "tv",
    "beside_share": 0.0,
    "tv_weight": 1e-3,
    "tv_gamma": 1.0,
    "tv_eta": 0.3,
    "mbir_sharpness": 0.0,
}
"""What "auto" becomes where nothing hangs on it: of parts that the run does without, or where there is no object."""

OptionsT = TypeVar("OptionsT", bound=DiffusionOptions)


def closed(options: OptionsT) -> OptionsT:
    """Options of which none is "auto": what is still open is :data:`UNASKED`."""
    return options.taking({name: UNASKED[name] for name in options.undecided()})


def with_defaults(
    name: str, base: type[DiffusionOptions] = DiffusionOptions, **defaults: Any
) -> type[DiffusionOptions]:
    """The same options with other defaults.

    Raises
    ------
    KeyError
        A default for an option that there is not.
    """
    fields: dict[str, Any] = {}
    for key, value in defaults.items():
        field = copy.copy(base.model_fields[key])
        field.default = value
        fields[key] = (field.annotation, field)
    return create_model(name, __base__=base, __doc__=f"Options of {name}.", **fields)
