"""Real clicks on real docks, on the real tooth, in a real (virtual) display."""

import csv
import gc
import sys

import numpy as np
import pytest

pytest.importorskip("napari")
pytest.importorskip("pytestqt")

from fewview.viewer.common.names import extra_name


def click_image(docked, down, right):
    """A mouse click on the canvas, at a share of the image's height and width."""
    from qtpy.QtCore import QPoint, Qt
    from qtpy.QtWidgets import QApplication

    layer = next(layer for layer in reversed(docked.viewer.layers) if type(layer).__name__ == "Image")
    low, high = layer.extent.world[:, -2:]
    y, x = low + np.array([down, right]) * (high - low)
    canvases = [w for w in QApplication.allWidgets() if type(w).__name__ == "CanvasBackendDesktop" and w.isVisible()]
    canvas = canvases[0]

    def view():
        camera = docked.viewer.scene.camera
        return canvas.width(), canvas.height(), camera.zoom, tuple(camera.center)

    before = None
    while view() != before:  # docks and sliders that come and go still move the canvas
        before = view()
        docked.qtbot.wait(500)
    zoom, centre = docked.viewer.scene.camera.zoom, docked.viewer.scene.camera.center
    pixel = QPoint(
        round(canvas.width() / 2 + (x - centre[-1]) * zoom), round(canvas.height() / 2 + (y - centre[-2]) * zoom)
    )
    docked.qtbot.mouseMove(canvas, pixel)
    docked.qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=pixel)
    return y, x


def start_a_long_run(docked):
    """More iterations of SIRT on the microstructure than any test waits for; it has shown some when this returns."""
    docked.viewer.open_sample("fewview", "microstructure")
    docked.until(lambda: docked.bench.scan.ready)
    docked.reconstruct.choose("sirt")
    docked.reconstruct.form.set_values({"iterations": 5000})
    docked.click(docked.reconstruct.run_button)
    run = docked.bench.runs[-1]
    docked.until(lambda: run.step >= 2 or run.over)
    return run


def test_load_reconstruct_click_table_export(docked, tmp_path):
    """The whole way, by clicks and keys alone: sample menu, views, Run, a click on the image, the table, the report."""
    from qtpy.QtWidgets import QPushButton

    scan, dock, compare = docked.scan, docked.reconstruct, docked.compare
    docked.pick(scan.sample, "Tooth")
    docked.until(lambda: scan.scan.ready and not docked.bench.finding_axis)
    docked.finish()
    assert "Ready" in scan.headline.text() and 290 < scan.scan.axis < 300
    assert any("Projections" in layer.name for layer in docked.viewer.layers)

    docked.type(scan.bin, "2")
    docked.type(scan.views, "31")
    docked.click(next(made for made in dock.modes.buttons() if made.text() == "Classical"))
    docked.select(dock.method, "SIRT")
    assert dock.chosen_method.name == "sirt"
    docked.type(dock.form.input_of("iterations"), "12")
    docked.click(dock.run_button)
    run = docked.bench.runs[-1]
    docked.until(lambda: run.over)
    docked.finish()
    assert run.status == "done", run.error
    layer = docked.viewer.layers[run.title]
    assert layer.name == "SIRT, 31 views, iterations 12, bin 2 #1"
    assert layer.data.shape == (1, 320, 320) and layer.axis_labels == ("z", "y", "x")
    assert layer.metadata["fewview"]["record"]["views"] == 31
    assert layer.data.flags.owndata or layer.data.base is None

    y, x = click_image(docked, 0.5, 0.45)
    docked.until(lambda: compare.table.rowCount() == 2)  # the region, and the whole slice
    row = compare.rows[0]
    size = tuple(int(n) for n in compare.region_size.currentText().split(" x "))
    _, corners = compare.regions.boxes()[0]
    centre = corners.mean(axis=0)
    assert np.abs(centre - (y, x)).max() < 2 * 2  # within two voxels of the click
    region = compare.presenter.candidate(layer, compare.z).region(corners)
    assert region.size == size
    window = layer.data[0, region.y[0] : region.y[1], region.x[0] : region.x[1]]
    assert row.values["mean"] == pytest.approx(float(window.mean()), rel=1e-5)
    assert row.values["psnr"] is None and "No reference" in compare.words.truth.text()
    assert row.values["data_residual"] == pytest.approx(layer.metadata["fewview"]["record"]["data_residual"])

    for ending, tool in (("csv", "CSV"), ("html", "Report"), ("png", "PNG")):
        path = tmp_path / f"out.{ending}"
        docked.answer(path)
        compare.pages.show_page("Files")
        docked.click(next(b for b in compare.findChildren(QPushButton) if b.text() == tool))
        assert path.stat().st_size > 100
    with (tmp_path / "out.csv").open() as file:
        line = next(csv.DictReader(file))
    assert float(line["mean"]) == pytest.approx(row.values["mean"])
    report = (tmp_path / "out.html").read_text()
    assert "fewview reconstruct" in report and "data:image/png" in report


