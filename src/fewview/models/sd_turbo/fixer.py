"""SD-Turbo as a slice fixer: low-rank changes, skips that start at zero, and the two projections beside the text.

After DiffNR (2025), which follows img2img-turbo (Parmar et al. 2024): the slice, not noise, is the input of the single
step. Other than in the released code, all that is trained is also saved, slices keep their units, and latents are the
mean of the encoder and not a draw.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import MethodUnavailable
from ..biplanar import BiplanarText
from ..fixer import FixerCondition
from .base import Base

UNET_RANK, VAE_RANK = 8, 4
UNET_LAYERS = "to_q to_k to_v to_out.0 conv conv1 conv2 conv_shortcut conv_out proj_in proj_out ff.net.0.proj ff.net.2"
VAE_LAYERS = "to_q to_k to_v to_out.0 conv conv1 conv2 conv_shortcut conv_in conv_out"
TASK = "remove the artifacts from this CT slice"


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


class SDTurboFixer(nn.Module):
    """One step of a latent diffusion model from a damaged slice to a clean one.

    Only the adapters are trained, and only they make up the :meth:`state_dict`: low-rank changes of U-Net and
    autoencoder, the U-Net's first convolution, the skips, and the biplanar attention. The base stays as it was read.

    Parameters
    ----------
    base : Base
        Changed in place: low-rank layers are put around its own.
    unet_rank, vae_rank : int
        Of the low-rank changes.

    Raises
    ------
    MethodUnavailable
        peft (extra ``sd-turbo``) is not installed.
    """

    kind: ClassVar[str] = "sd-turbo"
    together = 1
    unet: Any
    vae: Any

    def __init__(self, base: Base, unet_rank: int = UNET_RANK, vae_rank: int = VAE_RANK) -> None:
        super().__init__()
        self.config = AdapterConfig(
            base=str(base.folder.resolve()),
            fingerprint=base.fingerprint(),
            unet_rank=unet_rank,
            vae_rank=vae_rank,
        )
        self.base, self.unet, self.vae, self.text_encoder = base, base.unet, base.vae, base.text_encoder
        _add_lora(self.unet, unet_rank, UNET_LAYERS)
        _add_lora(self.vae, vae_rank, VAE_LAYERS)
        self.unet.conv_in.requires_grad_(True)
        widths = list(self.vae.config.block_out_channels)
        inside, outside = [widths[0], *widths[:-1]], [widths[-1], *widths[:0:-1]]  # before each block, down and up
        self.skips = nn.ModuleList(nn.Conv2d(a, b, 1, bias=False) for a, b in zip(inside[::-1], outside, strict=True))
        for skip in self.skips:
            nn.init.zeros_(skip.weight)  # type: ignore[arg-type]
        self.biplanar = BiplanarText(self.unet.config.cross_attention_dim)
        self.side = int(self.unet.config.sample_size) * 2 ** (len(widths) - 1)
        self._adapters = {name for name, parameter in self.named_parameters() if parameter.requires_grad}
        self._texts: dict[str, Tensor] = {}

    def forward(self, x: Tensor, condition: FixerCondition) -> Tensor:
        """Repair slices (batch, 1, y, x) of any side, in units of the object's maximum, which are kept.

        They are resampled to the side that the model was made for, and back.
        """
        sides = x.shape[-2:]
        image = F.interpolate(x, size=(self.side, self.side), mode="bicubic", antialias=True)
        latent, skips = self._encoded(2 * image.expand(-1, 3, -1, -1) - 1)
        text = self._text(condition.prompt).to(x).expand(len(x), -1, -1)
        told = self.biplanar(text, condition.projections, condition.height, condition.damage.clamp(0, 1))
        time = torch.full((len(x),), self.base.time, device=x.device)
        predicted = self.unet(latent, time, encoder_hidden_states=told).sample
        clean = self._decoded(self._step(latent, predicted), skips).mean(dim=1, keepdim=True)
        return F.interpolate((clean + 1) / 2, size=tuple(sides), mode="bicubic", antialias=True)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """The adapters alone: the base has its own files."""
        return {name: value for name, value in super().state_dict(*args, **kwargs).items() if name in self._adapters}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take all adapters back.

        Parameters
        ----------
        state_dict : mapping of str to Tensor
            As :meth:`state_dict` gives them.
        strict : bool
            Refuse any that are missing or too many.
        assign : bool
            As for every module of torch.

        Returns
        -------
        NamedTuple
            Of torch: names that are missing, which are those of the frozen base, and names that were not expected.
        """
        if strict and set(state_dict) != self._adapters:
            other = sorted(set(state_dict) ^ self._adapters)
            raise RuntimeError(f"{len(other)} adapters are missing or too many, the first is {other[0]}")
        return super().load_state_dict(state_dict, strict=False, assign=assign)

    def __deepcopy__(self, memo: dict[int, Any]) -> SDTurboFixer:
        """Adapters of its own around the same base, of which a machine holds one."""
        for name, parameter in self.named_parameters():
            if name not in self._adapters:
                memo[id(parameter)] = parameter
        new = self.__class__.__new__(self.__class__)
        memo[id(self)] = new
        new.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return new

    def _text(self, prompt: str) -> Tensor:
        if prompt not in self._texts:
            self._texts[prompt] = self.base.text(f"{TASK}, {prompt}" if prompt else TASK)
        return self._texts[prompt]

    def _step(self, latent: Tensor, predicted: Tensor) -> Tensor:
        """From the last time of the schedule to the clean latent."""
        signal, noise = math.sqrt(self.base.signal), math.sqrt(1 - self.base.signal)
        if self.base.velocity:
            return signal * latent - noise * predicted
        return (latent - noise * predicted) / signal

    def _encoded(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Mean latent, and the features before each block."""
        encoder, features, skips = self.vae.encoder, self.vae.encoder.conv_in(image), []
        for block in encoder.down_blocks:
            skips.append(features)
            features = block(features)
        features = encoder.conv_out(encoder.conv_act(encoder.conv_norm_out(encoder.mid_block(features))))
        if self.vae.quant_conv is not None:
            features = self.vae.quant_conv(features)
        return features.chunk(2, dim=1)[0] * self.vae.config.scaling_factor, skips

    def _decoded(self, latent: Tensor, skips: list[Tensor]) -> Tensor:
        decoder, features = self.vae.decoder, latent / self.vae.config.scaling_factor
        if self.vae.post_quant_conv is not None:
            features = self.vae.post_quant_conv(features)
        features = decoder.mid_block(decoder.conv_in(features))
        for block, skip, seen in zip(decoder.up_blocks, self.skips, reversed(skips), strict=True):
            features = block(features + skip(seen))
        result: Tensor = decoder.conv_out(decoder.conv_act(decoder.conv_norm_out(features)))
        return result


def _add_lora(network: nn.Module, rank: int, layers: str) -> None:
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise MethodUnavailable(
            "peft is not installed; SD-Turbo needs it.", "pip install 'fewview[sd-turbo]'"
        ) from error
    config = LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=layers.split())
    inject_adapter_in_model(config, network)
