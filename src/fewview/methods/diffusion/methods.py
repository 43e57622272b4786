"""The methods by name: the loop with the parts, and the defaults, that each was published with; and ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...models.weights import WeightsError, find_weights, prior_reach, shipped_weights
from ...options import Options, with_defaults
from ..fields.methods import INR, LATTICE, NAF, R2_GAUSSIAN, SINOGRAMS
from ..interface import Method
from ..size import Size
from .crossmodal import CrossModalOptions, OnceOptions, solve_once
from .denoiser import WEIGHTS, batch_bytes
from .dinr import DinrOptions, field_options
from .open_settings import PRIORS
from .options import DiffusionOptions
from .pacing import PACING
from .solve import solve
from .tune import effort, tune, tune_once

# What all papers share: no noise in the data, the volume is one sample, unadapted views all count.
_PUBLISHED: dict[str, Any] = {
    "prior": "generic",
    "samples": 1,
    "steps": 50,
    "t_start": 980,
    "spacing": "uniform",
    "trust": 1.0,
    "consistency": "cg",
    "data_steps": 5,
    "adaptation": "lora+biases",
    "inner": 10,
    "rate": 1e-3,
    "held_out": False,
    "partner": "none",
    "coarse_to_fine": False,
}

FIELDS: dict[str, Method[Any]] = {"siren": INR, "naf": NAF, "gaussians": R2_GAUSSIAN}

# Of the methods that start from a reconstruction: a draft is few samples of few steps, for which little is tuned.
_OURS: dict[str, dict[str, Any]] = {
    "draft": {"samples": 2, "steps": 4, "trust": 0.7},
    "best": {"samples": 16, "steps": 24},
}


def missing_prior(prior: str | None, guide: str | None = None) -> str | None:
    """What weights are lacking, and how to train them; None where they are there."""
    names = PRIORS if prior == "auto" else () if prior is None else (prior,)
    needed = [(name, f"prior --kind {name}") for name in names]
    for name, how in needed + ([(guide, "guide")] if guide else []):
        try:
            find_weights(name)
        except WeightsError as error:
            trained = ", ".join(shipped_weights()) or "none"
            return f"{error.problem} Weights at hand: {trained}. Train them with `fewview train {how}`."
    return None


def _buffers(options: Options) -> tuple[float, float]:
    """Counted in the data step: of each sample x_t, proposal, noise, image and six of CG; once what is shown."""
    assert isinstance(options, DiffusionOptions)
    return 10.0 * options.samples + 7, 3.0 * options.samples + 1


def _apart(options: Options) -> float:
    """CG's vectors, while the network is at work."""
    assert isinstance(options, DiffusionOptions)
    return 5.0 * options.samples + 3


def _network(options: Options, size: Size) -> int:
    """See :func:`fewview.methods.diffusion.denoiser.batch_bytes`."""
    assert isinstance(options, DiffusionOptions)
    networks = 2 if isinstance(options, CrossModalOptions) else 1  # the guide's as well
    return batch_bytes(size, options.adaptation.kind != "none", networks, options.prior, options.samples)


def _dinr_buffers(options: Options) -> tuple[float, float]:
    """The samples, and the field's parameters, first volume and values."""
    assert isinstance(options, DinrOptions)
    volumes, sinograms = _buffers(options)
    return volumes + FIELDS[options.field].held(field_options(options))[0] - LATTICE + 2, sinograms + SINOGRAMS


def _dinr_beside(options: Options, size: Size) -> int:
    """The network at work, the field's step on the lattice, or a slab of it on its way; the network stays loaded."""
    assert isinstance(options, DinrOptions)
    kind, own = FIELDS[options.field], field_options(options)
    volume = size.slices * size.image
    fitting = int((LATTICE - kind.apart(own)) * volume) + kind.beside(own, size)
    return max(_network(options, size), WEIGHTS + max(int(LATTICE * volume), fitting))


def _halo(options: Options) -> int | None:
    """How far neighbours matter: none may be missing where one network adapts to all, or TV along z joins them.

    Measured on 24 slices of balls,
    12 steps of d3ip and 20 of dds from noise: cut at once the reach of the network away, a slice comes out 1e-3 and
    2e-3 of the range aside, at twice the reach 4e-5 and 9e-5.
    """
    assert isinstance(options, DiffusionOptions)
    if options.adaptation.kind != "none" or options.data_step.kind == "tv-z":
        return None
    return 2 * max(prior_reach(name) for name in (PRIORS if options.prior == "auto" else (options.prior,)))


def _method(
    name: str,
    title: str,
    summary: str,
    source: str,
    *,
    base: type[DiffusionOptions] = DiffusionOptions,
    published: bool = False,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
    **defaults: Any,
) -> Method[Any]:
    options = with_defaults("".join(part.capitalize() for part in name.split("-")) + "Options", base, **defaults)
    guided, dinr = issubclass(base, CrossModalOptions), issubclass(base, DinrOptions)
    prior, guide = options().prior, str(base.model_fields["guide"].default) if guided else None
    return Method(
        name=name,
        title=title,
        family="diffusion",
        summary=summary,
        source=source,
        options=options,
        solve=solve,
        tune=tune,
        effort=effort,
        needs=frozenset({"weights", "aux"} if guided else {"weights"}),
        missing=lambda: missing_prior(prior, guide),
        buffers=_dinr_buffers if dinr else _buffers,
        beside=_dinr_beside if dinr else _network,
        apart=_apart,
        halo=None if dinr else _halo,
        for_comparison=published,
        presets=presets or {},
        pacing=PACING,
    )


