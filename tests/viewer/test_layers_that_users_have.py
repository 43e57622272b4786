"""What users do with layers, scans and files while runs go on: each is right, or refused in a sentence."""

import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

pytest.importorskip("napari")
pytest.importorskip("pytestqt")


@pytest.fixture
def told(docked):
    """Messages that the viewer has shown."""
    from napari.utils.notifications import notification_manager

    words = []
    notification_manager.notification_ready.connect(lambda event: words.append(event.message))
    return words


def region_of(docked, name, region="R1"):
    return next(row for row in docked.compare.rows if row.layer == name and row.region == region)


def stop(docked):
    docked.until(docked.reconstruct.panel.stop.isEnabled)
    docked.click(docked.reconstruct.panel.stop)
    docked.finish()


def test_layers_of_a_run_that_are_copied_or_deleted_on_its_way(docked, disk):
    import napari.layers._layer_actions as actions

    run = docked.reconstruct_scan(disk, "sirt", wait=False, iterations=20000)
    layers = docked.viewer.layers
    docked.until(lambda: run.title in layers)
    docked.compare.drop(0.5, 0.5)
    layers.selection = {layers[run.title]}
    actions._duplicate_layer(layers)
    copy = layers[f"{run.title} copy"]
    frozen = np.array(copy.data)
    step = run.step
    docked.until(lambda: run.step > step + 5)
    docked.until(lambda: sum(row.region == "R1" for row in docked.compare.rows) == 2)
    assert region_of(docked, run.title).values.get("data_residual") is not None
    assert region_of(docked, copy.name).values.get("data_residual") is None  # it stands still: the run's are not its
    layers.remove(run.title)
    step = run.step
    docked.until(lambda: run.step > step + 5)
    stop(docked)
    assert run.status == "stopped" and run.title in layers  # the result comes back
    assert np.array_equal(layers[run.title].data, run.volume) and np.array_equal(copy.data, frozen)
    docked.compare.refresh()
    assert region_of(docked, run.title) is not region_of(docked, copy.name)


def test_a_copy_is_the_users_and_no_result_of_ours():
    from types import SimpleNamespace

    from fewview.viewer.copies import disown

    class Image(SimpleNamespace):
        pass

    class Labels(SimpleNamespace):
        pass

    def made(kind, **about):
        return kind(metadata={"fewview": about})

    run = {"run": 3, "recipe": {"scan": "a.h5"}, "record": {"psnr": 30}, "of": "a.h5"}
    first = made(Image, **run)
    assert disown(first, []) == run  # it is the layer of the run
    assert disown(made(Image, **run), [first]) == {name: value for name, value in run.items() if name != "run"}
    labels = made(Labels, **run)
    assert disown(labels, [first]) == labels.metadata["fewview"] == {"of": "a.h5", "prefix": ""}
    projections = made(Image, scan="a.h5")
    assert disown(projections, [first]) == {"scan": "a.h5"}
    assert disown(made(Image, scan="a.h5"), [projections]) == {"of": "a.h5", "look": True, "prefix": ""}
    regions = made(Labels, marks="Regions", of="a.h5")
    assert disown(regions, [first])["marks"] == "Regions" and disown(made(Labels, copy="x"), []) == {"copy": "x"}


