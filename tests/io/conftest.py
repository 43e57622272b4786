"""A small scan of three disks with counts, flats and darks, from analytic line integrals."""

from types import SimpleNamespace

import numpy as np
import pytest

COLUMNS, OFFSET, BEAM = 64, 100, 20000
DISKS = [(-6.0, 5.0, 14.0, 0.03), (9.0, 4.0, 6.0, 0.06), (2.0, -12.0, 5.0, 0.05)]  # x, y, radius, 1/pixel


def integrals(degrees, axis=31.5):
    """Line integrals (angle, 2 rows, column)."""
    angles = np.radians(np.asarray(degrees, dtype=float))
    s = np.arange(COLUMNS) - axis
    total = np.zeros((len(angles), COLUMNS))
    for x, y, radius, value in DISKS:
        away = s - (x * np.cos(angles) + y * np.sin(angles))[:, None]
        total += 2 * value * np.sqrt(np.maximum(radius**2 - away**2, 0))
    return np.repeat(total[:, None], 2, axis=1).astype(np.float32)


def counts(degrees, axis=31.5, beam=None, seed=0):
    """Counts as uint16; ``beam`` is the intensity of each view, 1 without."""
    relative = np.ones(len(degrees)) if beam is None else np.asarray(beam)
    mean = BEAM * np.exp(-integrals(degrees, axis)) * relative[:, None, None]
    return (np.random.default_rng(seed).poisson(mean) + OFFSET).astype(np.uint16)


def flats(number=5, beam=1.0, seed=1):
    """Open-beam frames as uint16."""
    mean = np.full((number, 2, COLUMNS), BEAM * beam)
    return (np.random.default_rng(seed).poisson(mean) + OFFSET).astype(np.uint16)


def darks(number=3, seed=2):
    """Frames without beam as uint16."""
    return np.random.default_rng(seed).poisson(OFFSET, (number, 2, COLUMNS)).astype(np.uint16)


@pytest.fixture(scope="session")
def disks():
    """Functions ``integrals``, ``counts``, ``flats`` and ``darks``, 60 ``degrees`` and the ``frames`` at them."""
    degrees = 0.5 + 2.95 * np.arange(60)
    return SimpleNamespace(
        integrals=integrals, counts=counts, flats=flats, darks=darks, degrees=degrees, frames=counts(degrees)
    )


@pytest.fixture
def save(tmp_path, disks):
    """Write a scan; what is given takes the place of what is right, None leaves it out."""

    def write(**arrays):
        right = {
            "projections": disks.frames,
            "flats": disks.flats(),
            "darks": disks.darks(),
            "angles_deg": disks.degrees,
        }
        held = {name: array for name, array in {**right, **arrays}.items() if array is not None}
        np.savez(tmp_path / "scan.npz", **held)
        return tmp_path / "scan.npz"

    return write
