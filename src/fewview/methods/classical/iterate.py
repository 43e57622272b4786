"""What a solver yields at each step, apart from options and estimates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor


class Iterate(NamedTuple):
    """One step: images, the state to go on from, and objective and relative data residual for who asks.

    They take time, and a GPU waits for them: choosing a weight does without.
    """

    step: int
    x: Tensor
    figures: Callable[[], tuple[float, float]]
    state: dict[str, Any]
