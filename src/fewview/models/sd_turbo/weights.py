"""Adapters of SD-Turbo on disk: safetensors that name the base they were trained on, and know it again."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open

from ..weights import WeightsError, count_values, find_weights, read_network
from .base import load_base
from .fixer import AdapterConfig, SDTurboFixer

FEATURES = 10
"""Images of the decoder's finest features, as wide as its narrowest block, that are held at the peak; estimated."""


def load_sd_turbo(name: str | Path, device: str | torch.device = "cpu") -> SDTurboFixer:
    """Load adapters and their base, ready for inference.

    The base is looked for where it was at the training, and in a folder of the same name beside the adapters.

    Raises
    ------
    WeightsError
        See :func:`fewview.models.weights.read_network`; or the base is gone, or is another one.
    MethodUnavailable
        See :func:`fewview.models.sd_turbo.base.load_base`.
    """
    text, tensors = read_network(name, SDTurboFixer.kind)
    config = AdapterConfig.model_validate_json(text)
    folder = _folder(name, config)
    fixer = SDTurboFixer(load_base(folder), config.unet_rank, config.vae_rank)
    if fixer.config.fingerprint != config.fingerprint:
        raise WeightsError(
            f"{folder} is another model than the one that {Path(name).name} was trained on.",
            "Give that model, or train adapters for this one: `fewview train fixer --base FOLDER`.",
        )
    fixer.load_state_dict(tensors)
    return fixer.to(device).eval().requires_grad_(False)


def held_bytes(name: str | Path) -> int:
    """Bytes of the base in float32 and of one slice on its way through it; no weights are read.

    Raises
    ------
    WeightsError
        The base is gone.
    """
    with safe_open(find_weights(name), framework="pt") as file:
        config = AdapterConfig.model_validate_json(file.metadata()["config"])
    folder = _folder(name, config)
    vae, unet = (json.loads((folder / part / "config.json").read_text(encoding="utf-8")) for part in ("vae", "unet"))
    widths: list[int] = vae["block_out_channels"]
    side = int(unet["sample_size"]) * 2 ** (len(widths) - 1)
    values = sum(count_values(folder / part) for part in ("text_encoder", "vae", "unet"))
    return 4 * (values + FEATURES * widths[0] * int(side) ** 2)


def _folder(name: str | Path, config: AdapterConfig) -> Path:
    """Where the base is: where it was at the training, or in a folder of the same name beside the adapters."""
    beside = find_weights(name).parent / Path(config.base).name
    folder = next((place for place in (Path(config.base), beside) if place.is_dir()), None)
    if folder is None:
        raise WeightsError(
            f"The adapters {Path(name).name} belong to the model in {config.base}, which is not there.",
            f"Put the model back, or into {beside}.",
        )
    return folder
