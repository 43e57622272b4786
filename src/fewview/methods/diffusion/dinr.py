"""DINR: the options of a field as data step, and the step that they stand for."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ...options import option
from ..fields.fit import Fit
from ..fields.options import FieldOptions, GaussiansOptions, SirenOptions
from ..fields.start import Make, gaussians, pyramid, siren
from ..inverse.consistency import Consistency
from .field_step import FieldStep
from .options import DiffusionOptions

KINDS: dict[str, tuple[type[FieldOptions], Make]] = {
    "siren": (SirenOptions, siren),
    "naf": (FieldOptions, pyramid),
    "gaussians": (GaussiansOptions, gaussians),
}


class DinrOptions(DiffusionOptions):
    """Options of DINR."""

    field: Literal["siren", "naf", "gaussians"] = option(
        "naf", "Field", "siren: a network of sines, as published; naf: grids of features, quicker; gaussians."
    )
    apart: bool = option(
        True,
        "Samples keep their own",
        "The mean of the samples becomes the mean of field and samples; off: the field is every sample, as published.",
    )
    field_steps: int = option(
        2, "Field steps", "Steps of the field towards data and proposal in each diffusion step.", ge=1, advanced=True
    )
    field_inner: int = option(
        4, "Fits per field step", "Gradient steps after each of them: more follow closer.", ge=1, advanced=True
    )
    field_data_steps: int = option(
        5,
        "Field data step iterations",
        "Conjugate gradients in each field step; 0: the field goes down the gradient of the loss itself, as published.",
        ge=0,
        advanced=True,
    )
    prefit: int = option(0, "Field steps before", "On the data alone, before the first proposal.", ge=0, advanced=True)
    proposal_ratio: float = option(
        0.0,
        "Weight of the proposal",
        "Its term in the loss relative to that of the data, as published; 0: from the noise and the trust.",
        ge=0,
        advanced=True,
    )
    width: int = option(
        128, "Width", "Neurons in a layer of siren: more show more detail and take longer.", ge=8, advanced=True
    )
    layers: int = option(
        3, "Layers", "Hidden layers of siren: more show more detail and take longer.", ge=1, le=16, advanced=True
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
