"""How a viewer ends: exit status 0, no complaint, no process and no shared memory left."""

import os
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("napari")


pytestmark = pytest.mark.skipif(
    sys.platform.startswith("linux") and not os.environ.get("DISPLAY") and shutil.which("xvfb-run") is None,
    reason="no display, and no xvfb-run",
)
OPEN = """
import napari
from fewview.viewer.commands import open_all
viewer = napari.Viewer()
open_all(viewer)
"""


@pytest.mark.parametrize("last", ["", "viewer.close()"])
def test_a_script_may_end_with_the_viewer_open_or_a_moment_after_it_closed(last):
    from fewview.benchmark.live import in_process_of_its_own

    before = _blocks()
    done = in_process_of_its_own(OPEN + last)
    assert (done.returncode, done.stderr) == (0, "")
    assert _blocks() <= before


@pytest.mark.parametrize("dock", ["", "Reconstruct"])
def test_a_viewer_closed_in_mid_run_leaves_nothing(dock):
    from fewview.benchmark.live import closing

    before = _blocks()
    assert closing(dock) == 0
    assert _blocks() <= before


def _blocks():
    """Shared memory whose reader is gone; that of other viewers of this machine is theirs."""
    names = {path.name for path in Path("/dev/shm").glob("fewview-*")}
    return {name for name in names if not Path("/proc", name.split("-")[1]).exists()}
