"""Errors meant for the person at the beamline: what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

FEW = 12  # names that a message lists; of more, it says the nearest and where to find the list


class FewviewError(Exception):
    """A mistake or a missing thing that the user can mend.

    The command line prints it as one line and exits with status 2; the viewer shows it as a notification.

    Parameters
    ----------
    problem : str
        What is wrong, naming the file or the value.
    remedy : str
        What to do about it. Part of the message, after the problem.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem} {remedy}".strip())


class ScanError(FewviewError):
    """A scan file that cannot be read, or that contradicts itself."""


class AnswerNeeded(ScanError):
    """A scan file that leaves something open, which a flag settles: the message names the flag."""


class OptionError(FewviewError):
    """An option that does not exist or lies outside its bounds."""


class MethodUnavailable(FewviewError):
    """A method whose backend or weights are not on this machine."""


class NotEnoughMemory(FewviewError):
    """A run whose forecast exceeds the memory that may be used."""


class Interrupted(FewviewError):
    """Ended by the user before its end; the message says what is kept. The command line exits with status 130."""


class Stopped(Exception):
    """Raised inside a long step when the user stopped the run; the runner keeps the last estimate."""


def memory_ran_out(error: Exception) -> bool:
    """Whether an error says that memory ran out; torch says so in a RuntimeError."""
    words = ("out of memory", "not enough memory", "allocate memory")
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(word in str(error).lower() for word in words)
    )


def choices(name: str, known: Iterable[str], listing: str = "", few: str = "Choose one of") -> str:
    """What to choose in the place of a name that does not exist.

    Parameters
    ----------
    name : str
    known : iterable of str
        What there is.
    listing : str
        Command that lists them all, where they are many.
    few : str
        Words before the list, where they are few.

    Returns
    -------
    str
        The nearest names as a question, if any is near; then the list, or where it is.
    """
    names = list(known)
    near = difflib.get_close_matches(name.lower(), names, n=3)
    asked = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    if listing and len(names) > FEW:
        return f"{asked}{listing} lists them all."
    return f"{asked}{few} {', '.join(names) or 'none'}."
