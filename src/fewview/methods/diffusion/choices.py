"""Options of the diffusion methods that only mean something together: data step, noise rule, adaptation, partner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Tag

from ...options import Auto, Options, kind_of, option


def _iterations(default: int) -> Any:
    return option(
        default,
        "Data step: iterations",
        "How many steps of conjugate gradients each data step takes: more come nearer to its solution and take longer.",
        ge=1,
        advanced=True,
    )


def _trust() -> Any:
    return option(
        "auto",
        "Data step: trust",
        "How far the network is believed against the data: larger follows the network, smaller the measurement, with "
        "its noise. Auto takes 0.7, or 1.2 where held-out views are clearly better predicted with it.",
        gt=0,
    )


class PlainStep(Options):
    """Conjugate gradients from the network's image."""

    kind: Literal["cg"] = "cg"
    iterations: int = _iterations(5)


class ProximalStep(Options):
    """Network and data weighed by their errors."""

    kind: Literal["proximal"] = "proximal"
    iterations: int = _iterations(8)
    trust: float | Auto = _trust()
    gamma: float = option(
        0.0,
        "Data step: fixed weight",
        "A fixed weight of the data against the network, in place of the one that follows from noise and trust; larger "
        "follows the data. 0 takes it from the noise.",
        ge=0,
        advanced=True,
    )


class TVzStep(Options):
    """As the proximal step, and smooth along z."""

    kind: Literal["tv-z"] = "tv-z"
    iterations: int = _iterations(8)
    trust: float | Auto = _trust()
    weight: float = option(
        1.0,
        "Data step: smoothness along z",
        "Weight of total variation between neighbouring slices: larger is smoother along z.",
        gt=0,
        advanced=True,
    )
    penalty: float = option(
        10.0,
        "Data step: penalty",
        "The penalty of the method (ADMM) that solves the data step with smoothness along z. It changes how quickly "
        "the steps settle, and hardly the result.",
        gt=0,
        advanced=True,
    )
    sweeps: int = option(
        4,
        "Data step: sweeps",
        "The number of sweeps of that method (ADMM) in each diffusion step. More come nearer to its solution, and take "
        "longer.",
        ge=1,
        advanced=True,
    )


DataStep = Annotated[
    Annotated[PlainStep, Tag("cg")] | Annotated[ProximalStep, Tag("proximal")] | Annotated[TVzStep, Tag("tv-z")],
    Discriminator(kind_of),
]


def _new_noise() -> Any:
    return option(
        0.85,
        "New noise",
        "Part of the noise that is drawn anew in each diffusion step: 0 adds none, 1 keeps nothing of the old one.",
        ge=0,
        le=1,
        advanced=True,
    )


class SlerpNoise(Options):
    """Old and new noise on a sphere."""

    kind: Literal["slerp"] = "slerp"
    eta: float = _new_noise()


class DDIMNoise(Options):
    """Old and new noise as in DDIM."""

    kind: Literal["ddim"] = "ddim"
    eta: float = _new_noise()


NoiseRule = Annotated[Annotated[SlerpNoise, Tag("slerp")] | Annotated[DDIMNoise, Tag("ddim")], Discriminator(kind_of)]


class NoAdaptation(Options):
    """The network stays as it was trained."""

    kind: Literal["none"] = "none"