def test_stop_keeps_the_estimate_and_a_copied_command_names_it(docked):
    from qtpy.QtWidgets import QApplication

    docked.viewer.open_sample("fewview", "shell")
    docked.until(lambda: docked.bench.scan.ready and not docked.bench.finding_axis)
    docked.finish()
    dock = docked.reconstruct
    dock.choose("sirt")
    dock.form.set_values({"iterations": 5000})
    docked.click(dock.run_button)
    run = docked.bench.runs[-1]
    docked.until(lambda: run.step >= 3 or run.over)
    assert dock.run_button.text() == "Queue"
    assert gc.get_freeze_count()  # a full collection would stop the screen in mid-run
    # FBP's negative streaks set the contrast of the first look only: SIRT is positive, and so are its limits.
    docked.until(lambda: run.title in docked.viewer.layers and docked.viewer.layers[run.title].contrast_limits[0] >= 0)
    docked.until(dock.panel.pause.isEnabled)
    docked.click(dock.panel.pause)
    assert run.status == "paused" and dock.panel.pause.text() == "Go on"
    docked.click(dock.panel.pause)
    docked.click(dock.panel.stop)
    docked.until(lambda: run.over)
    docked.finish()
    assert not gc.get_freeze_count()
    layer = docked.viewer.layers[run.title]
    assert run.status == "stopped" and 0 < run.kept_step < 5000
    assert np.array_equal(layer.data, run.volume) and float(np.ptp(layer.data)) > 0
    # With the reference that the sample brings, the table speaks of PSNR, and the X-ray guide stays out of it.
    docked.compare.drop(0.5, 0.5)
    row = docked.compare.rows[0]
    assert row.layer == run.title and row.values["psnr"] is not None
    dock.copy_command()
    text = QApplication.clipboard().text()
    assert text.startswith("fewview reconstruct") and "--method sirt" in text and "iterations=5000" in text


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
def test_a_killed_worker_is_a_message_and_the_viewer_goes_on(docked):
    import os
    import signal

    dock, run = docked.reconstruct, start_a_long_run(docked)
    assert not run.over, run.error
    os.kill(docked.bench.queue.worker_pid, signal.SIGKILL)
    docked.until(lambda: run.over)
    docked.finish()
    assert run.status == "failed" and "killed" in dock.panel.headline.text()
    assert run.title in docked.viewer.layers
    assert docked.viewer.layers[run.title].scale[0] == pytest.approx(0.2)
    assert str(docked.viewer.layers[run.title].units[0]) in ("millimeter", "mm")
    dock.form.set_values({"iterations": 3})
    docked.click(dock.run_button)
    docked.until(lambda: docked.bench.runs[-1].over)
    docked.finish()
    assert docked.bench.runs[-1].status == "done"


def test_every_control_has_a_name_and_a_tooltip_in_both_themes(docked):
    from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QSlider

    docked.viewer.open_sample("fewview", "shell")
    for theme in ("light", "dark"):
        docked.viewer.theme = theme
        docked.qtbot.wait(50)
    for dock in (docked.scan, docked.reconstruct, docked.compare):
        for kind in (QAbstractButton, QAbstractSpinBox, QComboBox, QSlider):
            for control in dock.findChildren(kind):
                if control.objectName().startswith("qt_"):
                    continue
                assert control.accessibleName() or getattr(control, "text", str)(), (dock, control)
                folds = control.accessibleDescription().startswith("Fold")
                assert control.toolTip() or folds, (type(dock).__name__, control.accessibleName())
        assert dock._inner.minimumSizeHint().width() <= 265, type(dock).__name__


