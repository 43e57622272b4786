"""A generator whose estimates are changed on their way, and whose result is handed on."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar, cast

Step = TypeVar("Step")
Told = TypeVar("Told")


def mapped(change: Callable[[Step], Step], steps: Generator[Step, None, Told]) -> Generator[Step, None, Told]:
    """Yield ``change(step)`` of every step; returns what their generator returns."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return cast(Told, end.value)
        yield change(step)
