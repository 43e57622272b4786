"""Options of CLS-DM."""

from __future__ import annotations

from typing import Literal

from ...options import Auto, option
from ..budget import BudgetOptions
from ..common_options import positivity_option


class ClsDmOptions(BudgetOptions):
    """Options of CLS-DM."""

    weights: str = option(
        "cls-dm",
        "Network",
        "The networks, by what they have learnt: cls-dm (simulated torsos), or the path of weights that "
        "`fewview train latent --stage diffusion` wrote.",
        offers=("cls-dm",),
    )
    samples: int = option(
        16,
        "Samples",
        "How many volumes that agree with the views are drawn; the result is their mean, and their standard deviation "
        "says how far to trust each voxel. More take longer in proportion.",
        ge=1,
    )
    steps: int = option(
        25,
        "Steps",
        "The number of network calls from noise to a volume. More draw more exactly, and take longer.",
        ge=2,
    )
    rounds: int = option(
        2,
        "Further rounds",
        "How often each volume, once it agrees with the views, is encoded, made a little noisy and denoised again. "
        "More rounds bring the network and the views closer together, and take longer.",
        ge=0,
        advanced=True,
    )
    consistent: bool = option(
        True,
        "Data step",
        "Each volume is brought into agreement with the views, as far as their noise allows. Off leaves the network's "
        "volumes as they are, which then do not fit the views.",
        advanced=True,
    )
    answer: Literal["auto", "network", "regression", "tv"] = option(
        "auto",
        "Answer of",
        "Whose volume the result is: the mean of the `network`'s samples; its `regression`, one pass without samples; "
        "or that of total variation (`tv`). Auto takes the samples, and `tv` where the network explains the views much "
        "worse than those of samples like its training.",
        advanced=True,
    )
    tv_weight: float | Auto = option(
        "auto",
        "Weight of TV",
        "The weight of total variation where that is the answer: larger is flatter. Auto takes what predicts held-out "
        "pixels best.",
        gt=0,
        advanced=True,
    )
    positivity: bool = positivity_option()


class ClsDmPaperOptions(ClsDmOptions):
    """As published: no data step, no further rounds, one sample, and the network's answer whatever it is worth."""

    samples: int = option(1, "Samples", "How many volumes are drawn; the result is their mean.", ge=1)
    steps: int = option(50, "Steps", "The number of network calls from noise to a volume.", ge=2)
    rounds: int = option(
        0, "Further rounds", "How often each volume is encoded and denoised again.", ge=0, advanced=True
    )
    consistent: bool = option(
        False,
        "Data step",
        "Whether each volume is brought into agreement with the views; the paper does not.",
        advanced=True,
    )
    answer: Literal["auto", "network", "regression", "tv"] = option(
        "network",
        "Answer of",
        "Whose volume the result is: the `network`'s, its `regression`'s, or that of `tv`.",
        advanced=True,
    )
