"""Priors trained elsewhere: a diffusers ``UNet2DModel`` from a folder, used like a prior of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn

from ..errors import MethodUnavailable
from .prior import DiffusionPrior, linear_alphabar, vp_to_sigma
from .weights import WeightsError, count_values, find_weights, load_prior

Prediction = Literal["epsilon", "v_prediction", "sample"]
"""What a network predicts: the noise, a mix of noise and image (Salimans and Ho, ICLR 2022, section 4), the image."""
SCHEDULES = ("scheduler_config.json", "../scheduler/scheduler_config.json")
"""Where the schedule of a training lies, from the folder of its network: of a network alone, and of a pipeline."""
FEATURES, ADAPTING = 20, 120
"""Values per pixel and channel of the first level that a pass holds at its peak, and one with gradients: measured, two
layers per block, 32 and 64 channels, 128 and 256 pixels."""


class ForeignPrior(nn.Module):
    """The interface of :class:`fewview.models.prior.DiffusionPrior` around a network of images in [-1, 1].

    Air is -1 and the brightest material is 1, so its noise levels are twice ours.

    Parameters
    ----------
    net : Module
        Called with images (batch, channels, y, x) and times (batch,), returns an object with ``sample``: a
        diffusers ``UNet2DModel``.
    alphabar : Tensor, optional
        (times,) of its schedule; the linear one of DDPM when not given.
    predicts : {"epsilon", "v_prediction", "sample"}
        What ``sample`` is.
    clip : float, optional
        The image that follows is kept within +-clip: at high noise, a small error of the noise is a large one of the
        image, and the samplers of most trainings clip. None keeps it as it is.
    multiple : int
        Image sides are mirrored at their ends up to a multiple of this.
    """

    reach = 0
    """Slices on either side that it looks at."""

    def __init__(
        self,
        net: nn.Module,
        alphabar: Tensor | None = None,
        predicts: Prediction = "epsilon",
        clip: float | None = None,
        multiple: int = 32,
    ) -> None:
        super().__init__()
        self.net, self.predicts, self.clip, self.multiple = net, predicts, clip, multiple
        levels = vp_to_sigma(linear_alphabar() if alphabar is None else alphabar)
        self.register_buffer("levels", levels[levels.isfinite()])  # some schedules end at no signal at all

    def forward(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Return the expected clean image of values in [0, 1]; see :class:`DiffusionPrior`."""
        level = 2 * torch.as_tensor(sigma, dtype=x.dtype, device=x.device).expand(x.shape[0])
        known = level.clamp(max=float(cast(Tensor, self.levels)[-1]))  # above, nothing of the image is left anyway
        abar = (1 / (1 + known**2))[:, None, None, None]
        rows, columns = (self._mirrored(side).to(x.device) for side in x.shape[-2:])
        image = (2 * x[..., rows[:, None], columns] - 1) * (known / level)[:, None, None, None]
        noisy = abar.sqrt() * image
        channels = int(cast(Any, self.net).config.in_channels)
        said = self.net(noisy.expand(-1, channels, -1, -1), self._time(known)).sample.mean(1, keepdim=True)
        clean = self._clean(noisy, said, abar)
        if self.clip is not None:
            clean = clean.clamp(-self.clip, self.clip)
        return (clean[..., : x.shape[-2], : x.shape[-1]] + 1) / 2

    def _clean(self, noisy: Tensor, said: Tensor, abar: Tensor) -> Tensor:
        if self.predicts == "sample":
            return said
        if self.predicts == "v_prediction":
            return abar.sqrt() * noisy - (1 - abar).sqrt() * said
        return (noisy - (1 - abar).sqrt() * said) / abar.sqrt()

    def _mirrored(self, side: int) -> Tensor:
        """Pixels of a side, and mirrored ones: there the noise is as strong as elsewhere."""
        period = max(1, 2 * side - 2)
        index = torch.arange(side + -side % self.multiple) % period
        return torch.minimum(index, period - index) if side > 1 else index

    def _time(self, level: Tensor) -> Tensor:
        """Time of its schedule, between whole steps too, that has this noise over signal."""
        table = cast(Tensor, self.levels).log()
        wanted = level.log().clamp(float(table[0]), float(table[-1]))
        above = torch.searchsorted(table, wanted).clamp(1, len(table) - 1)
        return above - 1 + (wanted - table[above - 1]) / (table[above] - table[above - 1])


