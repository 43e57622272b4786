"""How a viewer ends: exit status 0, no complaint, no process and no shared memory left."""

import json
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
KEPT = """
import json
from pathlib import Path
import napari
import numpy as np
from napari.settings import get_plugin_settings
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from fewview.viewer.commands import open_all
from fewview.viewer.demo import wait
from fewview.viewer.files import places
from fewview.viewer.workbench import workbench_of

places.HOME = Path({home!r})
get_plugin_settings(path_dir={home!r})


def click(widget):
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def opened():
    viewer = napari.Viewer()
    docks = open_all(viewer)
    assert wait(lambda: docks["Reconstruct"].chosen_method is not None, 600)
    return viewer, docks, workbench_of(viewer)


viewer, docks, bench = opened()
dock = docks["Reconstruct"]
bench.open({scan!r})
dock.choose("sirt")
dock.form.set_values({{"iterations": 100000}})
click(dock.run_button)
run = bench.runs[-1]
assert wait(lambda: run.step > 5 and run.title in viewer.layers, 600)
dock.choose("fbp")
click(dock.run_button)
viewer.window._qt_window.close()  # as a click on its cross does
wait(lambda: run.over, 60)
wait(lambda: False, 3.0)  # what was still to be written of the session comes too late
viewer, docks, bench = opened()
click(docks["Scan"].scans.go_on)
assert wait(lambda: bench.scan.ready, 600)
(layer,) = [one for one in viewer.layers if "recipe" in one.metadata["fewview"]]
panel = docks["Reconstruct"].panel
told = {{
    "name": layer.name,
    "record": layer.metadata["fewview"]["record"],
    "same": bool(np.array_equal(layer.data, run.volume)),
    "step": run.kept_step,
    "headline": panel.headline.text(),
    "listed": panel.runs.item(0).text(),
}}
click(panel.again_button)
assert wait(lambda: bench.runs[-1].over and not bench.live.showing, 600)
told["again"] = [(run.status, run.payload["recipe"]["method"]) for run in bench.runs]
names = sorted(one.name for one in viewer.layers)
viewer.close()  # a script's way: layer after layer goes before the window
viewer, docks, bench = opened()
click(docks["Scan"].scans.go_on)
assert wait(lambda: bench.scan.ready, 600)
told["left"], told["back"] = names, sorted(one.name for one in viewer.layers)
print(json.dumps(told))
viewer.close()
"""


def test_viewers_closed_in_mid_run_leave_nothing_and_a_script_may_end_with_another_one_open():
    done, workers = _ended(IN_MID_RUN + OPEN)
    assert (done.returncode, done.stderr, len(workers)) == (0, "", 2)
    assert not any(map(psutil.pid_exists, workers))


def test_a_script_may_end_a_moment_after_its_viewer_closed():
    done, _ = _ended(OPEN + "viewer.close()")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_run_had_when_its_window_closed_comes_back_as_what_it_is_and_what_waited_can_be_queued_again(
    tmp_path, disk
):
    done, _ = _ended(KEPT.format(home=str(tmp_path / "home"), scan=disk), numbers=False)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout.splitlines()[-1])  # after what napari says
    record, step = told["record"], told["step"]
    assert told["name"].startswith("Stopped: SIRT, 60 views") and told["name"].endswith(f"(at step {step} of 100000)")
    assert (record["kept"], record["stage"], record["steps"]) == ("intermediate", "iterating", step) and told["same"]
    assert record["stopped"] and record["holds"] == f"SIRT, stopped at step {step} of 100000"
    assert told["headline"] == "Not begun" and told["listed"].startswith("○ Filtered back-projection, 60 views")
    assert told["again"] == [["done", "fbp"]]
    assert len(told["left"]) == 2 and told["back"] == told["left"]  # closed by a script


def _ended(code, numbers=True):
    """What became of a process of its own, and the numbers of the workers that it told; no shared memory is left."""
    from fewview.benchmark.live import in_process_of_its_own

    before = _blocks()
    done = in_process_of_its_own(code)
    assert _blocks() <= before
    return done, [int(word) for word in done.stdout.split()] if numbers else []


def _blocks():
    """Shared memory whose reader is gone; that of other viewers of this machine is theirs."""
    names = {path.name for path in Path("/dev/shm").glob("fewview-*")}
    return {name for name in names if not Path("/proc", name.split("-")[1]).exists()}
