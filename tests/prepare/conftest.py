"""Analytic line integrals of ellipses, seen by a detector whose axis lies where the test wants it."""

import numpy as np
import pytest

FINE = 4  # samples per detector column, averaged: a pixel measures a mean, not a point


def sinogram_of_ellipses(ellipses, angles, columns, axis):
    """Line integrals (angles, columns) of (x, y, a, b, tilt, value) ellipses; lengths in columns, about the axis."""
    s = (np.arange(columns * FINE) + 0.5) / FINE - 0.5 - axis
    total = np.zeros((len(angles), columns * FINE))
    for x, y, a, b, tilt, value in ellipses:
        centre = x * np.cos(angles) + y * np.sin(angles)
        square = (a * np.cos(angles - tilt)) ** 2 + (b * np.sin(angles - tilt)) ** 2
        inside = np.maximum(square[:, None] - (s - centre[:, None]) ** 2, 0)
        total += 2 * value * a * b * np.sqrt(inside) / square[:, None]
    return total.reshape(len(angles), columns, FINE).mean(axis=2)


BODY = [(5, -8, 85, 60, 0.4, 1.0), (20, 10, 20, 10, 1.0, -0.6), (-30, -15, 12, 25, 0.3, 0.8), (-50, 10, 8, 8, 0, 1.5)]
DISKS = [(-30, 20, 40, 40, 0, 1.0), (45, 30, 18, 18, 0, 2.0), (10, -60, 12, 12, 0, 1.5)]
RING = [(0, 3, 90, 90, 0, 1.0), (0, 3, 84, 84, 0, -1.0), (20, 30, 10, 14, 0, 0.5)]
SMALL = [(50, -20, 12, 9, 0.3, 1.0), (38, -5, 5, 5, 0, 1.0)]
PHANTOMS = {"body": BODY, "disks": DISKS, "ring": RING, "small": SMALL}


@pytest.fixture(scope="session")
def simulated():
    """Return ``make(name, views, seed, ...) -> (sinogram, angles, axis)`` with Poisson noise."""

    def make(name, views, seed, *, counts=1000, columns=256, arc=np.pi, highest=2.0, irregular=False):
        rng = np.random.default_rng(seed)
        turn = rng.uniform(0, 2 * np.pi)
        turned = [
            (x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn), a, b, tilt + turn, value)
            for x, y, a, b, tilt, value in PHANTOMS[name]
        ]
        angles = rng.uniform(0, arc, views) if irregular else np.linspace(0, arc, views, endpoint=False)
        axis = (columns - 1) / 2 + rng.uniform(-15, 15)
        lines = sinogram_of_ellipses(turned, angles, columns, axis)
        lines *= highest / lines.max()
        if counts:
            lines = -np.log(np.maximum(rng.poisson(counts * np.exp(-lines)), 0.5) / counts)
        return lines, angles, axis

    return make
