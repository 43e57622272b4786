"""What many tests share: where the measured data lies."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the measured scans that do not travel with the repository."""
    if not SHARED.is_dir():
        pytest.skip("the measured data (../shared/data) is not on this machine")
    return SHARED
