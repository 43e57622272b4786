"""The methods by name: the loop with the parts, and the defaults, that each was published with; and ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...models.weights import WeightsError, find_weights, shipped_weights
from ...options import Options
from ..interface import Method
from .options import DiffusionOptions, with_defaults
from .run import run

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
    "withhold": False,
}

# Of the methods that start from a reconstruction: a draft is few samples of few steps, and nothing is tuned for it.
_OURS: dict[str, dict[str, Any]] = {
    "draft": {"samples": 2, "steps": 3, "adaptation": "none", "trust": 1.0},
    "best": {"samples": 16, "steps": 8},
}


def _missing(prior: str) -> str | None:
    try:
        find_weights(prior)
    except WeightsError as error:
        trained = ", ".join(shipped_weights()) or "none"
        return f"{error.problem} Weights at hand: {trained}. Train them with `fewview train prior --kind {prior}`."
    return None


def _couples(options: Options) -> bool:
    """One network adapts to all slices; TV along z looks at neighbours. On "auto", each slab may adapt by itself."""
    assert isinstance(options, DiffusionOptions)
    return options.adaptation not in ("none", "auto") or options.consistency == "tv-z"


def _method(
    name: str,
    title: str,
    summary: str,
    source: str,
    *,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
    **defaults: Any,
) -> Method:
    options = with_defaults("".join(part.capitalize() for part in name.split("-")) + "Options", **defaults)
    prior = options().prior
    return Method(
        name=name,
        title=title,
        family="diffusion",
        summary=summary,
        source=source,
        options=options,
        run=run,
        needs=frozenset({"weights"}),
        missing=lambda: _missing(prior),
        buffers=(48.0, 24.0),  # four samples: x_t, proposal, noise, images and CG's vectors of each
        couples_slices=_couples,
        presets=presets or {},
    )


DDS = _method(
    "dds",
    "DDS",
    "A diffusion prior without adaptation, as published: for data with little noise that the prior knows.",
    "Chung, Lee and Ye, Decomposed diffusion sampler, ICLR 2024",
    **_PUBLISHED | {"adaptation": "none"},
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
