"""napari's thread that listens to the worker process, so that napari knows a task is running and can cancel it."""

from __future__ import annotations

from collections.abc import Iterator

from napari.qt.threading import thread_worker

from ...runs.worker.queue import RunQueue

TICK_SECONDS = 0.05


@thread_worker
def listen(queue: RunQueue) -> Iterator[None]:
    """A thread, not started, that pumps the queue until it is empty."""
    while queue.busy:
        queue.pump(TICK_SECONDS)
        yield