class _LowRank(Options):
    """What all low-rank changes of the network have."""

    short_names: ClassVar[Mapping[str, str]] = {"withhold": "held_out"}  # of older recipes

    inner: int = option(
        5,
        "Adaptation: steps",
        "Gradient steps in each diffusion step that adapts: more follow the measurement closer, its noise included.",
        ge=1,
        le=1000,
        advanced=True,
    )
    rank: int = option(
        4,
        "Adaptation: rank",
        "The rank of the changes to each layer. A larger one lets the network change in more ways, its mistakes "
        "included.",
        ge=1,
        le=64,
        advanced=True,
    )
    slices: int = option(
        3,
        "Adaptation: slices per step",
        "How many slices, drawn at random, each gradient step looks at; more take longer, 0 takes all.",
        ge=0,
        advanced=True,
    )
    rate: float = option(
        3e-4,
        "Adaptation: learning rate",
        "Size of the gradient steps: larger changes the network faster.",
        gt=0,
        advanced=True,
    )
    decay: float = option(
        0.01,
        "Adaptation: weight decay",
        "How strongly the network is pulled back to what it was before the run. A larger value changes it less.",
        ge=0,
        advanced=True,
    )
    loss_steps: int = option(
        1,
        "Adaptation: data step iterations",
        "The number of conjugate gradient steps on the network's image before it is compared with the data. More leave "
        "the network less to correct, and take longer.",
        ge=1,
        advanced=True,
    )
    every: int = option(
        1,
        "Adaptation: every",
        "The network adapts at every so many diffusion steps: a larger number is quicker and adapts less.",
        ge=1,
        unit="steps",
        advanced=True,
    )
    last: int = option(
        0,
        "Adaptation: at the end",
        "The network also adapts at each of so many diffusion steps at the end of the run.",
        ge=0,
        unit="steps",
        advanced=True,
    )
    persistent: bool = option(
        False,
        "Adaptation: keep moments",
        "The optimiser keeps its memory of earlier gradients (its moments) from one diffusion step to the next, as in "
        "SCD.",
        advanced=True,
    )
    direction: Literal["adapted", "base"] = option(
        "adapted",
        "Adaptation: direction from",
        "Which network gives the noise to go on with: the adapted one, or the base one as in SCD.",
        advanced=True,
    )
    loss_tv: float = option(
        0.0,
        "Adaptation: TV in the loss",
        "Weight of total variation in the loss: larger asks for smoother images.",
        ge=0,
        advanced=True,
    )
    held_out: bool = option(
        True,
        "Adaptation: hold out views",
        "Judge the adaptation by views that it has not seen, undo it where they speak against it, and then stop it. "
        "Off fits the noise in the end.",
        advanced=True,
    )


class LowRank(_LowRank):
    """Low-rank changes of the network that follow the measurement."""

    kind: Literal["lora"] = "lora"


class LowRankBiases(_LowRank):
    """The biases follow the measurement, too (D3IP)."""

    kind: Literal["lora+biases"] = "lora+biases"


Adaptation = Annotated[
    Annotated[NoAdaptation, Tag("none")]
    | Annotated[LowRank, Tag("lora")]
    | Annotated[LowRankBiases, Tag("lora+biases")],
    Discriminator(kind_of),
]


def _share() -> Any:
    return option(
        "auto",
        "Partner: share",
        "How large a part of the result the classical method is, 0 to 1. Auto takes what predicts held-out views best, "
        "and none where it does not help.",
        ge=0,
        le=1,
        advanced=True,
    )


class NoPartner(Options):
    """The result is the network's alone."""

    kind: Literal["none"] = "none"


class TVPartner(Options):
    """A share of total variation."""

    kind: Literal["tv"] = "tv"
    share: float | Auto = _share()
    tv_weight: float | Auto = option(
        "auto",
        "Partner: weight of TV",
        "Weight of total variation where that is the partner: larger is smoother. Auto takes what predicts held-out "
        "pixels best.",
        gt=0,
        advanced=True,
    )


class MBIRPartner(Options):
    """A share of MBIR."""

    kind: Literal["mbir"] = "mbir"
    share: float | Auto = _share()
    mbir_sharpness: float | Auto = option(
        "auto",
        "Partner: sharpness of MBIR",
        "Sharpness of MBIR where that is the partner: larger is sharper and noisier. Auto takes what predicts held-out "
        "pixels best.",
        advanced=True,
    )


PartnerChoice = Annotated[
    Annotated[TVPartner, Tag("tv")] | Annotated[NoPartner, Tag("none")] | Annotated[MBIRPartner, Tag("mbir")],
    Discriminator(kind_of),
]
