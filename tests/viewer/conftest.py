"""Viewer tests: a viewer as plugins get it, docks, real clicks. They need an X server (xvfb-run serves) and napari."""

import os
import sys
import time

import pytest

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    DISPLAY_PROBLEM = "no display: run under xvfb-run"
else:
    DISPLAY_PROBLEM = ""
os.environ.setdefault("NAPARI_STRICT_QT", "1")
os.environ.setdefault("NAPARI_ENSURE_PLUGIN_MAIN_THREAD", "1")

PATIENCE = 120  # seconds; a loaded machine is no reason to fail


@pytest.fixture
def docked(make_napari_viewer_proxy, qtbot, monkeypatch):
    """A viewer with the plugin's three docks; settings are those of a new user."""
    if DISPLAY_PROBLEM:
        pytest.skip(DISPLAY_PROBLEM)
    pytest.importorskip("napari")
    import npe2

    from fewview.viewer.workbench import workbench_of

    viewer = make_napari_viewer_proxy(show=True)
    manager = npe2.PluginManager.instance()
    if "fewview" not in manager:
        manager.register(npe2.PluginManifest.from_distribution("fewview"))
    import napari.settings

    from fewview.viewer.commands import open_all

    napari.settings._PLUGIN_SETTINGS.clear()
    napari.settings.get_plugin_settings(path_dir=None)  # defaults, in memory: not those of whoever runs the tests
    docks = open_all(viewer)
    bench = workbench_of(viewer)
    made = Docked(viewer, docks, bench, qtbot)
    made.until(lambda: docks["Reconstruct"].chosen_method is not None)
    yield made
    bench.queue.stop()
    made.until(lambda: not bench.queue.busy)
    bench.close()
    viewer.close()
    vars(made).clear()  # pytest keeps the fixture's value longer than napari's own looks for leaks


class Docked:
    """Viewer, docks and a patient hand."""

    def __init__(self, viewer, docks, bench, qtbot):
        self.viewer, self.bench, self.qtbot = viewer, bench, qtbot
        self.scan, self.reconstruct, self.compare = (docks[name] for name in ("Scan", "Reconstruct", "Compare"))

    def until(self, condition):
        begin = time.monotonic()
        while not condition():
            self.qtbot.wait(10)
            assert time.monotonic() - begin < PATIENCE

    def click(self, widget):
        from qtpy.QtCore import Qt

        assert widget.isEnabled(), widget.text()
        self.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    def finish(self):
        self.until(lambda: not self.bench.queue.busy and not self.bench.live.showing)
