"""DINR: the options of a field as data step, and the step that they stand for."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...options import option
from ..fields.cost import step_work
from ..fields.fit import Fit
from ..fields.options import FieldOptions, GaussiansOptions, SirenOptions
from ..fields.start import Make, gaussians, pyramid, siren
from ..interface import Problem
from ..inverse.consistency import Consistency
from .field_step import WARMING, FieldStep
from .options import DiffusionOptions

KINDS: dict[str, tuple[type[FieldOptions], Make]] = {
    "siren": (SirenOptions, siren),
    "naf": (FieldOptions, pyramid),
    "gaussians": (GaussiansOptions, gaussians),
}


class DinrOptions(DiffusionOptions):
    """Options of DINR."""

    field: Literal["siren", "naf", "gaussians"] = option(
        "naf",
        "Field",
        "What the neural field is made of: `siren` is a network of sines, as published; `naf` reads grids of features, "
        "which is quicker; `gaussians` are 3D bells of attenuation.",
    )
    apart: bool = option(
        True,
        "Samples keep their own",
        "The samples keep what they differ by, and a quarter of their mean is that of the field. Off puts the field in "
        "the place of every sample, as published.",
    )
    field_steps: int = option(
        2,
        "Field steps",
        "How often the field is brought towards data and network in each diffusion step. More follow both more "
        "closely, and take longer.",
        ge=1,
        advanced=True,
    )
    field_inner: int = option(
        4,
        "Fits per field step",
        "The number of gradient steps that fit the field in each field step. More fit it more closely, and take "
        "longer.",
        ge=1,
        advanced=True,
    )
    field_data_steps: int = option(
        5,
        "Field data step iterations",
        "The number of conjugate gradient iterations in each field step. More go further towards the data at once; 0 "
        "lets the field follow the gradient of the loss itself, as published.",
        ge=0,
        advanced=True,
    )
    prefit: int = option(
        0,
        "Field steps before",
        "The number of field steps on the data alone, before the network is asked for the first time. More begin "
        "nearer to the data, and take longer.",
        ge=0,
        advanced=True,
    )
    proposal_ratio: float = option(
        0.0,
        "Weight of the proposal",
        "How much the network's image counts against the data in the loss of the field. A larger value follows the "
        "network more; 0 takes it from the noise of the data and from the trust.",
        ge=0,
        advanced=True,
    )
    width: int = option(
        128,
        "Width",
        "The number of neurons in each layer of `siren`. More can show finer detail, and take longer.",
        ge=8,
        advanced=True,
    )
    layers: int = option(
        3,
        "Layers",
        "The number of hidden layers of `siren`. More can show finer detail, and take longer.",
        ge=1,
        le=16,
        advanced=True,
    )


def field_step(options: DinrOptions, first: Tensor, seed: int, trust: float | Tensor, alone: Consistency) -> FieldStep:
    """The data step that the options ask for.

    Parameters
    ----------
    options : DinrOptions
        Settled.
    first : Tensor, shape (slices, y, x)
        First volume in units of the object's maximum: what the field is told, or begins at.
    seed : int
        Of the field's own random choices: the noise of the diffusion is that of D3IP.
    trust : float or Tensor
    alone : Consistency
        Data step of the samples.

    Returns
    -------
    FieldStep
        With a field of its own, not yet fitted.
    """
    generator, own = torch.Generator().manual_seed(seed), field_options(options)
    _, make = KINDS[options.field]
    fit = Fit(make(first, own, generator), own.rate, generator)
    return FieldStep(
        fit,
        first,
        steps=options.field_steps,
        inner=options.field_inner,
        data_steps=options.field_data_steps,
        prefit=options.prefit,
        trust=trust,
        ratio=options.proposal_ratio or None,
        alone=alone if options.apart else None,
    )


def field_options(options: DinrOptions) -> FieldOptions:
    """The options of the field, as it has them by itself."""
    own, _ = KINDS[options.field]
    return own.parse({name: getattr(options, name) for name in ("width", "layers") if name in own.model_fields})


def field_work(options: DinrOptions, problem: Problem, count: int) -> float:
    """Work of the field in some steps of the diffusion, one for all samples, in the unit of the other stages.

    Parameters
    ----------
    options : DinrOptions
    problem : Problem
    count : int
        How many steps of the diffusion.

    Returns
    -------
    float
        Of the fits to the first volume and of all field steps.
    """
    own = field_options(options)
    step = step_work(problem, own, options.field_inner, options.field_data_steps)
    return step_work(problem, own, WARMING, 0) + (options.prefit + count * options.field_steps) * step
