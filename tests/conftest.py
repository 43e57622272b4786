"""What many tests share: where the measured data lies, and that no test is timed."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Threads that spin while they wait take many times as long where other work shares the cores: before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

SHARED = Path(__file__).parents[2] / "shared" / "data"

# A slow or busy machine is no fault of the code: neither a drawn example nor the drawing of it has a time limit.
settings.register_profile("fewview", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fewview")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the measured scans that do not travel with the repository."""
    if not SHARED.is_dir():
        pytest.skip("the measured data (../shared/data) is not on this machine")
    return SHARED
