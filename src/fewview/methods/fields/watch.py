"""When a field has followed the data far enough: pixels that it never saw tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..interface import Views
from ..selection.comparison import ENOUGH, gain
from ..selection.held_out import prediction_errors
from .field import Field
from .loop import Splitting

EVERY, PATIENCE = 5, 3  # steps between two looks; looks without a better one, after which it is enough


class Watch:
    """The field that predicted held-out pixels best so far.

    Parameters
    ----------
    held : Views
    top : float
        The object's maximum.
    positivity : bool
        Judge the field without its negative values, as it is handed out.
    first : Tensor, shape (slices, y, x)
        Volume that the field began at, which it has to surpass.
    """

    def __init__(self, held: Views, top: float, positivity: bool, first: torch.Tensor) -> None:
        self.held, self.top, self.positivity = held, top, positivity
        self.begun_at = self._errors(first)
        self.reached = self.begun_at  # errors of what will be handed out, by view
        self.curve: list[list[float]] = []  # step, and mean squared error
        self.best: dict[str, torch.Tensor] = {}
        self.since = 0  # looks before something was changed

    @property
    def over(self) -> bool:
        """Whether nothing has been gained for :data:`PATIENCE` looks, and nothing was changed meanwhile."""
        errors = [error for _, error in self.curve]
        return len(errors) - max(1 + int(np.argmin(errors)), self.since) >= PATIENCE if errors else False

    @property
    def gaining(self) -> bool:
        """Whether the last look was the best."""
        errors = [error for _, error in self.curve]
        return bool(errors) and int(np.argmin(errors)) == len(errors) - 1

    @property
    def behind(self) -> float:
        """Part by which the first volume predicts better than what is handed out; 0 where it hardly does."""
        part = gain(self.begun_at, self.reached)
        return part if part >= ENOUGH else 0.0

    def begin_anew(self) -> None:
        """Be patient again: something was changed."""
        self.since = len(self.curve)

    def look(self, splitting: Splitting) -> None:
        """Judge the field as it is, where it is time to."""
        if splitting.step % EVERY:
            return
        error = float(self._errors(splitting.x * self.top).mean())
        if not self.curve or error < min(old for _, old in self.curve):
            self.best = splitting.fit.field.numbers()
        self.curve.append([float(splitting.step), error])

    def give_back(self, field: Field) -> None:
        """Turn the field into the best one."""
        if self.best:
            field.take(self.best)

    def judge(self, x: torch.Tensor) -> None:
        """Hear what becomes of the best field, before the held-out pixels are given back."""
        self.reached = self._errors(x * self.top)

    def state(self) -> dict[str, Any]:
        """What :meth:`restore` takes."""
        curve = torch.tensor(self.curve, dtype=torch.float64).reshape(-1, 2)
        reached = torch.from_numpy(self.reached)
        return {"watch.curve": curve, "watch.since": self.since, "watch.reached": reached} | {
            f"watch.best.{name}": value for name, value in self.best.items()
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        self.curve = torch.as_tensor(state["watch.curve"]).tolist()
        self.since = int(state["watch.since"])
        self.reached = torch.as_tensor(state["watch.reached"]).cpu().numpy()
        prefix = "watch.best."
        self.best = {k.removeprefix(prefix): torch.as_tensor(v) for k, v in state.items() if k.startswith(prefix)}

    def _errors(self, volume: torch.Tensor) -> NDArray[np.float64]:
        return np.array(prediction_errors(self.held, volume.clamp(min=0) if self.positivity else volume))