def test_tab_goes_as_one_reads(docked):
    from qtpy import PYSIDE6
    from qtpy.QtCore import Qt

    if PYSIDE6:
        pytest.skip("PySide6 keeps each widget of napari's that the walk meets, and napari's leak check then fails")

    def names(dock):
        found, control = [], dock.nextInFocusChain()
        while control is not dock:
            if dock.isAncestorOf(control) and control.focusPolicy() & Qt.FocusPolicy.TabFocus:
                found.append(control.accessibleName())
            control = control.nextInFocusChain()
        return found

    docked.viewer.open_sample("fewview", "microstructure")
    docked.until(lambda: docked.bench.scan.ready)
    docked.reconstruct.choose("sirt")
    for dock, wanted in (
        (docked.scan, ["File…", "Find axis", "Set pixel", "Views"]),
        (docked.reconstruct, ["Unimodal", "Classical", "Method", "Draft", "Iterations", "Held-out views", "Run"]),
    ):
        found = names(dock)
        places = [found.index(name) for name in wanted]
        assert places == sorted(places), found


def test_keys_are_bound_shown_and_changed(docked):
    from napari._app_model import get_app_model
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QLabel

    from fewview.viewer.keys.dialog import KeysTable

    table = KeysTable(docked.bench)
    docked.qtbot.addWidget(table)
    assert table.lines["stop"].text() == "Shift-S"
    table.lines["stop"].setText("Shift-R")
    table.lines["stop"].editingFinished.emit()
    assert "toggle_run" in table.problems.text()
    table.lines["stop"].setText("Shift-X")
    table.lines["stop"].editingFinished.emit()
    assert docked.bench.settings.keys()["stop"] == "Shift-X"
    docked.bench.settings.set_key("stop", "Shift-S")
    docked.viewer.add_image(np.zeros((4, 4)))
    docked.qtbot.keyClick(docked.compare.window(), Qt.Key.Key_G, Qt.KeyboardModifier.ShiftModifier)
    docked.until(docked.compare.views.grid.isChecked)
    assert docked.viewer.canvas.grid.enabled
    docked.compare.views.grid.setChecked(False)

    window = docked.viewer.window  # the table of keys takes no room from picture and comparison
    window.resize(1280, 800)
    docked.qtbot.wait(300)
    before = docked.compare.width()
    get_app_model().commands.execute_command("fewview.show_keys").result()
    docked.qtbot.wait(300)
    page = window.dock_widgets["fewview keys"]
    assert page.isVisible() and docked.compare.width() == before
    assert all(line.width() >= line.fontMetrics().horizontalAdvance("Control-Shift-M") for line in page.lines.values())
    labels = [label for label in page.findChildren(QLabel) if label.text()]
    assert len(labels) == 1 + len(page.lines) and all(label.width() > 200 for label in labels)
    assert all(not label.visibleRegion().isEmpty() for label in labels)


def test_what_is_missing_is_mended_by_its_button(docked, tmp_path):
    from qtpy.QtCore import Qt

    random = np.random.default_rng(0)
    np.save(tmp_path / "frames.npy", random.random((9, 20, 24)).astype(np.float32) + 0.5)
    docked.viewer.open(str(tmp_path / "frames.npy"), plugin="fewview")
    if not docked.scan.scan.loaded:  # it reads as a volume too: without angles, only the Scan dock can tell
        docked.bench.open(str(tmp_path / "frames.npy"))
    scan = docked.scan
    assert "Not ready" in scan.headline.text() and not docked.reconstruct.run_button.isEnabled()
    docked.click(scan.facts.buttons["angles"])
    editor = scan.facts.editor
    assert editor.isVisible() and "START:STOP" in editor.question.text()
    docked.qtbot.keyClicks(editor.line, "0:180")
    docked.qtbot.keyClick(editor.line, Qt.Key.Key_Return)
    docked.until(lambda: scan.scan.ready)
    assert docked.reconstruct.run_button.isEnabled() and len(scan.scan.angles) == 9
    docked.finish()


