"""The mouse on the picture: drop, move, draw, undo; two scans beside each other. Real clicks in a real display."""

import numpy as np
import pytest

pytest.importorskip("napari")
pytest.importorskip("pytestqt")


def canvas_of(docked):
    from qtpy.QtWidgets import QApplication

    return next(w for w in QApplication.allWidgets() if type(w).__name__ == "CanvasBackendDesktop" and w.isVisible())


def pixel_of(docked, y, x):
    """Point of the canvas at world (y, x), once docks and sliders have settled."""
    from qtpy.QtCore import QPoint

    canvas, camera, before = canvas_of(docked), docked.viewer.scene.camera, None
    while before != (view := (canvas.width(), canvas.height(), camera.zoom, tuple(camera.center))):
        before = view
        docked.qtbot.wait(300)
    return QPoint(
        round(canvas.width() / 2 + (x - camera.center[-1]) * camera.zoom),
        round(canvas.height() / 2 + (y - camera.center[-2]) * camera.zoom),
    )


def click(docked, y, x):
    from qtpy.QtCore import Qt

    point = pixel_of(docked, y, x)
    docked.qtbot.mouseMove(canvas_of(docked), point)
    docked.qtbot.mouseClick(canvas_of(docked), Qt.MouseButton.LeftButton, pos=point)