Prior = DiffusionPrior | ForeignPrior


def load_any_prior(name: str | Path, device: str | torch.device = "cpu") -> Prior:
    """Load a prior of ours by name or path, or one of diffusers from its folder.

    Raises
    ------
    WeightsError, MethodUnavailable
        See :func:`fewview.models.weights.load_prior` and :func:`load_diffusers`.
    """
    path = find_weights(name)
    return load_diffusers(path).to(device) if path.is_dir() else load_prior(name, device)


def load_diffusers(folder: Path) -> ForeignPrior:
    """Load a diffusers ``UNet2DModel`` from a folder with ``config.json`` and safetensors weights.

    Its schedule, and what it predicts, is read where that lies beside the network; else it is taken to predict the
    noise of the linear schedule of DDPM.

    Raises
    ------
    MethodUnavailable
        diffusers (extra ``sd-turbo``) is not installed.
    WeightsError
        The folder holds no weights that can be read, or a network that needs more than an image and a time, or
        whose schedule or prediction is of another kind.
    """
    config = _read(folder / "config.json")
    place = next((folder / place for place in SCHEDULES if (folder / place).is_file()), None)
    schedule: dict[str, Any] = {"beta_schedule": "linear"} if place is None else _read(place)
    channels = (config.get("in_channels", 3), config.get("out_channels", 3))
    predicts = schedule.get("prediction_type", "epsilon")
    for wrong, what in (
        (channels not in ((1, 1), (3, 3)), f"takes {channels[0]} channels and predicts {channels[1]}, not 1 or 3"),
        (config.get("time_embedding_type", "positional") != "positional", "is not told a time of a DDPM schedule"),
        (config.get("class_embed_type") or config.get("num_class_embeds"), "has to be told a class of images"),
        ("beta_schedule" not in schedule, f"has a schedule without betas ({schedule.get('_class_name')})"),
        (predicts not in get_args(Prediction), f"predicts {predicts}, not one of {', '.join(get_args(Prediction))}"),
    ):
        if wrong:
            raise WeightsError(
                f"The network in {folder} {what}.",
                "Give one trained as a DDPM on grey or colour images without classes.",
            )
    net, alphabar = read_diffusers(folder, place)
    clip = schedule.get("clip_sample_range", 1.0) if schedule.get("clip_sample", True) else None
    multiple = 2 ** (len(config["down_block_types"]) - 1)
    return ForeignPrior(net, alphabar, predicts, clip, multiple).eval().requires_grad_(False)


def read_diffusers(folder: Path, schedule: Path | None) -> tuple[nn.Module, Tensor | None]:
    """The network in a folder, in float32, and the alphabar of its schedule: all that diffusers is needed for."""
    try:
        from diffusers import DDPMScheduler, UNet2DModel
    except ImportError as error:
        raise MethodUnavailable(
            f"diffusers is not installed; the prior in {folder} needs it.", "pip install 'fewview[sd-turbo]'"
        ) from error
    reading = {"use_safetensors": True, "local_files_only": True, "low_cpu_mem_usage": False}
    try:
        net = UNet2DModel.from_pretrained(folder, **reading)
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(f"diffusers cannot read the network in {folder} ({error}).", "Save it again.") from error
    if schedule is None:
        return net.float(), None
    return net.float(), DDPMScheduler.from_pretrained(schedule.parent, local_files_only=True).alphas_cumprod.float()


def held_bytes(folder: Path, pixels: int, adapting: bool) -> int:
    """Bytes of a network of diffusers, twice while it is copied, and of images on their way through it.

    Parameters
    ----------
    folder : Path
        As written by ``save_pretrained``.
    pixels : int
        Of all images of a batch.
    adapting : bool
        Whether gradients are needed.

    Returns
    -------
    int
        Bytes, of values of 4 bytes each.
    """
    width = int(_read(folder / "config.json")["block_out_channels"][0])
    return 4 * (2 * count_values(folder) + (ADAPTING if adapting else FEATURES) * width * pixels)


def _read(path: Path) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(path.read_text(encoding="utf-8")))
