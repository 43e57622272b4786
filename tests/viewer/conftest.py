"""Viewer tests: a viewer as plugins get it, docks, real clicks. They need an X server (xvfb-run serves) and napari."""

import os
import sys
import time
from typing import ClassVar

import pytest

from fewview.runs.worker.loop import PAUSE, STOP
from fewview.runs.worker.messages import Failed, Finished, Ready
from fewview.runs.worker.process import WorkerProcess

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    DISPLAY_PROBLEM = "no display: run under xvfb-run"
else:
    DISPLAY_PROBLEM = ""
os.environ.setdefault("NAPARI_STRICT_QT", "1")
os.environ.setdefault("NAPARI_ENSURE_PLUGIN_MAIN_THREAD", "1")

PATIENCE = float(os.environ.get("FEWVIEW_PATIENCE", 300))  # seconds; a loaded machine is no reason to fail


class KeptWorker(WorkerProcess):
    """A worker that waits for the viewer of the next test when its own is gone: loading its libraries takes seconds.

    One that was killed, or is still at work, ends.
    """

    spare: ClassVar["KeptWorker | None"] = None

    def __init__(self):
        super().__init__()
        self._at_work, self._lent_again = False, False

    @classmethod
    def lend(cls):
        """The worker that waits, as good as new; another one where there is none."""
        worker, cls.spare = cls.spare, None
        if worker is None or not worker.alive:
            return cls()
        worker._flags[STOP], worker._flags[PAUSE], worker._job = 0, 0, 0  # each queue counts its jobs from 1
        worker._lent_again = True
        return worker

    def submit(self, job):
        self._at_work = True
        super().submit(job)

    def poll(self, timeout):
        messages = super().poll(0 if self._lent_again else timeout)
        if any(isinstance(message, Finished | Failed) for message in messages):
            self._at_work = False
        if self._lent_again:  # its libraries are loaded
            self._lent_again, messages = False, [Ready(), *messages]
        return messages

    def close(self):
        if KeptWorker.spare is None and self.alive and not self._at_work:
            KeptWorker.spare = self
        else:
            super().close()


@pytest.fixture(scope="session")
def lend_worker():
    """What makes workers for the viewers of this session."""
    yield KeptWorker.lend
    if KeptWorker.spare is not None:
        KeptWorker.spare, spare = None, KeptWorker.spare
        spare.close()


@pytest.fixture
def docked(make_napari_viewer_proxy, qtbot, monkeypatch, tmp_path_factory, lend_worker):
    """A viewer with the plugin's three docks; settings are those of a new user."""
    if DISPLAY_PROBLEM:
        pytest.skip(DISPLAY_PROBLEM)
    pytest.importorskip("napari")
    import npe2
    from qtpy.QtCore import QCoreApplication, Qt

    from fewview.runs.worker import queue
    from fewview.viewer.files import places
    from fewview.viewer.workbench import workbench_of

    monkeypatch.setattr(queue, "WorkerProcess", lend_worker)
    monkeypatch.setattr(places, "HOME", tmp_path_factory.mktemp("home"))
    viewer = make_napari_viewer_proxy(show=True)
    manager = npe2.PluginManager.instance()
    if "fewview" not in manager:
        manager.register(npe2.PluginManifest.from_distribution("fewview"))
    import napari.settings

    from fewview.viewer.commands import open_all

    napari.settings._PLUGIN_SETTINGS.clear()
    QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)  # the tests type into Qt's own
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


