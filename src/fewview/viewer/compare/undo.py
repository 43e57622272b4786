"""Ctrl-Z for regions: the states that were, newest last. No Qt."""

from __future__ import annotations

from typing import Any

from .regions_layer import Regions

DEPTH = 100


class Undo:
    """Remembers the regions of one scan; whoever changes them need not know of it."""

    def __init__(self, regions: Regions) -> None:
        self._regions = regions
        self._past: list[tuple[Any, ...]] = []
        self._now: tuple[Any, ...] = regions.state()

    @property
    def possible(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._past)

    def note(self) -> None:
        """Look at the regions: what has changed since the last look is one step."""
        state = self._regions.state()
        if repr(state) != repr(self._now):  # corners that are no numbers equal themselves, too
            self._past = [*self._past[-DEPTH:], self._now]
            self._now = state

    def back(self) -> bool:
        """Take back the last step; False where there is none."""
        self.note()
        if not self._past:
            return False
        self._now = self._past.pop()
        self._regions.restore(self._now)
        return True

    def forget(self) -> None:
        """Begin anew: other regions are meant now."""
        self._past, self._now = [], self._regions.state()
