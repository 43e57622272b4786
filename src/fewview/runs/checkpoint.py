"""Checkpoints: enough of a run on disk to go on from there, bit for bit on a CPU.

One safetensors file (nothing in it can run code): tensors as tensors, numbers and strings as JSON in its header,
with the recipe that they belong to.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import __version__
from ..atomic_write import clear_abandoned, written_whole
from ..errors import FewviewError
from ..methods.interface import Estimate
from .recipe import Recipe

EVERY_SECONDS = 30.0
SHARE = 20  # seconds of work for every second of saving
# What does not change the volume may differ between the run that was cut off and the one that goes on.
_FREE = ("reference", "axis_origin")


def checkpoint_path(output: str | Path) -> Path:
    """Where the checkpoint of a run with this output lies: beside it."""
    output = Path(output)
    return output.with_name(output.name + ".checkpoint")


@dataclass
class Checkpointer:
    """Saves the state of a run now and then.

    Parameters
    ----------
    path : Path
    recipe : Recipe
    source : callable
        Gives the SHA-256 of the input; it may take a while.
    every : float
        Seconds between two saves; longer where a save takes long.
    """

    path: Path
    recipe: Recipe
    source: Callable[[], str]
    every: float = EVERY_SECONDS
    _due: float = field(init=False)

    def __post_init__(self) -> None:
        self._due = time.monotonic() + self.every

    def due(self, estimate: Estimate) -> bool:
        """Whether it is time to save: never at the last step, the volume itself is about to be written."""
        return estimate.state is not None and estimate.step < estimate.total and time.monotonic() >= self._due

    def save(self, estimate: Estimate) -> None:
        """Write the state of an estimate, whole or not at all."""
        from safetensors.torch import save_file

        if estimate.state is None:
            raise ValueError("This estimate has no state.")
        began = time.monotonic()
        tensors: dict[str, torch.Tensor] = {}
        values: dict[str, Any] = {}
        for key, value in estimate.state.items():
            if isinstance(value, np.ndarray):
                value = torch.from_numpy(value)
            if isinstance(value, torch.Tensor):
                tensors[key] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
            else:
                values[key] = value
        header = {
            "recipe": json.dumps(self.recipe.model_dump(mode="json")),
            "source": self.source(),
            "version": __version__,
            "step": f"{estimate.step}/{estimate.total}",
            "values": json.dumps(values),
        }
        with written_whole(self.path) as temporary:
            save_file(tensors, temporary, metadata=header)
        now = time.monotonic()
        self._due = now + max(self.every, SHARE * (now - began))

    def load(self) -> Mapping[str, Any] | None:
        """The state to go on from; None where there is no checkpoint.

        Raises
        ------
        FewviewError
            The checkpoint is of another recipe, of another input, or damaged.
        """
        from safetensors import SafetensorError, safe_open

        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                header = file.metadata() or {}
                state: dict[str, Any] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            self._check(header)
            result: Mapping[str, Any] | None = state | json.loads(header["values"])
            return result
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise FewviewError(
                f"The checkpoint {self.path} cannot be read: {error}.", "Start anew without --resume, or remove it."
            ) from None

    def remove(self) -> None:
        """The run is complete: its checkpoint has done its work."""
        self.path.unlink(missing_ok=True)
        clear_abandoned(self.path)

    def _check(self, header: Mapping[str, str]) -> None:
        saved, mine = json.loads(header["recipe"]), self.recipe.model_dump(mode="json")
        differing = [key for key in mine if key not in _FREE and saved.get(key) != mine[key]]
        if differing:
            what = "; ".join(f"{key} was {saved.get(key)!r} and is now {mine[key]!r}" for key in differing)
            raise FewviewError(
                f"The checkpoint {self.path} is of another run: {what}.",
                "Resume with the same settings, or start anew without --resume.",
            )
        if header["source"] != self.source():
            raise FewviewError(
                f"{self.recipe.scan} has changed since the checkpoint {self.path} was written.",
                "Start anew without --resume.",
            )