def test_masks_counts_constants_and_other_grids_as_reference(docked, disk, told):
    run = docked.reconstruct_scan(disk)
    viewer, compare, scan = docked.viewer, docked.compare, docked.bench.scan
    compare.drop(0.5, 0.5)
    truth = viewer.layers[run.title].data
    for name, data, said in (
        ("mask", truth > truth.mean(), ""),
        ("counts", np.clip(truth * 1000, 0, 255).astype(np.uint8), ""),
        ("constant", np.ones_like(truth), "all of its voxels have the same value"),
        ("coarse", truth[:, ::2, ::2].copy(), "it has 4 × 32 × 32 voxels"),
        ("masked", np.where(truth > truth.mean(), truth, np.nan), "are not numbers"),
    ):
        viewer.add_image(data, name=name)
        docked.select(docked.scan.reference, name)
        docked.qtbot.wait(300)
        compare.refresh()
        again = docked.run()
        assert again.status == "done", again.error
        assert (again.record["psnr"] is None) == bool(said) and said in again.note, name
        window = region_of(docked, run.title)
        if name in ("mask", "counts"):
            box = np.s_[round(compare.z), 16:48, 16:48]
            corners = compare.regions.boxes()[0][1]
            box = np.s_[round(compare.z), *(slice(*np.round(corners[[0, 2], k] + 0.5).astype(int)) for k in (0, 1))]
            wanted = float((truth[box].astype(float) - data[box].astype(float)).mean())
            assert window.values["difference"] == pytest.approx(wanted, rel=1e-4), name
        elif name != "masked":
            assert window.values.get("psnr") is None
    viewer.layers.remove("masked")  # it lay in no file: one with a made-up name was written for the run
    assert docked.scan.reference.currentText() == "masked (its layer was removed)" and Path(scan.reference).exists()
    docked.select(docked.scan.reference, "none")
    assert scan.reference is None and docked.run().status == "done"


def test_what_cannot_be_a_reference_is_not_offered_or_says_so(docked, disk):
    """Of layers that users have beside their volumes, by the box of the Scan dock."""
    run = docked.reconstruct_scan(disk)
    viewer, combo, words = docked.viewer, docked.scan.reference, docked.compare.words
    cube = np.array(run.volume)
    viewer.add_image(np.stack([cube, cube]), name="series")
    viewer.add_image(np.zeros((64, 64, 3), np.uint8), name="photo", rgb=True)
    viewer.add_image([cube, cube[:, ::2, ::2]], name="pyramid", multiscale=True)
    viewer.add_labels((cube > cube.mean()).astype(int), name="labels")
    viewer.add_points(np.array([[1, 20, 20.0]]), name="points")
    viewer.add_image(cube[2], name="slice")
    viewer.add_image(np.full_like(cube, np.nan), name="empty")
    viewer.add_image(1000 * cube, name="counts")
    assert [combo.itemText(k) for k in range(combo.count())][1:-1] == [run.title, "slice", "empty", "counts"]
    assert "labels, points, shapes and colour pictures" in combo.toolTip()
    docked.compare.refresh()
    for name in ("series", "photo", "pyramid"):
        assert f"“{name}” " in words.notes.toolTip()
    assert "they are 1000 times those of" in words.notes.toolTip()
    docked.select(combo, "slice")
    docked.until(lambda: "“slice” is one image; every slice is compared with it." in words.notes.toolTip())
    assert region_of(docked, run.title, "slice").values["psnr"] > 20
    docked.select(combo, "empty")
    docked.until(lambda: "“empty” cannot be the reference here:" in words.truth.text())
    assert "The reference holds no numbers" in words.notes.toolTip()
    assert region_of(docked, run.title, "slice").values.get("psnr") is None


def test_regions_that_are_emptied_turned_moved_out_or_deleted(docked, disk):
    run = docked.reconstruct_scan(disk)
    compare, viewer = docked.compare, docked.viewer
    compare.drop(0.5, 0.5)
    docked.until(lambda: any(row.region == "R1" for row in compare.rows))
    layer = compare.regions.layer
    corners = np.array(layer.data[0])
    middle, turn = corners.mean(axis=0), np.array([[0.8, -0.6], [0.6, 0.8]])
    layer.data = [(corners - middle) @ turn.T + middle]
    compare.refresh()
    assert "no upright rectangle" in compare.words.notes.toolTip()
    layer.data = [corners + 1000]
    compare.refresh()
    assert (
        region_of(docked, run.title).note == "lies outside this layer"
        and "mean" not in region_of(docked, run.title).values
    )
    layer.data = [corners - corners.mean(axis=0)]  # around the upper left corner of the picture
    compare.refresh()
    (note,) = [row.note for row in compare.rows if row.region == "R1"]
    assert note == "reaches beyond this layer, and only the part inside is measured"
    layer.data = []
    compare.refresh()
    assert {row.region for row in compare.rows} == {"slice"} and "A click on the picture" in compare.words.truth.text()
    compare.drop(0.5, 0.5)
    compare.refresh()
    viewer.layers.remove(compare.regions.layer)
    compare.refresh()
    compare.undo()
    assert len(compare.regions.boxes()) == 1 and region_of(docked, run.title).values["mean"] > 0


