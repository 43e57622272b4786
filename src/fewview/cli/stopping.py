"""How a command is ended from outside: Ctrl-C, a batch system's notice before its kill, a terminal that is closed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ..errors import Interrupted, Stopped

_SENT = ("SIGTERM", "SIGHUP")  # by machines, often twice: never a sign of impatience. Windows has no SIGHUP


@contextmanager
def stop_and_keep(stop: threading.Event) -> Iterator[None]:
    """Any of these ends the run and keeps its estimate; a second Ctrl-C aborts."""

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    with _handled(handle, signal.SIGINT, *_sent()):
        yield


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """A batch system's notice and a closed terminal end the command as Ctrl-C does, with what that keeps."""

    def handle(number: int, frame: FrameType | None) -> None:
        for one in _sent():
            signal.signal(one, signal.SIG_IGN)  # what is being kept now must not be cut off by the next one
        raise KeyboardInterrupt

    with _handled(handle, *_sent()):
        yield


@contextmanager
def nothing_written(before: str = "the first estimate came") -> Iterator[None]:
    """Say so where a stop comes before there is anything to keep."""
    try:
        yield
    except Stopped:
        raise Interrupted(f"Stopped before {before}; nothing was written.") from None


def _sent() -> list[signal.Signals]:
    """Those of the machine that count here: one that is ignored was ignored on purpose, as by ``nohup``."""
    named = [getattr(signal, name) for name in _SENT if hasattr(signal, name)]
    return [one for one in named if signal.getsignal(one) is not signal.SIG_IGN]


@contextmanager
def _handled(handle: Callable[[int, FrameType | None], None], *numbers: signal.Signals) -> Iterator[None]:
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
