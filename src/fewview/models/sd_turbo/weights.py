"""Adapters of SD-Turbo on disk: safetensors that name the base they were trained on, and know it again."""

from __future__ import annotations

from pathlib import Path

import torch

from ..weights import WeightsError, find_weights, read_network
from .base import load_base
from .fixer import AdapterConfig, SDTurboFixer


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
    beside = find_weights(name).parent / Path(config.base).name
    folder = next((place for place in (Path(config.base), beside) if place.is_dir()), None)
    if folder is None:
        raise WeightsError(
            f"The adapters {Path(name).name} belong to the model in {config.base}, which is not there.",
            f"Put the model back, or into {beside}.",
        )
    fixer = SDTurboFixer(load_base(folder), config.unet_rank, config.vae_rank)
    if fixer.config.fingerprint != config.fingerprint:
        raise WeightsError(
            f"{folder} is another model than the one that {Path(name).name} was trained on.",
            "Give that model, or train adapters for this one: `fewview train fixer --base FOLDER`.",
        )
    fixer.load_state_dict(tensors)
    return fixer.to(device).eval().requires_grad_(False)
