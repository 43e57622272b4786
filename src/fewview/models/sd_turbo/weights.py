"""Adapters of SD-Turbo on disk: safetensors that name the base they were trained on, and know it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict

from ..weights import WeightsError, find_weights, read_network, save_network
from .base import load_base
from .fixer import SDTurboFixer

KIND = "sd-turbo"


class AdapterConfig(BaseModel):
    """What adapters are put around; stored in the header of their weights.

    Parameters
    ----------
    base : str
        Folder of the model.
    fingerprint : str
        Of some of its weights.
    unet_rank, vae_rank : int
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    fingerprint: str
    unet_rank: int
    vae_rank: int


def save_sd_turbo(fixer: SDTurboFixer, path: Path, card: dict[str, Any]) -> None:
    """Write all adapters.

    Parameters
    ----------
    fixer : SDTurboFixer
    path : Path
        Ends with ``.safetensors``.
    card : dict
        See :func:`fewview.models.weights.save_network`.
    """
    config = AdapterConfig(
        base=str(fixer.base.folder.resolve()),
        fingerprint=fixer.fingerprint,
        unet_rank=fixer.ranks[0],
        vae_rank=fixer.ranks[1],
    )
    save_network(fixer, KIND, config.model_dump_json(), path, card)


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
    text, tensors = read_network(name, KIND)
    config = AdapterConfig.model_validate_json(text)
    beside = find_weights(name).parent / Path(config.base).name
    folder = next((place for place in (Path(config.base), beside) if place.is_dir()), None)
    if folder is None:
        raise WeightsError(
            f"The adapters {Path(name).name} belong to the model in {config.base}, which is not there.",
            f"Put the model back, or into {beside}.",
        )
    fixer = SDTurboFixer(load_base(folder), config.unet_rank, config.vae_rank)
    if fixer.fingerprint != config.fingerprint:
        raise WeightsError(
            f"{folder} is another model than the one that {Path(name).name} was trained on.",
            "Give that model, or train adapters for this one: `fewview train fixer --base FOLDER`.",
        )
    fixer.load_state_dict(tensors)
    return fixer.to(device).eval().requires_grad_(False)
