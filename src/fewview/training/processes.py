"""One training process, or several under `accelerate launch` or torchrun: mean gradients, and the first one writes."""

from __future__ import annotations

import os
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..errors import MethodUnavailable


class Processes:
    """The processes of a training.

    Parameters
    ----------
    device : str
        "auto", "cpu" or "cuda"; each of several processes gets a GPU of its own.

    Raises
    ------
    MethodUnavailable
        Several processes were started without accelerate.
    """

    def __init__(self, device: str) -> None:
        name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self.device, self.rank = torch.device(name), 0
        self._accelerator: Any = None
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            try:
                from accelerate import Accelerator
            except ImportError as error:
                raise MethodUnavailable(
                    "Training on several processes needs accelerate.", "pip install 'fewview[train]'"
                ) from error
            self._accelerator = Accelerator(cpu=name == "cpu")
            self.device, self.rank = self._accelerator.device, self._accelerator.process_index

    @property
    def first(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def share(self, model: nn.Module) -> nn.Module:
        """Return the model to call in training: its gradients are means over the processes."""
        return model if self._accelerator is None else cast(nn.Module, self._accelerator.prepare(model))

    def agree(self, value: float) -> float:
        """Return the value of the first process, so that all stop after the same step."""
        if self._accelerator is None:
            return value
        from accelerate.utils import broadcast

        return float(cast(Tensor, broadcast(torch.tensor(value, device=self.device), from_process=0)))

    def close(self) -> None:
        """Leave the group of processes."""
        if self._accelerator is not None:
            self._accelerator.end_training()