DDS = _method(
    "dds",
    "DDS",
    "A diffusion prior without adaptation, as published: for data with little noise that the prior knows.",
    "Chung, Lee and Ye, Decomposed diffusion sampler, ICLR 2024",
    **_PUBLISHED | {"adaptation": "none"},
    published=True,
    start="fbp",
)
_SCD: dict[str, Any] = {
    "steps": 100,
    "t_start": 990,
    "consistency": "proximal",
    "data_steps": 3,
    "adaptation": "lora",
    "inner": 12,
    "rate": 1e-4,
}
SCD = _method(
    "scd",
    "SCD",
    "A prior steered to the measurement by low-rank changes, as published; slow.",
    "Barbano et al., Steerable conditional diffusion, 2023, arXiv:2308.14409",
    **_PUBLISHED | _SCD,
    published=True,
    gamma=1e4,
    start="noise",
    noise="ddim",
    eta=0.2,
    direction="base",
    rank=8,
    slices=0,
    decay=0.0,
    every=20,
    adapt_last=4,
    persistent=True,
    loss_steps=3,
    loss_tv=1e-6,
)
DDIP = _method(
    "ddip",
    "DDIP",
    "A prior adapted to all slices at once at every step, as published; slow.",
    "Chung and Ye, Deep diffusion image prior, ECCV 2024, arXiv:2407.10641, 2D variant",
    **_PUBLISHED,
    published=True,
    start="noise",
    slices=0,
    loss_steps=5,
)
D3IP_PAPER = _method(
    "d3ip-paper",
    "D3IP (as published)",
    "A prior adapted to random slices at every step, as published: for data with little noise.",
    "Chung and Ye, Deep diffusion image prior, ECCV 2024, arXiv:2407.10641",
    **_PUBLISHED,
    published=True,
    start="fbp",
)
D3IP = _method(
    "d3ip",
    "D3IP",
    "A prior of materials adapted to the sample; weighs data and network by their noise, mean of several samples.",
    "After Chung and Ye, ECCV 2024, arXiv:2407.10641; noise-aware, self-tuned and averaged",
    presets=_OURS,
)
D3IP_GENERIC = _method(
    "d3ip-generic",
    "D3IP (generic prior)",
    "The same with a prior that knows plain shapes alone: for samples unlike concrete.",
    "After Chung and Ye, ECCV 2024, arXiv:2407.10641; noise-aware, self-tuned and averaged",
    presets=_OURS,
    prior="generic",
)
_PIX2PIX = "Isola et al., CVPR 2017 (Pix2Pix), in D3IP"
CROSSMODAL = _method(
    "d3ip-x",
    "Cross-modal D3IP",
    "D3IP with the X-ray volume of the same sample: a guide network, as sure as it is, dropped where it does not help.",
    f"After {_PIX2PIX}; heteroscedastic, watched by held-out views and data",
    base=CrossModalOptions,
    presets=_OURS,
)
CROSSMODAL_PAPER = _method(
    "d3ip-x-paper",
    "Cross-modal D3IP (as published)",
    "D3IP whose image a guide network overwrites at every other step, as published: for data with little noise.",
    f"{_PIX2PIX}; overwritten at every other step",
    base=CrossModalOptions,
    **_PUBLISHED,
    published=True,
    start="fbp",
    guide_start=False,
    guided_start=980,
    guide_every=2,
    guide_first=0,
    guide_step="overwrite",
    guide_weight=1.0,
    watch=False,
)
_DINR = "Diffusive INR, CVPR 2026, arXiv:2603.10947"
DINR = _method(
    "dinr",
    "DINR",
    "D3IP whose samples share a neural field: it joins data and proposals, smooth in all three directions.",
    f"After {_DINR}; one field for several samples, noise-aware and self-tuned",
    base=DinrOptions,
    presets=_OURS,
)
DINR_PAPER = _method(
    "dinr-paper",
    "DINR (as published)",
    "A network of sines as the data step of a diffusion, as published: for data with little noise; slow.",
    _DINR,
    base=DinrOptions,
    **_PUBLISHED,
    published=True,
    start="fbp",
    omega=0.02,
    field="siren",
    apart=False,
    width=256,
    layers=4,
    prefit=500,
    field_steps=30,
    field_inner=1,
    field_data_steps=0,
    proposal_ratio=1e-5,
)
GUIDE = Method(
    name="guide",
    title="Guide alone",
    family="diffusion",
    summary="The guide network applied once to CGLS, then data consistency: fast, and what the loop has to beat.",
    source="After Isola et al., CVPR 2017 (Pix2Pix)",
    options=OnceOptions,
    solve=solve_once,
    tune=tune_once,
    needs=frozenset({"weights", "aux"}),
    missing=lambda: missing_prior(None, OnceOptions().guide),
    buffers=(17.0, 6.0),
    beside=lambda options, size: batch_bytes(size),
    apart=lambda options: 8.0,
    resumable=False,
)
