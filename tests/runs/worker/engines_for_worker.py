"""Engines that behave and misbehave; the worker process of the tests imports them by name."""

import os
import signal
import time

import numpy as np

from fewview.errors import ScanError
from fewview.methods.interface import Estimate


def count(payload, signals):
    """Estimates whose every voxel is the step."""
    total = payload.get("steps", 5)
    for step in range(1, total + 1):
        signals.stopped()
        time.sleep(payload.get("pause", 0.0))
        yield Estimate(np.full((2, 4, 4), step, np.float32), step, total, "counting", {"objective": 1.0 / step})
    return {"answer": 42}


def die(payload, signals):
    """Killed by the system after three estimates."""
    yield from count({"steps": 3}, signals)
    os.kill(os.getpid(), signal.SIGKILL)


def hang(payload, signals):
    """Two estimates, then silence that hears no stop."""
    yield from count({"steps": 2}, signals)
    time.sleep(600)


def eat(payload, signals):
    """One estimate, then more memory than there is."""
    yield Estimate(np.ones((2, 4, 4), np.float32), 1, 2)
    yield Estimate(np.ones((2**18, 64, 64), np.float32), 2, 2)


def mistake(payload, signals):
    """A user's mistake."""
    raise ScanError("The scan is upside down.", "Turn it.")
    yield


def bug(payload, signals):
    """A programmer's mistake."""
    yield Estimate(np.ones((2, 4, 4), np.float32), 1, 2)
    raise ZeroDivisionError("oh")


def spread(payload, signals):
    """Estimates that bring a further volume along, until they are stopped."""
    for step in range(1, payload["steps"] + 1):
        volume = np.full((2, 4, 4), step, np.float32)
        yield Estimate(volume, step, payload["steps"], extra={"std": volume / 10, "skewness": -volume})
        time.sleep(payload.get("pause", 0.0))
