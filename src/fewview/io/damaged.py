"""Whatever a library raises on the content of a file, as one refusal; its talk about it stays out of the terminal."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..errors import FewviewError, ScanError, Stopped

COPY_AGAIN = "Copy it again from where it was measured, or leave it out."
_TALKATIVE = ("fabio", "tifffile")  # they tell of what they find odd in a log, which nobody reads
_OWN = __name__.partition(".")[0]


@contextmanager
def reading(path: Path, title: str, state: str = "damaged") -> Iterator[None]:
    """While a library reads a file: what it raises means that the file is damaged.

    Libraries check headers little: what is damaged further in ends in a division by zero, a name that is no text, or
    an array of another size. An error of fewview's own code is passed on as it is.

    Parameters
    ----------
    path : Path
    title : str
        Of the format.
    state : str
        What the file is then.

    Yields
    ------
    None

    Raises
    ------
    ScanError
        The library raised; the message says of which file and what.
    """
    with ExitStack() as stack:
        for name in _TALKATIVE:
            stack.enter_context(_silent(logging.getLogger(name)))
        try:
            yield
        except (FewviewError, Stopped, MemoryError):
            raise
        except Exception as error:
            if _is_own(error):
                raise
            raise unreadable(path, title, error, state) from None


def unreadable(path: Path, title: str, error: Exception, state: str = "damaged") -> ScanError:
    """The refusal of a damaged file, with what the library said, on one line, or of one that is not the user's.

    Parameters
    ----------
    path : Path
    title : str
        Of the format.
    error : Exception
    state : str
        What the file is.

    Returns
    -------
    ScanError
    """
    if isinstance(error, PermissionError):
        return ScanError(f"{path.name} may not be read by you.", "Ask its owner for the right to read it.")
    said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return ScanError(f"{path.name} cannot be read as {title}: it is {state} ({said}).", COPY_AGAIN)


def _is_own(error: Exception) -> bool:
    """Whether it was raised in fewview's own code, not in a library that reads."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", ""))
    return name.partition(".")[0] == _OWN


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    if not logger.propagate:
        yield
        return
    nothing = logging.NullHandler()
    logger.addHandler(nothing)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = True
        logger.removeHandler(nothing)
