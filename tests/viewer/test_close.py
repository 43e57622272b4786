"""A viewer closed in mid-run: exit status 0, no process and no shared memory left."""

import os
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("napari")


@pytest.mark.skipif(
    sys.platform.startswith("linux") and not os.environ.get("DISPLAY") and shutil.which("xvfb-run") is None,
    reason="no display, and no xvfb-run",
)
def test_a_viewer_closed_in_mid_run_leaves_nothing():
    from fewview.benchmark.live import closing

    before = _blocks()
    assert closing() == 0
    assert _blocks() <= before


def _blocks():
    store = Path("/dev/shm")
    return {path.name for path in store.glob("fewview-*")} if store.is_dir() else set()
