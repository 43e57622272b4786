"""How OpenMP's threads, torch's among them, wait for each other: asleep."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

POLICY = "OMP_WAIT_POLICY"


@contextmanager
def sleeping_threads() -> Iterator[None]:
    """Have threads sleep while they wait, in what is loaded and started within; the user's own choice stands.

    By default they spin for milliseconds at each of the many short products of an iteration. Where another process
    wants the same cores, they spin the time away that the thread they wait for needs: TV (128 px, 8 slices, 16 views)
    on two cores shared with other work took 51 to 59 s spinning, 0.6 to 0.8 s asleep, 0.5 to 1.1 s on one thread.

    The libraries read the variable once, when they are loaded: enter before torch is imported.
    """
    if POLICY in os.environ:
        yield
        return
    os.environ[POLICY] = "PASSIVE"
    try:
        yield
    finally:
        os.environ.pop(POLICY, None)