def drag(docked, start, stop):
    from qtpy.QtCore import QPoint, QPointF, Qt
    from qtpy.QtGui import QMouseEvent
    from qtpy.QtWidgets import QApplication

    canvas = canvas_of(docked)
    first, last = pixel_of(docked, *start), pixel_of(docked, *stop)
    left = Qt.MouseButton.LeftButton
    docked.qtbot.mouseMove(canvas, first)
    docked.qtbot.mousePress(canvas, left, pos=first)
    for share in np.linspace(0.2, 1, 5):  # qtbot's moves carry no button
        at = QPointF(first + QPoint(*(round(share * n) for n in (last.x() - first.x(), last.y() - first.y()))))
        everywhere = QPointF(canvas.mapToGlobal(at.toPoint()))
        event = QMouseEvent(
            QMouseEvent.Type.MouseMove, at, everywhere, Qt.MouseButton.NoButton, left, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(canvas, event)
        docked.qtbot.wait(30)
    docked.qtbot.mouseRelease(canvas, left, pos=last)
    docked.qtbot.wait(200)


def test_regions_by_mouse_in_one_clear_state(docked):
    """Click drops, a drag moves and does not pan, Draw draws, Edit edits, Ctrl-Z takes back; xz is refused in words."""
    from qtpy.QtCore import Qt

    viewer, compare = docked.viewer, docked.compare
    assert "Nothing to compare yet" in compare.words.truth.text()
    viewer.window.resize(1280, 800)
    random = np.random.default_rng(0)
    for name in ("first", "second"):
        viewer.add_image(random.random((3, 100, 100)).astype(np.float32), name=name, axis_labels=("z", "y", "x"))
    docked.until(lambda: "A click on the picture measures" in compare.words.truth.text())
    click(docked, 40, 60)
    docked.until(lambda: len(compare.regions.names()) == 1)
    box = compare.regions.boxes()[0][1]
    assert np.abs(box.mean(axis=0) - (40, 60)).max() < 2
    camera = tuple(viewer.scene.camera.center)
    drag(docked, (40, 60), (60, 45))
    moved = compare.regions.boxes()[0][1]
    np.testing.assert_allclose(moved.mean(axis=0) - box.mean(axis=0), (20, -15), atol=1.5)
    assert tuple(viewer.scene.camera.center) == camera and viewer.scene.camera.mouse_pan
    np.testing.assert_allclose(moved.min(axis=0) % 1, 0.5)  # on whole pixels
    docked.until(lambda: any(row.region == "R1" for row in compare.rows))

    docked.click(compare.tools.buttons["draw"])
    drag(docked, (5, 5), (25, 30))
    docked.until(lambda: len(compare.regions.names()) == 2)
    assert compare.tools.state == "draw" and compare.regions.names() == ["R1", "R2"]
    docked.click(compare.tools.buttons["edit"])
    assert str(compare.regions.layer.mode) == "select"
    docked.click(compare.tools.buttons["drop"])
    assert str(compare.regions.layer.mode) == "pan_zoom" and viewer.layers.selection.active.name == "second"
    viewer.layers.selection.active = compare.regions.layer
    compare.regions.layer.mode = "direct"  # with napari's own button
    assert compare.tools.state == "look"
    docked.click(compare.tools.buttons["drop"])

    docked.until(lambda: compare.tools.undo.isEnabled())
    docked.qtbot.keyClick(compare.window(), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    docked.until(lambda: compare.regions.names() == ["R1"])
    docked.click(compare.tools.undo)
    np.testing.assert_allclose(compare.regions.boxes()[0][1], box)  # the drag was one step
    docked.click(compare.tools.undo)
    assert compare.regions.names() == []

    # Whatever the user does to the layer of regions, the table stays right.
    compare.drop(0.5, 0.5)
    compare.regions.layer.name = "my places"
    with pytest.warns(RuntimeWarning, match="encoding failed"):  # napari's own, on the names that are gone
        compare.regions.layer.features = {}
    compare.drop(0.2, 0.2)
    assert compare.regions.names() == ["R1", "R2"] and len(compare.rows) == 6
    viewer.layers.remove("my places")
    docked.until(lambda: len(compare.rows) == 2)
    docked.until(lambda: compare.tools.undo.isEnabled())
    docked.click(compare.tools.undo)
    assert compare.regions.names() == ["R1", "R2"] and "my places" in viewer.layers
    viewer.layers.remove("my places")
    viewer.add_image(random.random((100, 100, 3)), name="photo", rgb=True)
    docked.until(lambda: "“photo” is a colour picture" in compare.words.notes.toolTip())
    viewer.layers.remove("photo")
    docked.until(lambda: len(compare.rows) == 2)
    # A reference that lies in no file, chosen by clicks; a layer with holes; a layer with another name.
    viewer.add_image(viewer.layers["first"].data * np.float32(1.01), name="truth", axis_labels=("z", "y", "x"))
    docked.scan.parentWidget().raise_()
    docked.select(docked.scan.reference, "truth")
    docked.until(lambda: "“truth”" in compare.words.truth.text())
    assert [row.layer for row in compare.rows] == ["first", "second"]
    assert "psnr" in compare.rows[0].best and compare.rows[0].values["psnr"] > 30
    with_holes = viewer.layers["second"].data.copy()
    with_holes[:, :10] = np.nan
    viewer.layers["second"].data = with_holes
    viewer.layers["first"].name = "my sample"
    viewer.layers["truth"].name = "the truth"
    docked.until(lambda: "1000 of 10000 pixels are not numbers" in compare.words.notes.toolTip())
    assert [row.layer for row in compare.rows] == ["my sample", "second"] and compare.rows[1].values["mean"] > 0
    viewer.dims.order = (1, 0, 2)
    docked.qtbot.wait(200)
    with_words = []
    from napari.utils.notifications import notification_manager

    notification_manager.notification_ready.connect(lambda event: with_words.append(event.message))
    click(docked, 1, 50)
    assert compare.regions.names() == [] and "xy plane" in with_words[-1]
    with_words.clear()
    docked.click(compare.tools.buttons["draw"])  # nor drawn: its corners would be taken for those of another place
    assert "xy plane" in with_words[-1] and compare.tools.state == "drop"
    drag(docked, (0, 20), (2, 60))
    assert compare.regions.names() == []
    viewer.dims.order = (0, 1, 2)
    docked.click(compare.tools.buttons["draw"])
    assert compare.tools.state == "draw"
    assert compare.regions.layer.visible
    viewer.dims.order = (2, 0, 1)  # turned in the middle of it
    docked.until(lambda: compare.tools.state == "drop")
    assert not compare.regions.layer.visible  # it would lie over what it does not measure
    drag(docked, (0, 20), (2, 60))
    assert compare.regions.names() == [] and str(compare.regions.layer.mode) == "pan_zoom"
    docked.click(compare.views.grid)  # side by side there are only copies
    viewer.dims.order = (0, 1, 2)
    docked.click(compare.views.grid)
    docked.until(lambda: compare.regions.layer.visible)


def test_a_second_scan_beside_or_instead(docked, tmp_path):
    """Each scan keeps its layers, regions and reference; the docks mean one; a drop does what File… does."""
    from fewview.samples import FOLDER, TOOTH

    bench, viewer, scan, compare = docked.bench, docked.viewer, docked.scan, docked.compare
    viewer.open_sample("fewview", "shell")
    docked.until(lambda: bench.scan.ready and not bench.finding_axis)
    docked.finish()
    docked.reconstruct.choose("fbp")
    docked.click(docked.reconstruct.run_button)
    docked.until(lambda: bench.runs and bench.runs[-1].over)
    docked.finish()
    compare.drop(0.5, 0.5)
    assert compare.rows[0].values["psnr"] is not None and not scan.scans.choice.isVisible()
    done, panel = bench.runs[-1], docked.reconstruct.panel
    docked.reconstruct.choose("sirt")
    docked.reconstruct.form.set_values({"iterations": 5000})
    docked.click(docked.reconstruct.run_button)
    run = bench.runs[-1]
    docked.until(lambda: run.step >= 2 and run.title in viewer.layers and panel.pause.isEnabled())
    docked.click(panel.pause)  # or it might be done, on a loaded machine, before the next scan is there
    docked.until(lambda: run.status == "paused")
    docked.click(compare.views.grid)
    bench.open(str(TOOTH))
    docked.until(lambda: panel.headline.text() == "shell.h5: Paused")  # the run that goes on is another scan's
    scan.parentWidget().raise_()
    docked.click(scan.scans.instead)  # the result would have no place
    assert len(bench.scans.all) == 2 and scan.scans.question.isVisible() and scan.scans.close_button.isVisible()
    docked.click(panel.stop)
    docked.until(lambda: bench.scan.path == str(TOOTH) and not bench.finding_axis)
    docked.finish()
    assert panel.headline.text() == "Nothing is running." and not compare.views.grid.isChecked()
    (stopped,) = [layer for layer in viewer.layers if "SIRT" in layer.name]
    assert stopped.name.startswith("Stopped: shell: SIRT") and "(at step " in stopped.name
    docked.click(compare.views.grid)  # of nothing
    assert not compare.views.grid.isChecked()
    scan.parentWidget().raise_()
    assert "Beside it, or instead?" in scan.scans.question.text() and scan.scans.choice.count() == 2
    assert [layer.name for layer in viewer.layers if layer.visible] == ["tooth: Projections of tooth.h5"]
    assert done.title not in viewer.layers and f"shell: {done.title}" in viewer.layers
    assert compare.regions.names() == [] and compare.reference() is None and bench.scan.axis > 200
    docked.click(scan.scans.beside)
    assert not scan.scans.question.isVisible()
    # Samples have an axis more: when they go with their scan, at the end, the sliders change while layers are going.
    samples = {"extra": "samples", "of": str(TOOTH)}
    viewer.add_image(np.zeros((3, 2, 64, 64), np.float32), name="samples", metadata={"fewview": samples})
    docked.select(scan.scans.choice, "Scan: shell.h5")
    assert bench.scan.path == str(FOLDER / "shell.h5") and compare.regions.names() == ["R1"]
    docked.until(lambda: compare.rows and compare.rows[0].values.get("psnr") is not None)
    assert viewer.layers[f"shell: {done.title}"].visible
    assert not viewer.layers["tooth: Projections of tooth.h5"].visible

    # A file without angles, dropped: a scan with what it lacks, and the offer to take it as a volume.
    np.save(tmp_path / "frames.npy", np.random.default_rng(0).random((9, 20, 24)).astype(np.float32) + 0.5)
    viewer.open(str(tmp_path / "frames.npy"), plugin="fewview")
    docked.until(lambda: "frames.npy" in bench.scan.path)
    docked.until(lambda: not any("not ready" in layer.name for layer in viewer.layers))
    assert "says no angles" in scan.scans.question.text() and "Not ready" in scan.headline.text()
    docked.click(scan.scans.volume)
    assert "frames" in viewer.layers and "frames.npy" not in bench.scan.path and len(bench.scans.all) == 2
    bench.open(str(FOLDER / "shell.h5"))
    docked.click(scan.scans.instead)
    assert (
        len(bench.scans.all) == 1
        and viewer.dims.ndim == 3
        and not any("tooth" in layer.name for layer in viewer.layers)
    )
    docked.finish()


def test_layers_that_come_and_go_in_one_pass_of_the_event_loop_are_painted(docked, disk, tmp_path):
    """The process crashed within OpenGL at the next painting: what came had told the card of its textures in vain."""
    import shutil

    other, viewer = shutil.copy(disk, tmp_path / "other.h5"), docked.viewer
    docked.reconstruct_scan(disk)
    docked.compare.drop(0.5, 0.5)
    docked.qtbot.wait(300)
    docked.bench.open(str(other))
    docked.click(docked.scan.scans.instead)
    docked.qtbot.wait(500)
    assert [layer.name for layer in viewer.layers] == ["Projections of other.h5"]
    viewer.add_image(np.ones((3, 8, 8)), name="of the user")
    viewer.layers.remove("Projections of other.h5")
    docked.qtbot.wait(500)
    assert [layer.name for layer in viewer.layers] == ["of the user"]
