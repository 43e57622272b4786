"""How OpenMP's threads, torch's among them, wait for each other: asleep."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

POLICY = "OMP_WAIT_POLICY"
WAITING = {POLICY: "PASSIVE", "GOMP_SPINCOUNT": "1000"}  # GNU's library spins for microseconds before it sleeps


@contextmanager
def sleeping_threads() -> Iterator[None]:
    """Have threads sleep while they wait, in what is loaded and started within; the user's own choice stands.

    By default they spin for milliseconds at each of the many short products of an iteration. Where another process
    wants the same cores, they spin the time away that the thread they wait for needs: TV (128 px, 8 slices, 16 views)
    on two cores shared with other work took 51 to 59 s spinning, 0.6 to 0.8 s asleep, 0.5 to 1.1 s on one thread.
    On an idle machine (4 slices, the weight chosen, three runs each) it took 3.4 to 4.3 s spinning, 4.6 to 5.1 s asleep
    at once, 3.1 to 4.1 s asleep after microseconds; beside two busy processes the last two took 4.9 to 9.7 s.

    The libraries read the variables once, when they are loaded: enter before torch is imported.
    """
    if any(name in os.environ for name in WAITING):
        yield
        return
    os.environ.update(WAITING)
    try:
        yield
    finally:
        for name in WAITING:
            os.environ.pop(name, None)
