"""Low-rank adaptation of convolutions and linear layers: few weights to train at test time, zero effect at the start.

Hu et al., "LoRA", ICLR 2022; for diffusion priors in tomography: Barbano et al. 2023 (SCD), Chung and Ye 2024 (DDIP,
D3IP). The layer next to the frozen one is a convolution of the same kernel and stride to ``rank`` channels, then a
1 x 1 convolution that starts at zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .unet import ResidualBlock


class LoRA(nn.Module):
    """A frozen layer plus its low-rank change.

    Parameters
    ----------
    base : Conv2d or Linear
        The layer; its weights are frozen here.
    rank : int
        Inner channels.
    """

    def __init__(self, base: nn.Conv2d | nn.Linear, rank: int = 4) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.enabled = True
        if isinstance(base, nn.Conv2d):
            self.down: nn.Module = nn.Conv2d(
                base.in_channels,
                rank,
                base.kernel_size,  # type: ignore[arg-type]
                base.stride,  # type: ignore[arg-type]
                base.padding,  # type: ignore[arg-type]
                bias=False,
            )
            self.up: nn.Module = nn.Conv2d(rank, base.out_channels, 1, bias=False)
        else:
            self.down = nn.Linear(base.in_features, rank, bias=False)
            self.up = nn.Linear(rank, base.out_features, bias=False)
        self.rank = rank
        self.reset()
        self.to(base.weight.device, base.weight.dtype)

    @torch.no_grad()
    def reset(self, generator: torch.Generator | None = None) -> None:
        """Forget the adaptation: the layer is the frozen one again."""
        weight: Tensor = self.down.weight  # type: ignore[assignment]
        # Drawn on the CPU wherever the layer is, so that a run repeats on any device.
        weight.copy_(torch.normal(0.0, 1 / self.rank, weight.shape, generator=generator, dtype=weight.dtype))
        nn.init.zeros_(self.up.weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer and, if enabled, its change."""
        out: Tensor = self.base(x)
        return out + self.up(self.down(x)) if self.enabled else out


def add_lora(
    model: nn.Module,
    rank: int = 4,
    biases: bool = False,
    seed: int = 0,
) -> list[nn.Parameter]:
    """Freeze a model and give every convolution and linear layer of its blocks a low-rank change.

    Of a network of another make, whose blocks are not known, all such layers are changed.

    Parameters
    ----------
    model : Module
        Changed in place. What it computes stays the same to the last bit.
    rank : int
        Of the changes (4 in D3IP).
    biases : bool
        Also unfreeze the biases outside the noise-level layers, those of the norms included, as D3IP does.
    seed : int
        Of the first factors.

    Returns
    -------
    list of Parameter
        What to optimise.
    """
    if any(isinstance(module, LoRA) for module in model.modules()):
        raise ValueError("the model has LoRA layers already")
    model.requires_grad_(False)
    modules = list(model.modules())
    for block in [module for module in modules if isinstance(module, ResidualBlock)] or modules:
        for name, layer in list(block.named_children()):
            if isinstance(layer, nn.Conv2d | nn.Linear):
                setattr(block, name, LoRA(layer, rank))
    reset_lora(model, seed)
    for layer in _layers(model):
        layer.down.requires_grad_(True)
        layer.up.requires_grad_(True)
    if biases:
        for name, parameter in model.named_parameters():
            if name.endswith("bias") and "emb" not in name:
                parameter.requires_grad_(True)
    return [p for p in model.parameters() if p.requires_grad]


def reset_lora(model: nn.Module, seed: int = 0) -> None:
    """Forget the low-rank changes (not those of unfrozen biases)."""
    for index, layer in enumerate(_layers(model)):
        layer.reset(torch.Generator().manual_seed(seed + index))


@contextmanager
def lora_disabled(model: nn.Module) -> Iterator[None]:
    """Compute with the unadapted layers for a while (SCD takes its direction from them)."""
    layers = list(_layers(model))
    before = [layer.enabled for layer in layers]
    for layer in layers:
        layer.enabled = False
    try:
        yield
    finally:
        for layer, enabled in zip(layers, before, strict=True):
            layer.enabled = enabled


def _layers(model: nn.Module) -> Iterator[LoRA]:
    return (module for module in model.modules() if isinstance(module, LoRA))