@pytest.fixture
def disk(tmp_path):
    """File of a small scan: a disk, 60 views, 4 rows of 64 columns, line integrals per pixel."""
    import h5py
    import numpy as np

    lines = 0.04 * np.sqrt(np.maximum(20.0**2 - (np.arange(64) - 31.5) ** 2, 0))
    path = tmp_path / "disk.h5"
    with h5py.File(path, "w") as file:
        file["exchange/data"] = (lines + np.random.default_rng(0).normal(0, 0.01, (60, 4, 64))).astype(np.float32)
        file["exchange/theta"] = np.arange(60) * 3.0
        file["exchange"].attrs["axis"] = 31.5  # none has to be looked for
    return str(path)


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

    def type(self, widget, text):
        """Select what a field holds and type over it, with Return."""
        from qtpy.QtCore import Qt
        from qtpy.QtWidgets import QAbstractSpinBox

        line = widget.lineEdit() if isinstance(widget, QAbstractSpinBox) else widget
        self.qtbot.mouseClick(line, Qt.MouseButton.LeftButton)
        self.qtbot.keyClick(line, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        self.qtbot.keyClicks(line, text)
        self.qtbot.keyClick(line, Qt.Key.Key_Return)

    def select(self, combo, text, chosen=None):
        """Open a combo box and click on the item; again where the list closed or opened anew before the click came.

        ``chosen`` says whether it was, where the box does not show the item afterwards.
        """
        from qtpy.QtCore import Qt

        view, begin = combo.view(), time.monotonic()
        while not (combo.currentText() == text if chosen is None else chosen()):
            assert time.monotonic() - begin < PATIENCE
            if not view.isVisible():
                self.qtbot.mouseClick(combo, Qt.MouseButton.LeftButton)
                self.qtbot.wait(300)  # a click within the double click's time of the opening is not taken
                continue
            index = combo.model().index(combo.findText(text), combo.modelColumn())
            view.scrollTo(index)
            self.qtbot.mouseMove(view.viewport(), view.visualRect(index).center())
            self.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(index).center())
            self.qtbot.wait(300)

    def open_sample(self, start, binning):
        """Open the sample whose name starts so, and bin it."""
        self.pick(self.scan.sample, start)
        self.until(lambda: self.scan.scan.ready)
        self.finish()
        self.type(self.scan.bin, str(binning))

    def reconstruct_scan(self, path, method="fbp", wait=True, **options):
        """Open a scan and run a method on it by the Run button; waits for its end, or its second estimate."""
        self.bench.open(path)
        assert self.bench.scan.ready
        return self.run(method, wait, **options)

    def run(self, method="fbp", wait=True, **options):
        """Run a method on the scan that is meant."""
        self.reconstruct.choose(method)
        if options:
            self.reconstruct.form.set_values(options)
        before = len(self.bench.runs)
        self.click(self.reconstruct.run_button)
        self.until(lambda: len(self.bench.runs) > before)
        run = self.bench.runs[-1]
        self.until(lambda: run.over or (not wait and run.step >= 2))
        if wait:
            self.finish()
        return run

    def pick(self, button, start):
        """Open the menu of a button and click on the entry that starts so."""
        from qtpy.QtCore import Qt, QTimer

        menu = button.menu()

        def choose():
            if not menu.isVisible():
                QTimer.singleShot(50, choose)
                return
            action = next(action for action in menu.actions() if action.text().startswith(start))
            self.qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())

        QTimer.singleShot(50, choose)  # the menu has an event loop of its own
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def answer(self, path):
        """Type a path into the file dialog that the next click will open."""
        from qtpy.QtCore import Qt, QTimer
        from qtpy.QtWidgets import QApplication, QDialogButtonBox, QFileDialog, QLineEdit

        def fill():
            dialog = QApplication.activeModalWidget()
            if not isinstance(dialog, QFileDialog):
                QTimer.singleShot(100, fill)
                return
            line = dialog.findChild(QLineEdit, "fileNameEdit")
            line.selectAll()
            self.qtbot.keyClicks(line, str(path))
            save(dialog)

        def save(dialog):
            # The list selects folders while one types, and may go to one of them: what was typed is what is meant.
            dialog.findChild(QLineEdit, "fileNameEdit").setText(str(path))
            box = dialog.findChild(QDialogButtonBox)
            self.qtbot.mouseClick(box.button(QDialogButtonBox.StandardButton.Save), Qt.MouseButton.LeftButton)
            if dialog.isVisible():
                QTimer.singleShot(300, lambda: save(dialog))

        QTimer.singleShot(100, fill)

    def restart(self, closed=lambda: None):
        """Close the session, with all of its scans and layers, and go on with it as the next viewer would.

        ``closed`` is called in between: what the session wrote lies where it said until another one takes it over.
        """
        bench = self.bench
        bench.keeper.close()
        closed()
        bench.keeper.on = False
        while bench.scans.all:
            bench.forget_scan()
        self.viewer.layers.clear()
        bench.keeper.on = True
        bench.keeper.open()
        bench.scan_changed.emit()
        self.scan.parentWidget().raise_()
        self.until(self.scan.scans.go_on.isVisible)
        self.click(self.scan.scans.go_on)
        self.until(lambda: bench.scan.ready)

    def finish(self):
        self.until(lambda: not self.bench.queue.busy and not self.bench.live.showing)
