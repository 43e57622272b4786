"""State of a training on disk as safetensors: weights, average, optimiser moments and random generators."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..atomic_write import written_whole
from ..errors import FewviewError

NetT = TypeVar("NetT", bound=nn.Module)


def save_state(
    path: Path,
    model: nn.Module,
    ema: nn.Module,
    optimizer: torch.optim.Optimizer,
    rng: np.random.Generator,
    facts: dict[str, Any],
) -> None:
    """Write everything that a training needs to go on; the file appears only when whole.

    Parameters
    ----------
    path : Path
        File to write.
    model : nn.Module
    ema : nn.Module
        Its running mean.
    optimizer : torch.optim.Optimizer
    rng : np.random.Generator
        Whose state is kept.
    facts : dict
        What else is to be kept.
    """
    tensors: dict[str, Tensor] = {"torch_rng": torch.get_rng_state()}
    for name, value in model.state_dict().items():
        tensors[f"model.{name}"] = value.detach().cpu().contiguous()
    for name, value in ema.state_dict().items():
        tensors[f"ema.{name}"] = value.detach().cpu().contiguous()
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimizer.{index}.{key}"] = value.detach().cpu().contiguous()
    header = {"facts": json.dumps(facts), "numpy_rng": json.dumps(rng.bit_generator.state)}
    with written_whole(path) as temporary:
        save_file(tensors, temporary, metadata=header)


def load_state(
    path: Path,
    model: nn.Module,
    ema: nn.Module,
    optimizer: torch.optim.Optimizer,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Put the state of :func:`save_state` back and return its facts.

    Parameters
    ----------
    path : Path
        File to read.
    model : nn.Module
    ema : nn.Module
    optimizer : torch.optim.Optimizer
    rng : np.random.Generator
        All of these are changed.

    Returns
    -------
    dict
        What was saved beside the tensors, by name.

    Raises
    ------
    FewviewError
        The checkpoint belongs to a network of another shape.
    """
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    try:
        model.load_state_dict(_part(tensors, "model."))
        ema.load_state_dict(_part(tensors, "ema."))
    except RuntimeError as error:
        raise FewviewError(
            f"{path} belongs to another network ({str(error).splitlines()[0]}).", "Give another folder, or remove it."
        ) from error
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _part(tensors, "optimizer.").items():
        index, key = name.split(".", 1)
        moments.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    torch.set_rng_state(tensors["torch_rng"])
    rng.bit_generator.state = json.loads(header["numpy_rng"])
    facts: dict[str, Any] = json.loads(header["facts"])
    return facts


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def read_average(folder: Path, prefix: str = "") -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Facts and averaged weights of a training, rounded to half precision as they will be loaded.

    Parameters
    ----------
    folder : Path
        Of a training, which may still be running.
    prefix : str
        Of the part of the network that is wanted.

    Raises
    ------
    FewviewError
        The folder holds no training.
    """
    state = folder / "state.safetensors"
    if not state.is_file():
        raise FewviewError(f"{folder} holds no training.", "Start one with `fewview train`.")
    with safe_open(state, framework="pt") as file:
        facts: dict[str, Any] = json.loads(file.metadata()["facts"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    return facts, {name: value.half().float() for name, value in _part(tensors, f"ema.{prefix}").items()}


def averaged(folder: Path, make: Callable[[dict[str, Any]], NetT], prefix: str = "") -> tuple[dict[str, Any], NetT]:
    """Facts and averaged network of a training, as it will be loaded.

    Parameters
    ----------
    folder : Path
        Of a training, which may still be running.
    make : callable
        The network that the facts speak of, whatever its weights.
    prefix : str
        Of the part of the trained network that it is.

    Returns
    -------
    facts : dict
        What was saved beside the tensors, by name.
    net : Module
        On the CPU, its parameters frozen.

    Raises
    ------
    FewviewError
        The folder holds no training.
    """
    facts, tensors = read_average(folder, prefix)
    net = make(facts)
    net.load_state_dict(tensors)
    return facts, net.eval().requires_grad_(False)
