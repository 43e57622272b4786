"""The end of a window, which ends what was done for it."""

from __future__ import annotations

import time
import weakref
from typing import Any

LISTENER_SECONDS = 2.0  # for the thread that hears the worker to take note of its end


def halt(bench: Any, listener: Any) -> None:
    """Stop the run that goes on, whose window goes, so that its last estimate and its record can be kept.

    Parameters
    ----------
    bench : Workbench
    listener : GeneratorWorker or None
        The thread that hears the worker process; it ends.
    """
    if listener is not None:
        listener.quit()
    run = bench.queue.current
    if run not in bench.runs or not run.active or not run.sequence:
        return
    asked = time.monotonic()
    while listener is not None and listener.is_running and time.monotonic() - asked < LISTENER_SECONDS:
        time.sleep(0.01)
    bench.queue.finish()


def told_to_close(viewer: Any) -> bool:
    """Whether ``viewer.close()`` was called, which takes out layer after layer before the window goes.

    What a click on the window's cross finds is gone by then. The call is seen by its first step: the viewer does not
    listen to its sliders any more.

    Parameters
    ----------
    viewer : napari Viewer, or a plugin's proxy of it
    """
    bare = getattr(viewer, "__wrapped__", viewer)
    heard = [callback[0]() for callback in bare.dims.events.point.callbacks if isinstance(callback, tuple)]
    return bare not in heard


class End:
    """What the end of a window calls. A plain callable: PySide6 cannot call a slot of ours from a dying sender."""

    def __init__(self, bench: Any) -> None:
        self._bench = weakref.ref(bench)

    def __call__(self, *_: Any) -> None:
        """Called by Qt."""
        bench = self._bench()
        if bench is not None:
            bench.close()
