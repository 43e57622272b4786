"""What a long computation has to show on its way, as often as someone who looks at it wants to see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from .selection import picture

T = TypeVar("T")
EVERY = 1.0  # seconds from one picture to the next


class Looks:
    """When there is time for a picture."""

    def __init__(self) -> None:
        self._shown = picture.clock()

    @property
    def due(self) -> bool:
        """Whether the last picture is old; then this is the time of the next one."""
        now = picture.clock()
        if now - self._shown < EVERY:
            return False
        self._shown = now
        return True


def paced(images: Iterable[T]) -> Iterator[tuple[T, bool]]:
    """One image a second of those that a solver goes through, and its last one.

    Parameters
    ----------
    images : iterable
        At least one; the last is the answer.

    Yields
    ------
    tuple
        An image, and whether it is the last one.
    """
    following, looks = iter(images), Looks()
    last = next(following)
    for image in following:
        if looks.due:
            yield last, False
        last = image
    yield last, True
