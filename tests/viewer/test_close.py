"""How a viewer ends: exit status 0, no complaint, no process and no shared memory left."""

import os
import shutil
import sys
from pathlib import Path

import psutil
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
# One process after the other, for loading napari takes longer than all that it does here.
IN_MID_RUN = """
from fewview.viewer.liveliness import close_in_mid_run
close_in_mid_run("Reconstruct")
close_in_mid_run()
"""


def test_viewers_closed_in_mid_run_leave_nothing_and_a_script_may_end_with_another_one_open():
    done, workers = _ended(IN_MID_RUN + OPEN)
    assert (done.returncode, done.stderr, len(workers)) == (0, "", 2)
    assert not any(map(psutil.pid_exists, workers))


def test_a_script_may_end_a_moment_after_its_viewer_closed():
    done, _ = _ended(OPEN + "viewer.close()")
    assert (done.returncode, done.stderr) == (0, "")


def _ended(code):
    """What became of a process of its own, and the numbers of the workers that it told; no shared memory is left."""
    from fewview.benchmark.live import in_process_of_its_own

    before = _blocks()
    done = in_process_of_its_own(code)
    assert _blocks() <= before
    return done, [int(word) for word in done.stdout.split()]


def _blocks():
    """Shared memory whose reader is gone; that of other viewers of this machine is theirs."""
    names = {path.name for path in Path("/dev/shm").glob("fewview-*")}
    return {name for name in names if not Path("/proc", name.split("-")[1]).exists()}
