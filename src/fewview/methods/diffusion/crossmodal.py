"""The X-ray volume of a problem and the guide that reads it; the guide applied once is a method of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ...errors import OptionError
from ...models.guide import Guide as Network
from ...models.guide import load_guide
from ...options import Auto, Options, option
from ..budget import OnePassOptions
from ..common_options import positivity_option, scale_option, start_iterations_option
from ..empty import empty_without_object
from ..interface import Estimate, Problem
from ..inverse.masking import measured, relative
from ..inverse.normalised import Scaled, robust_maximum, scaled
from ..selection.coarse import first_look
from ..slices import common
from ..stages import Stages
from ..trained_range import told_of_training
from .guide import CrossModalGuide
from .options import DiffusionOptions
from .start import STAGE as START
from .start import first_volume


class GuideOptions(Options):
    """What a guide network is asked, and how it is weighed."""

    guide: str = option(
        "guide",
        "Guide",
        "The network that reads the X-ray volume: the shipped one, or the path of weights of your own.",
        offers=("guide",),
    )
    guide_step: Literal["proximal", "overwrite"] = option(
        "proximal",
        "Guide: how it counts",
        "`proximal` follows the guide as far as it is sure and the data agree; `overwrite` puts its image in the "
        "place of the other one, as published.",
        advanced=True,
    )
    guide_weight: float | Auto = option(
        "auto",
        "Guide: weight",
        "Factor of the guide's certainty: larger follows the X-ray volume more, 0 leaves it out. Auto takes 1, or "
        "0 where held-out views do not gain enough by it.",
        ge=0,
    )
    watch: bool = option(
        True,
        "Guide: watched by the data",
        "Take the guide's certainty down, region by region, where the measurement speaks against it.",
        advanced=True,
    )
    blind: bool = option(
        False,
        "Guide: blind",
        "The guide sees the X-ray volume alone and not the reconstruction: a control, to see what that costs.",
        advanced=True,
    )


class CrossModalOptions(DiffusionOptions, GuideOptions):
    """Options of the diffusion methods with a guide."""

    short_names: ClassVar[Mapping[str, str]] = {
        **DiffusionOptions.short_names,
        "guide_steps": "data_step.iterations",  # the guide is a term of the data step
    }

    guide_by: Literal["auto", "network", "edges"] = option(
        "auto",
        "Guided by",
        "What of the X-ray volume counts: a `network`'s reading of it; its `edges`, by a share of directional "
        "total variation; or `auto`, the network where held-out views gain by it, and else the edges.",
        advanced=True,
    )
    tv_gamma: float | Auto = option(
        "auto",
        "Edges: guidance",
        "How far edges are taken from the X-ray volume, where they guide: 1 takes them fully, 0 is plain total "
        "variation. Auto takes what predicts held-out pixels best.",
        ge=0,
        le=1,
        advanced=True,
    )
    tv_eta: float | Auto = option(
        "auto",
        "Edges: level",
        "How strong an edge of the X-ray volume must be to count, in parts of the root mean square one: larger "
        "counts fewer. Auto takes what predicts held-out pixels best.",
        gt=0,
        advanced=True,
    )
    guide_start: bool = option(
        True,
        "Guide: at the start",
        "The diffusion starts from what the guide makes of the starting image, not from that image itself.",
    )
    guided_start: int = option(
        150,
        "Guide: noise at the start",
        "How much noise is added at the start, of 999, where the guide is used: less keeps more of the starting image.",
        ge=1,
        le=999,
    )
    # Every second step was no better on validation microstructures at 8, 16 and 32 views (0.00 dB), every eighth worse.
    guide_every: int = option(
        4,
        "Guide: asked every",
        "The guide is asked at every so many diffusion steps: more is quicker, and what it said holds longer.",
        ge=1,
        unit="steps",
    )
    guide_first: int = option(  # before, what it said of the start still holds
        2,
        "Guide: asked from",
        "The diffusion step, counted from 0, at which the guide is asked for the first time.",
        ge=0,
        unit="steps",
        advanced=True,
    )
    compare: bool = option(
        False,
        "What the guide changed",
        "Reconstruct once more without the guide from the same seed, which takes twice the time and gives one more"
        " volume: the difference.",
    )


class OnceOptions(GuideOptions, OnePassOptions):
    """Options of the guide applied once."""

    guide_weight: float | Auto = option(
        1.0,
        "Guide: weight",
        "Factor of the guide's certainty: larger follows the X-ray volume more. Auto takes 1.",
        gt=0,
    )
    start_iterations: int | Auto = start_iterations_option()
    scale: float | Auto = scale_option()
    positivity: bool = positivity_option()


@dataclass(frozen=True, eq=False)
class GuideSource:
    """A guide network and what the X-ray volume is divided by.

    Parameters
    ----------
    network : Network
    top : float
        Robust maximum of the X-ray volume.
    options : GuideOptions
    """

    network: Network
    top: float
    options: GuideOptions

    @classmethod
    def of(cls, problem: Problem, options: Options) -> GuideSource | None:
        """What the options ask for; None where they know no guide, or want none.

        Raises
        ------
        OptionError
            The problem has no X-ray volume.
        """
        if not isinstance(options, GuideOptions) or options.guide_weight == 0:
            return None
        if problem.auxiliary is None:
            raise OptionError("A guide needs an X-ray volume of the sample.", "Give it with --aux VOLUME.")
        seen = common(problem).auxiliary
        assert seen is not None
        top = robust_maximum(seen)
        network = load_guide(options.guide, problem.operator.device)
        problem.operator.tick()  # another network is loaded next
        return cls(network, top if top > 0 else 1.0, options)

    def settled(self, options: DiffusionOptions) -> DiffusionOptions:
        """The options of a run that listens to the guide."""
        assert isinstance(options, CrossModalOptions)
        return options.taking({"t_start": options.guided_start})

    def begin(self, guide: CrossModalGuide, first: Tensor, data: Scaled) -> Tensor:
        """What the noise is added to, given a first volume in units of the object's maximum.

        Parameters
        ----------
        guide : CrossModalGuide
        first : Tensor, shape (slices, y, x)
        data : Scaled
            In the same unit.

        Returns
        -------
        Tensor
            Shape (slices, y, x).
        """
        assert isinstance(self.options, CrossModalOptions)
        return guide.start(first, data) if self.options.guide_start else first

    @property
    def by_edges_alone(self) -> bool:
        """Whether the network is not wanted."""
        return getattr(self.options, "guide_by", "network") == "edges"

    def may_go_by_edges(self, options: DiffusionOptions) -> bool:
        """Whether directional TV may take the network's place: only where its share can be weighed."""
        assert isinstance(self.options, CrossModalOptions)
        return options.share == "auto" and self.options.guide_by != "network" and not self.options.blind

    def listens(self, settled: DiffusionOptions) -> bool:
        """Whether the network is listened to after the choices of a run, and not rejected."""
        assert isinstance(settled, CrossModalOptions)
        return float(settled.guide_weight) > 0 and not by_edges(settled)

    def heard(self, problem: Problem, settled: DiffusionOptions) -> CrossModalGuide:
        """The guide of a run that :meth:`listens`."""
        assert isinstance(settled, CrossModalOptions)
        return self.guide(problem, float(settled.guide_weight))

    def guide(self, problem: Problem, weight: float) -> CrossModalGuide:
        """The guide of a problem (or of some of its slices)."""
        options = self.options
        assert problem.auxiliary is not None
        return CrossModalGuide(
            self.network,
            problem.auxiliary.to(problem.operator.device, problem.operator.dtype) / self.top,
            step=options.guide_step,
            weight=weight,
            watched=options.watch,
            blind=options.blind,
            every=getattr(options, "guide_every", 1),
            first=getattr(options, "guide_first", 0),
        )