def test_another_scan_while_a_run_goes_on(docked, disk, tmp_path, told):
    bench, layers = docked.bench, docked.viewer.layers
    run = docked.reconstruct_scan(disk, "sirt", wait=False, iterations=20000)
    first = bench.scan
    other = tmp_path / "Ünïcode Ordner" / "Prøbe 東京.h5"  # names as users give them
    other.parent.mkdir()
    shutil.copy(disk, other)
    with h5py.File(other, "a") as file:
        file["exchange/data"][...] *= 2
    bench.open(str(other))
    docked.qtbot.wait(300)
    bench.answer(False)  # instead of the first one, which a run is on: refused
    assert first in bench.scans.all and any("cannot be closed" in text for text in told)
    bench.answer(True)
    bench.forget_scan()  # no run is on this one
    assert bench.scan is first
    bench.forget_scan()
    assert bench.scan is first and sum("cannot be closed" in text for text in told) == 2
    bench.open(str(other))
    docked.qtbot.wait(300)
    bench.answer(True)
    docked.reconstruct.choose("fbp")
    docked.click(docked.reconstruct.run_button)  # waits behind the other
    second = bench.runs[-1]
    assert second.status == "queued" and docked.reconstruct.run_button.text() == "Queue"
    later = bench.scan
    bench.mean(first)
    stop(docked)
    assert (run.status, second.status) == ("stopped", "done"), second.error
    docked.qtbot.wait(100)
    assert layers[run.title].visible and not layers[second.title].visible  # of the scan that is not meant
    bench.mean(later)
    shown = {layer.name: layer.visible for layer in layers}
    assert shown[second.title] and not any(on for name, on in shown.items() if name.startswith("disk: "))
    double = float(layers[second.title].data.mean())
    bench.mean(first)
    docked.run()
    assert double == pytest.approx(2 * float(layers[bench.runs[-1].title].data.mean()), rel=0.05)


def test_files_that_vanish_and_folders_that_cannot_be_written(docked, disk, tmp_path, told, monkeypatch):
    bench, dock = docked.bench, docked.reconstruct
    run = docked.reconstruct_scan(disk)
    truth = docked.viewer.add_image(docked.viewer.layers[run.title].data.copy(), name="truth")
    docked.select(docked.scan.reference, "truth")
    Path(bench.scan.reference).unlink()  # somebody cleans up: it is written again
    assert docked.run().status == "done" and Path(bench.scan.reference).exists()

    full = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    truth.data = truth.data + 1
    before = len(bench.runs)
    docked.click(dock.run_button)
    docked.qtbot.wait(200)
    assert len(bench.runs) == before and any("GiB free" in text for text in told)
    told.clear()
    dock.results.save(str(tmp_path / "result.h5"))
    docked.until(lambda: any("GiB free" in text for text in told))
    assert not (tmp_path / "result.h5").exists()
    monkeypatch.undo()

    docked.select(docked.scan.reference, "none")
    if os.name == "posix" and os.geteuid() != 0:
        folder = tmp_path / "locked"
        folder.mkdir(mode=0o500)
        dock.results.save(str(folder / "result.h5"))
        docked.until(lambda: any("read-only" in text for text in told))
    told.clear()
    dock.results.save(str(tmp_path / "gone" / "result.h5"))
    docked.until(lambda: any("does not exist" in text for text in told))
    Path(disk).unlink()
    last = docked.run()
    assert last.status == "failed" and "disk.h5" in last.error.problem and last.error.remedy
    assert "disk.h5" in dock.panel.headline.text()


