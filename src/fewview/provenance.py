"""Where a value of a scan came from. A value that was assumed says so everywhere it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self, get_args

How = Literal["read", "given", "found", "assumed", "missing"]


@dataclass(frozen=True)
class Provenance:
    """How a value came to be.

    Parameters
    ----------
    how : {"read", "given", "found", "assumed", "missing"}
        Read from a file, given by the user, found by an algorithm, assumed for want of better, or not there.
    where : str
        The file and dataset, the flag, the algorithm, or the reason, in words for a scientist.
    """

    how: How
    where: str = ""

    def __str__(self) -> str:
        return f"{self.how}: {self.where}" if self.where else self.how

    @classmethod
    def parse(cls, text: str) -> Self:
        """The origin that reads so.

        Raises
        ------
        ValueError
            It begins with none of the known words.
        """
        how, _, where = text.partition(": ")
        for known in get_args(How):
            if how == known:
                return cls(known, where)
        raise ValueError(f"an origin begins with one of {', '.join(get_args(How))}")


Provenances = Mapping[str, Provenance]