def test_unimodal_streams_shows_its_spread_and_keeps_what_was_stopped(docked):
    """A diffusion method, draft quality, one slice of the microstructure; the second time stopped on the way."""
    scan, dock = docked.scan, docked.reconstruct
    docked.pick(scan.sample, "Microstructure")
    docked.until(lambda: scan.scan.ready)
    docked.type(scan.bin, "2")
    docked.type(scan.last, "1")
    docked.click(next(made for made in dock.modes.buttons() if made.text() == "Unimodal"))
    docked.select(dock.method, "D3IP (generic prior)")
    docked.click(dock.presets["Draft"])
    assert dock.form.changes() == {"samples": 2, "steps": 4, "data_step.trust": 0.7}
    assert dock.presets["Draft"].isChecked() and not dock.presets["Standard"].isChecked()
    stages = []
    docked.bench.painted.connect(lambda name: stages.append(docked.bench.runs[-1].stage))
    docked.click(dock.run_button)
    run = docked.bench.runs[-1]
    docked.until(lambda: run.over)
    docked.finish()
    assert run.status == "done" and (run.step, run.total) == (4, 4), run.error
    assert len(set(stages)) > 1, stages  # the first look and what came of it, not just the end
    names = [layer.name for layer in docked.viewer.layers]
    std = docked.viewer.layers[extra_name(run.title, "std")]
    assert names.index(std.name) == names.index(run.title) - 1 and not std.visible
    assert std.data.shape == docked.viewer.layers[run.title].data.shape and float(std.data.max()) > 0
    assert std.scale[0] == docked.viewer.layers[run.title].scale[0]
    assert std.name not in [layer.name for layer in docked.compare.compared()]

    docked.type(dock.form.input_of("steps"), "400")
    docked.click(dock.run_button)
    run = docked.bench.runs[-1]
    docked.until(lambda: run.over or (run.stage == "diffusing" and run.step >= 2))
    docked.until(lambda: run.over or dock.panel.stop.isEnabled())  # buttons follow at the next tick
    docked.click(dock.panel.stop)
    docked.until(lambda: run.over)
    docked.finish()
    assert run.status == "stopped" and 0 < run.kept_step < 400, run.error
    assert f"stopped at step {run.kept_step} of" in dock.panel.details.text()
    assert np.array_equal(docked.viewer.layers[run.title].data, run.volume)
    assert extra_name(run.title, "std") in docked.viewer.layers


def test_a_dock_closed_in_mid_run_leaves_the_run_alone(docked):
    """Only the panel goes: the run goes on, its layer stays live, and the dock comes back as it was."""
    from qtpy.QtWidgets import QAbstractButton

    dock, run = docked.reconstruct, start_a_long_run(docked)
    frame = dock.parentWidget()
    cross = next(
        made
        for made in frame.titleBarWidget().findChildren(QAbstractButton)
        if made.objectName() == "QTitleBarCloseButton"
    )
    docked.click(cross)
    docked.until(lambda: not dock.isVisible())
    step, shown = run.step, docked.bench.live.sequence
    docked.until(lambda: run.step > step + 3 and docked.bench.live.sequence > shown)
    assert run.status == "running"
    _, dock_again = docked.viewer.window.add_plugin_dock_widget("fewview", "Reconstruct")
    docked.until(dock_again.isVisible)
    assert docked.bench.queue.current is run and not run.over
    docked.until(dock_again.panel.stop.isEnabled)
    docked.click(dock_again.panel.stop)
    docked.until(lambda: run.over)
    docked.finish()
    assert run.status == "stopped" and np.array_equal(docked.viewer.layers[run.title].data, run.volume)


def test_the_grid_shows_the_regions_over_every_layer_and_leaves_no_trace(docked):
    from qtpy.QtCore import QEvent, QPoint
    from qtpy.QtGui import QHelpEvent
    from qtpy.QtWidgets import QApplication, QToolTip

    viewer, compare = docked.viewer, docked.compare
    for name in ("first", "second", "third"):
        viewer.add_image(np.random.default_rng(0).random((2, 60, 60)), name=name, axis_labels=("z", "y", "x"))
    compare.refresh()
    compare.drop(0.5, 0.5)
    docked.click(compare.views.grid)
    grid, layers = viewer.canvas.grid, viewer.layers
    cells = [grid.position(layers.index(layers[name]), layers) for name in ("first", "second", "third")]
    assert cells == [(0, 0), (0, 1), (1, 0)]
    for name, cell in zip(("first", "second", "third"), cells, strict=True):
        copy = layers[f"Regions on {name}"]
        assert grid.position(layers.index(copy), layers) == cell
        np.testing.assert_allclose(copy.data[0], layers["Regions"].data[0])
    copies = [layers[f"Regions on {name}"] for name in ("first", "second", "third")]
    compare.drop(0.2, 0.2)
    assert [layers[f"Regions on {name}"] for name in ("first", "second", "third")] == copies  # changed, not made anew
    assert all(len(copy.data) == 2 and list(copy.text.values) == ["R1", "R2"] for copy in copies)
    assert all(np.ptp(copy.edge_color, axis=0).max() == 0 and len(set(copy.edge_width)) == 1 for copy in copies)
    viewer.add_image(np.zeros((2, 60, 60)), name="fourth")
    docked.until(lambda: "Regions on fourth" in layers)
    assert grid.position(layers.index(layers["fourth"]), layers) == (1, 1)
    picture = compare.window().centralWidget()
    for name, across, down in (("first", 0.2, 0.2), ("second", 0.8, 0.2), ("fourth", 0.8, 0.8)):
        there = QPoint(int(across * picture.width()), int(down * picture.height()))
        QApplication.sendEvent(picture, QHelpEvent(QEvent.Type.ToolTip, there, picture.mapToGlobal(there)))
        assert QToolTip.text() == name
    docked.click(compare.views.grid)
    assert [layer.name for layer in layers] == ["first", "second", "third", "fourth", "Regions"]
    assert all(layer.visible for layer in layers) and not grid.enabled