def drop(widget, *paths, alt=False):
    """Drop files on a widget, with Alt or without."""
    from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
    from qtpy.QtGui import QDragEnterEvent, QDropEvent
    from qtpy.QtWidgets import QApplication

    brought = QMimeData()
    brought.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    key = Qt.KeyboardModifier.AltModifier if alt else Qt.KeyboardModifier.NoModifier
    said = (Qt.DropAction.CopyAction, brought, Qt.MouseButton.LeftButton, key)
    enter = QDragEnterEvent(QPoint(20, 20), *said)
    QApplication.sendEvent(widget, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(widget, QDropEvent(QPointF(20, 20), *said))


def test_a_drop_on_the_picture_asks_for_no_reader_unless_it_is_told_to(docked, disk, tmp_path, told, monkeypatch):
    """Another plugin reads the suffix, too, and napari would ask which one is meant."""
    import napari._qt.qt_viewer as of_napari
    from napari.settings import get_settings
    from npe2 import DynamicPlugin
    from qtpy.QtWidgets import QWidget

    asked = []
    monkeypatch.setattr(of_napari, "handle_gui_reading", lambda paths, *_, **__: asked.append(paths))
    middle = docked.scan.window().centralWidget()
    welcome, picture = (
        next(one for one in [middle, *middle.findChildren(QWidget)] if one.acceptDrops() and type(one).__name__ == name)
        for name in ("QtWelcomeWidget", "QtViewer")
    )
    (tmp_path / "broken.h5").write_bytes(Path(disk).read_bytes()[:2000])
    (tmp_path / "table.other").write_text("1,2")
    shutil.copy(disk, tmp_path / "second.h5")
    taken = []
    with DynamicPlugin("other-reader") as other:

        @other.contribute.reader(filename_patterns=["*.h5", "*.other"])
        def get_reader(path):
            return lambda path: taken.append(path) or [(np.ones((4, 4), np.float32), {"name": "of the other"}, "image")]

        drop(welcome, tmp_path / "broken.h5")
        docked.until(lambda: told)
        assert len(told) == 1 and "broken.h5 cannot be read as HDF5" in told[0] and not welcome.property("drag")
        drop(welcome, disk)
        docked.until(lambda: docked.bench.scan.ready)
        drop(picture, tmp_path / "second.h5")
        docked.until(lambda: docked.bench.scan.path.endswith("second.h5"))
        assert asked == [] and len(docked.bench.scans.all) == 2
        drop(picture, disk, alt=True)  # who wants to be asked is asked
        assert asked == [[disk]]
        drop(picture, tmp_path / "table.other")  # not ours
        docked.until(lambda: taken)
        with monkeypatch.context() as wish:
            wish.setattr(get_settings().plugins, "extension2reader", {"*.h5": "other-reader"})
            drop(picture, disk)
            docked.until(lambda: len(taken) == 2)
    assert asked == [[disk]]


def test_files_dropped_on_a_dock_are_opened_or_refused_in_a_sentence(docked, disk, tmp_path, told):
    (tmp_path / "notes.txt").write_text("not a scan")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.h5").write_bytes(Path(disk).read_bytes()[:2000])
    np.save(tmp_path / "other.npy", np.ones((2, 9, 11), np.float32))
    (tmp_path / "other.npy.json").write_text('{"unit": "per pixel"}')
    for name, words in (
        ("notes.txt", "notes.txt has no known format."),
        ("empty", "is empty."),
        ("broken.h5", "broken.h5 cannot be read as HDF5"),
    ):
        told.clear()
        drop(docked.scan, tmp_path / name)
        docked.until(lambda: told)
        assert len(told) == 1 and words in told[0] and not docked.bench.scan.loaded
    told.clear()
    drop(docked.compare, tmp_path / "notes.txt", disk)  # what is wrong does not stand in the way of what is right
    docked.until(lambda: docked.bench.scan.ready)
    assert docked.bench.scan.path == disk and "notes.txt" in told[0]
    run = docked.run()
    drop(docked.reconstruct, tmp_path / "other.npy")
    docked.until(lambda: len(docked.viewer.layers) > 1)
    assert run.status == "done"