def by_edges(options: DiffusionOptions) -> bool:
    """Whether settled options take directional TV along the X-ray volume's edges for TV."""
    return isinstance(options, CrossModalOptions) and options.guide_by == "edges" and options.guide_weight != 0


def partner_of(options: DiffusionOptions) -> str:
    """The classical method that settled options take a share of."""
    return "dtv" if by_edges(options) else options.partner.kind


@empty_without_object
@torch.no_grad()
def solve_once(problem: Problem, options: OnceOptions) -> Iterator[Estimate]:
    """The guide applied to CGLS, then data consistency: what a loop around it has to beat."""
    source = GuideSource.of(problem, options)
    assert source is not None
    y, weights = measured(problem)
    yield from first_look(solve_once, problem, options, stages=2)
    stages = Stages({START: 1.0, "asking the guide": 1.0})
    scale = float(options.scale)
    first = yield from stages.within(START, first_volume(problem, "cgls", options))
    data = scaled(problem, scale)
    guide = source.guide(problem, float(options.guide_weight))
    volume = guide.start(first / scale, data) * scale
    if options.positivity:
        volume = volume.clamp(min=0)
    scalars = {"data_residual": relative(problem.operator(volume) - y, y, weights), "scale": scale}
    told = told_of_training(data, options.guide)
    yield Estimate(volume, 2, 2, "guided", scalars, chosen=told, extra=guide.extra(scale), place=(2, 2))
