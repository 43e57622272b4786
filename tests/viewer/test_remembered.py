"""What the next session finds as the last one left it: a viewer closed, and another one in a new process."""

import os
import shutil
import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("napari")


pytestmark = pytest.mark.skipif(
    sys.platform.startswith("linux") and not os.environ.get("DISPLAY") and shutil.which("xvfb-run") is None,
    reason="no display, and no xvfb-run",
)
SESSION = """
import napari
from napari.settings import get_plugin_settings
from qtpy.QtTest import QTest
from fewview.runs.worker.queue import RunQueue
from fewview.viewer.commands import open_all
RunQueue.warm = lambda queue: None  # nothing runs here
get_plugin_settings(path_dir={folder!r})  # as if it were the folder of the user's settings
viewer = napari.Viewer()
size = open_all(viewer)["Compare"].region_size
assert size.currentText() == {before!r}, size.currentText()
QTest.keyClicks(size, {typed!r})
assert size.currentText() == {after!r}, size.currentText()
viewer.close()
"""


def test_the_size_of_a_region_is_that_of_the_last_session(tmp_path):
    from fewview.benchmark.live import in_process_of_its_own

    for before, typed, after in (("32 x 32", "16", "16 x 16"), ("16 x 16", "", "16 x 16")):
        script = SESSION.format(folder=str(tmp_path), before=before, typed=typed, after=after)
        done = in_process_of_its_own(script)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"tv": 3}'])
def test_options_that_were_edited_into_none_are_forgotten(text):
    from fewview.viewer.common.settings import Settings

    settings = object.__new__(Settings)
    settings._settings = SimpleNamespace(remembered=SimpleNamespace(options=text))
    assert settings.options_of("tv") == {}
    settings.remember_options("tv", {"weight": 0.1})
    assert settings.options_of("tv") == {"weight": 0.1}
