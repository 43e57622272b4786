"""The user's own SD-Turbo, read from a folder as ``save_pretrained`` of diffusers writes it; nothing is downloaded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import MethodUnavailable
from ..weights import WeightsError

PARTS = ("tokenizer", "text_encoder", "vae", "unet", "scheduler")
OUTLIER = 1e-4
"""Least share of signal that a schedule may end with: the one step divides by its root."""


@dataclass(frozen=True, eq=False)
class Base:
    """The parts of a Stable Diffusion of one step.

    Parameters
    ----------
    folder : Path
    vae, unet : Module
        diffusers' ``AutoencoderKL`` and ``UNet2DConditionModel``.
    text_encoder : Module
        transformers' ``CLIPTextModel``.
    tokenizer : callable
    signal : float
        Share of the signal's variance at the last time of the schedule, the only one that is asked.
    time : int
        That time, 999.
    velocity : bool
        Whether the U-Net predicts the velocity; else the noise.
    """

    folder: Path
    vae: Any
    unet: Any
    text_encoder: Any
    tokenizer: Any
    signal: float
    time: int
    velocity: bool

    @torch.no_grad()
    def text(self, prompt: str) -> Tensor:
        """Tokens of a prompt: (1, 77, channels)."""
        length = self.text_encoder.config.max_position_embeddings
        words = self.tokenizer(prompt, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        device = next(self.text_encoder.parameters()).device
        result: Tensor = self.text_encoder(words.input_ids.to(device))[0]
        return result

    def fingerprint(self) -> str:
        """Of a few frozen weights: whether adapters were trained on this very model."""
        known = hashlib.sha256()
        for part in (self.vae, self.unet):
            for name, value in sorted(part.state_dict().items()):
                if "time_embedding" in name or "encoder.conv_in" in name:
                    known.update(value.detach().float().cpu().numpy().tobytes())
        return known.hexdigest()


def load_base(folder: Path) -> Base:
    """Read a model from ``folder``, frozen, in float32.

    Raises
    ------
    MethodUnavailable
        diffusers, peft or transformers is not installed (extra ``sd-turbo``).
    WeightsError
        The folder lacks a part, or has weights in another format than safetensors.
    """
    missing = [part for part in PARTS if not (folder / part).is_dir()]
    if missing:
        raise WeightsError(
            f"{folder} is no SD-Turbo: it has no folder {', '.join(missing)}.",
            "Give the folder that holds model_index.json, as downloaded or as written by save_pretrained.",
        )
    for part in ("text_encoder", "vae", "unet"):
        if not list((folder / part).glob("*.safetensors")):
            raise WeightsError(f"{folder / part} holds no .safetensors.", "Save it with safe_serialization=True.")
    try:
        from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
        from transformers import CLIPTextModel, CLIPTokenizer
    except ImportError as error:
        raise MethodUnavailable(
            f"{error.name} is not installed; SD-Turbo needs it.", "pip install 'fewview[sd-turbo]'"
        ) from error

    local: dict[str, Any] = {"local_files_only": True}
    vae, unet, text_encoder = (
        kind.from_pretrained(folder / part, use_safetensors=True, **local).float().eval().requires_grad_(False)
        for kind, part in ((AutoencoderKL, "vae"), (UNet2DConditionModel, "unet"), (CLIPTextModel, "text_encoder"))
    )
    schedule = DDPMScheduler.from_pretrained(folder / "scheduler", **local)
    signal = float(schedule.alphas_cumprod[-1])
    if signal < OUTLIER:
        raise WeightsError(f"The schedule of {folder} ends without any signal.", "Give an SD-Turbo, which keeps some.")
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", **local)
    velocity = schedule.config.prediction_type == "v_prediction"
    return Base(folder, vae, unet, text_encoder, tokenizer, signal, len(schedule.alphas_cumprod) - 1, velocity)