def test_axis_slider_grid_link_swipe_and_profile(docked):
    docked.viewer.open_sample("fewview", "microstructure")
    docked.until(lambda: docked.bench.scan.ready)
    docked.scan.axis.setValue(50.0)
    docked.until(lambda: "Axis preview" in docked.viewer.layers)
    docked.finish()
    before = docked.viewer.layers["Axis preview"].data.copy()
    docked.scan.slider.setValue(-2.5)
    docked.until(lambda: not np.array_equal(docked.viewer.layers["Axis preview"].data, before))
    docked.finish()
    assert docked.bench.scan.recipe().axis == 47.5  # what is shown is what is used
    docked.viewer.layers.remove("Axis preview")

    dock, compare = docked.reconstruct, docked.compare
    for method in ("fbp", "sirt"):
        dock.choose(method)
        if method == "sirt":
            dock.form.set_values({"iterations": 3})
        dock.run()
    docked.finish()
    names = [layer.name for layer in compare.compared()]
    assert len(names) == 2 and all(run.status == "done" for run in docked.bench.runs)
    first, last = compare.compared()
    docked.click(compare.views.link)
    assert tuple(first.contrast_limits) == tuple(docked.viewer.layers["Reference"].contrast_limits)
    first.contrast_limits = (0.0, 0.01)
    assert tuple(last.contrast_limits) == (0.0, 0.01)
    docked.click(compare.views.grid)
    layers = docked.viewer.layers
    assert docked.viewer.canvas.grid.enabled and layers["Reference"].visible and not layers["X-ray"].visible
    docked.click(compare.views.grid)
    compare.drop(0.5, 0.5)
    docked.click(compare.views.swipe_button)
    compare.views.slider.setValue(25)
    swipe = docked.viewer.layers["Swipe"]
    row = compare.presenter.candidate(first, compare.z).image
    assert np.array_equal(swipe.data[:, :24], row[:, :24]) and not np.array_equal(swipe.data[:, 24:], row[:, 24:])
    assert "Swipe" not in [layer.name for layer in compare.compared()]
    assert [layer.name for layer in docked.viewer.layers][-2:] == [
        "Swipe",
        "Regions",
    ]  # regions stay in sight
    docked.viewer.dims.order = (1, 0, 2)  # over another plane it would be a wrong picture
    docked.until(lambda: not swipe.visible and "slices of the xy plane" in compare.words.notes.toolTip())
    docked.viewer.dims.order = (0, 1, 2)
    docked.until(lambda: swipe.visible and compare.views.problem == "")
    docked.click(compare.views.swipe_button)
    assert "Swipe" not in docked.viewer.layers
    line = compare.regions.make_line(first)
    line.add_lines(np.array([[48.0, 10.0], [48.0, 80.0]]))
    compare.refresh()
    curves = compare.presenter.profiles(compare.comparison, compare.regions.line())
    distance, values = curves[first.name]
    assert distance[-1] == pytest.approx(70 * 0.2) and values[0] == pytest.approx(row[48, 10], rel=1e-4)
    last.name = "renamed"
    docked.until(lambda: "renamed" in [layer.name for layer in compare.compared()])
    assert compare.views.link.isChecked()
    docked.viewer.layers.clear()  # while two of them are linked
    docked.until(lambda: compare.layers.count() == 0 and not compare.rows)
