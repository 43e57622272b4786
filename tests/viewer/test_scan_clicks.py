"""The Scan dock by real clicks: the axis found, moved, taken back; facts corrected; entries that are refused."""

import numpy as np
import pytest

pytest.importorskip("napari")
pytest.importorskip("pytestqt")


def frames(tilt=0.0, views=48, rows=24, columns=80, axis=43.0):
    """Line integrals of three upright rods around an axis that may lean."""
    t, angles = np.radians(tilt), np.linspace(0, np.pi, views, endpoint=False)
    v, u = np.mgrid[0:rows, 0:columns].astype(float)
    across = -np.sin(t) * (v - (rows - 1) / 2) + np.cos(t) * (u - (columns - 1) / 2) + (columns - 1) / 2 - axis
    out = np.zeros((views, rows, columns), np.float32)
    for x, y, r in ((10.0, 3.0, 8.0), (-14.0, 8.0, 5.0), (2.0, -16.0, 6.0)):
        for k, angle in enumerate(angles):
            out[k] += 0.02 * 2 * np.sqrt(np.maximum(r**2 - (across - x * np.cos(angle) - y * np.sin(angle)) ** 2, 0))
    return out + 0.002 * np.random.default_rng(0).standard_normal(out.shape).astype(np.float32)


def open_scan(docked, tmp_path, **kind):
    path = tmp_path / "rods.npz"
    np.savez(path, data=frames(**kind), angles_deg=np.arange(48) * 3.75)
    docked.bench.open(str(path), kind="attenuation")
    docked.until(lambda: docked.bench.scan.ready and not docked.bench.finding_axis)
    docked.finish()
    return docked.scan


def marks(scan):
    return {fact.label: fact.state for fact in scan.scan.facts()}


def test_the_axis_is_found_drawn_moved_and_taken_back(docked, tmp_path):
    scan = open_scan(docked, tmp_path)
    assert scan.scan.axis == pytest.approx(43.0, abs=0.3) and marks(scan)["Axis"] == "good"
    assert "upright" in scan.axis_words.text()
    assert not scan.undo_button.isEnabled()
    found = scan.scan.axis
    docked.type(scan.axis, "47")
    docked.until(lambda: "Axis preview" in docked.viewer.layers)
    docked.finish()
    moved = docked.viewer.layers["Axis preview"].data.copy()
    assert marks(scan)["Axis"] == "warning" and "columns off" in scan.axis_words.text()
    assert f"Found in the data: column {found:.2f}" in scan.axis_words.text()
    docked.click(scan.undo_button)
    docked.finish()
    assert scan.scan.axis == found and marks(scan)["Axis"] == "good"
    assert scan.axis.value() == pytest.approx(found, abs=0.01)
    docked.type(scan.axis, "40")
    docked.finish()
    docked.click(scan.find_button)
    docked.until(lambda: not docked.bench.finding_axis)
    docked.finish()
    assert scan.scan.axis == pytest.approx(found, abs=0.05)
    # What is drawn is the slice around the found column, not the one tried last.
    drawn = docked.viewer.layers["Axis preview"]
    assert drawn.metadata["fewview"]["axis"] == pytest.approx(found, abs=0.05)
    assert not np.array_equal(drawn.data, moved)


def test_a_tilted_axis_is_a_warning_and_one_click_turns_it(docked, tmp_path):
    scan = open_scan(docked, tmp_path, tilt=4.0)
    assert marks(scan)["Axis"] == "warning"
    assert scan.scan.axis_state.tilt["degrees"] == pytest.approx(4.0, abs=0.4)
    assert "tilted by" in scan.axis_words.text() and scan.tilt_button.isVisibleTo(scan)
    docked.click(scan.tilt_button)
    docked.until(lambda: not docked.bench.finding_axis)
    docked.finish()
    assert scan.scan.recipe().prepare["tilt"] == pytest.approx(4.0, abs=0.4)
    assert marks(scan)["Axis"] == "good" and "upright" in scan.axis_words.text()
    docked.click(scan.undo_button)
    docked.finish()
    assert "tilt" not in scan.scan.recipe().prepare and marks(scan)["Axis"] == "warning"
    assert "tilted by" in scan.axis_words.text() and scan.tilt_button.isVisibleTo(scan)
    assert not scan.undo_button.isEnabled()


def test_every_fact_can_be_corrected_and_a_refused_entry_stays(docked, tmp_path):
    scan = open_scan(docked, tmp_path)
    editor = scan.facts.editor
    docked.click(scan.facts.buttons["angles"])
    docked.type(editor.line, "0:ninety")
    assert editor.isVisible() and editor.line.text() == "0:ninety" and "ninety" in editor.reason.text()
    assert "--" not in editor.reason.text() and scan.scan.ready and scan.scan.angles[-1] == pytest.approx(176.25)
    docked.type(editor.line, "0:360")
    assert not editor.isVisible() and scan.scan.angles[-1] == pytest.approx(352.5)
    docked.click(scan.facts.buttons["angles"])
    editor.line.clear()
    docked.click(editor.apply)
    assert scan.scan.angles[-1] == pytest.approx(176.25)  # what the file says is not lost
    docked.click(scan.facts.buttons["pixel"])
    docked.type(editor.line, "0.05")
    assert scan.scan.pixel == 0.05
    docked.click(scan.facts.buttons["pixel"])
    assert editor.line.text() == "0.05"  # a correction begins at what is there
    editor.line.clear()
    docked.click(editor.apply)
    assert scan.scan.pixel is None
    docked.click(scan.facts.buttons["exclude"])
    docked.type(editor.line, "0, 5:8")
    assert scan.scan.shape[0] == 44 and scan.scan.recipe().reader.exclude == "0, 5:8"
    docked.click(scan.facts.buttons["mirror"])
    docked.select(editor.choice, "yes")
    docked.click(editor.apply)
    docked.until(lambda: scan.scan.axis is not None and not docked.bench.finding_axis)
    assert scan.scan.axis == pytest.approx(79 - 43, abs=0.5)  # found anew: the column is another one now
    docked.click(scan.facts.buttons["kind"])
    docked.select(editor.choice, "transmission")
    docked.click(editor.apply)
    assert scan.scan.info.kind == "transmission"
    shape = scan.scan.shape
    docked.click(scan.facts.buttons["horizontal_axis"])
    docked.select(editor.choice, "yes")
    docked.click(editor.apply)
    assert scan.scan.recipe().reader.horizontal_axis and scan.scan.shape == (shape[0], shape[2], shape[1])


def test_what_a_scan_gave_lies_in_mm_once_its_pixel_size_is_told_and_in_pixels_without(docked, disk):
    from napari.utils.notifications import notification_manager

    told = []
    notification_manager.notification_ready.connect(lambda event: told.append(event.message))
    run = docked.reconstruct_scan(disk)
    layer, editor = docked.viewer.layers[run.title], docked.scan.facts.editor
    docked.compare.drop(0.5, 0.5)
    corners = docked.compare.regions.boxes()[0][1]
    docked.click(docked.scan.facts.buttons["pixel"])
    docked.type(editor.line, "0.05")
    assert (tuple(layer.scale), str(layer.units[-1])) == ((0.05,) * 3, "millimeter")
    assert layer.metadata["fewview"]["unit"] == "per pixel"  # where it lies is known, its values are as before
    assert "Projections of disk.h5" not in docked.viewer.layers  # they would lie over the result
    docked.compare.refresh()
    assert docked.compare.comparison.unit == "per pixel" and len(docked.compare.rows) == 2
    np.testing.assert_allclose(docked.compare.regions.boxes()[0][1], 0.05 * corners)
    assert docked.run().status == "done"
    docked.compare.refresh()
    assert "is in per pixel, others are in mm^-1" in docked.compare.words.notes.toolTip()
    assert not any("Inconsistent units" in text for text in told)
    docked.viewer.layers.remove(docked.bench.runs[-1].title)
    docked.click(docked.scan.facts.buttons["pixel"])
    editor.line.clear()
    docked.click(editor.apply)
    assert (tuple(layer.scale), str(layer.units[-1])) == ((1.0,) * 3, "pixel")
    np.testing.assert_allclose(docked.compare.regions.boxes()[0][1], corners)


def test_projections_that_come_back_from_another_unit_open_no_scan(docked, disk, tmp_path):
    """They were taken for a scan that had been dropped: the docks then meant it, and not what was just opened."""
    import shutil

    from napari.utils.notifications import notification_manager

    told = []
    notification_manager.notification_ready.connect(lambda event: told.append(event.message))
    in_mm, third = (shutil.copy(disk, tmp_path / name) for name in ("in_mm.h5", "third.h5"))
    docked.bench.open(disk)
    docked.bench.open(str(in_mm), pixel=0.05)
    docked.scan.parentWidget().raise_()
    docked.click(docked.scan.scans.beside)
    assert [layer.name for layer in docked.viewer.layers] == ["in_mm: Projections of in_mm.h5"]
    docked.bench.open(str(third))
    docked.qtbot.wait(300)
    assert docked.bench.scan.path == str(third) and len(docked.bench.scans.all) == 3
    assert "third.h5 was opened; in_mm.h5 was there." in docked.scan.scans.question.text()
    seen = [layer.name for layer in docked.viewer.layers if layer.visible]
    assert seen == ["third: Projections of third.h5"] and "disk: Projections of disk.h5" in docked.viewer.layers
    docked.click(docked.scan.scans.beside)
    docked.select(docked.scan.scans.choice, "Scan: in_mm.h5")
    docked.select(docked.scan.scans.choice, "Scan: disk.h5")
    docked.qtbot.wait(300)
    assert docked.bench.scan.path == disk and len(docked.bench.scans.all) == 3
    assert [layer.name for layer in docked.viewer.layers if layer.visible] == ["disk: Projections of disk.h5"]
    assert not docked.scan.scans.question.isVisible() and not any("Inconsistent units" in text for text in told)


def test_the_tick_says_whether_the_projections_are_shown(docked, disk):
    projections = docked.scan.projections
    docked.bench.open(disk)
    assert projections.isChecked() and "Projections of disk.h5" in docked.viewer.layers
    docked.viewer.layers.remove("Projections of disk.h5")  # by its user
    assert not projections.isChecked()
    docked.click(projections)
    assert projections.isChecked() and "Projections of disk.h5" in docked.viewer.layers
    docked.run()
    assert not projections.isChecked()


def test_results_and_regions_follow_a_pixel_size_that_was_read_wrong(docked, disk):
    docked.bench.open(disk, pixel=0.05)
    docked.finish()
    run = docked.run()
    layer, facts, editor = docked.viewer.layers[run.title], docked.scan.facts, docked.scan.facts.editor
    docked.compare.drop(0.5, 0.5)
    docked.compare.refresh()
    corners, before = docked.compare.regions.boxes()[0][1], docked.compare.rows[0].values
    docked.click(facts.buttons["pixel"])
    docked.type(editor.line, "0.02")
    assert tuple(layer.scale) == pytest.approx((0.02,) * 3)
    np.testing.assert_allclose(docked.compare.regions.boxes()[0][1], 0.4 * corners)
    docked.compare.refresh()
    assert docked.compare.rows[0].values["mean"] == pytest.approx(before["mean"])  # the same pixels, untouched
    assert "is in mm^-1 of a pixel of 0.05 mm, which is another one by now" in docked.compare.words.notes.toolTip()
    again = docked.run()
    docked.compare.refresh()
    assert {row.layer for row in docked.compare.rows} == {again.title}  # the old values are 2.5 times too low
    assert docked.compare.rows[0].values["mean"] == pytest.approx(2.5 * before["mean"], rel=1e-4)
    assert "others are in mm^-1: it is left out" in docked.compare.words.notes.toolTip()
    docked.click(facts.buttons["pixel"])
    docked.type(editor.line, "0.05")
    docked.compare.refresh()
    assert {row.layer for row in docked.compare.rows} == {run.title}
    np.testing.assert_allclose(docked.compare.regions.boxes()[0][1], corners)


def test_files_on_the_grid_of_the_scan_follow_its_pixel_size_and_others_stay(docked, disk, tmp_path, monkeypatch):
    """X-ray volume and reference, with and without a size of voxels in the file; the X-ray of another grid stays."""
    from qtpy.QtWidgets import QFileDialog

    from fewview.io import write_volume
    from fewview.viewer.run_volumes import misfit

    rng, bench, viewer = np.random.default_rng(0), docked.bench, docked.viewer
    files = {"bare": (4, 64, 64), "said": (4, 64, 64), "elsewhere": (9, 30, 30)}
    for name, shape in files.items():
        voxel = None if name == "bare" else 0.05
        write_volume(tmp_path / f"{name}.h5", rng.random(shape, dtype=np.float32), voxel=voxel, unit="mm^-1", record={})
    bench.open(disk, pixel=0.05, auxiliary=str(tmp_path / "bare.h5"), reference=str(tmp_path / "said.h5"))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(tmp_path / "elsewhere.h5"), ""))
    chosen = docked.scan.auxiliary
    chosen.setCurrentIndex(chosen.count() - 1)  # from a file…
    chosen.activated.emit(chosen.count() - 1)
    bare, said, elsewhere = (viewer.layers[name] for name in ("X-ray", "Reference", "elsewhere"))
    for edge in (0.05, 0.02, None, 0.03):  # as opened; then corrected, taken back, told again
        if edge != 0.05:
            docked.click(docked.scan.facts.buttons["pixel"])
            docked.scan.facts.editor.line.setText(str(edge or ""))
            docked.click(docked.scan.facts.editor.apply)
        assert bench.scan.edge == edge
        for layer in (bare, said):
            assert tuple(layer.scale) == pytest.approx((edge or 1.0,) * 3), layer.name
            assert str(layer.units[-1]) == ("pixel" if edge is None else "millimeter")
            assert misfit(layer, bench.scan.recipe(), bench.scan) == ""
            assert layer.metadata["fewview"]["unit"] == "mm^-1"  # of its own file
        assert tuple(elsewhere.scale) == pytest.approx((0.05,) * 3)
    assert docked.run().record["psnr"] is not None


def test_what_comes_after_the_pixel_size_was_told_lies_by_it(docked, disk):
    """Told in mid-run: further volumes of that run, and the result of one that waits."""
    docked.bench.open(disk)
    docked.scan.first.setValue(2)
    docked.type(docked.scan.bin, "2")
    options = {"start": "cgls", "smoothness": 1e-3, "steps": 16, "warm_up": 0.1, "repairs": 1}
    run = docked.run("diffnr-naf", wait=False, **options)
    docked.reconstruct.choose("fbp")
    docked.click(docked.reconstruct.run_button)
    behind = docked.bench.runs[-1]
    docked.click(docked.scan.facts.buttons["pixel"])
    docked.type(docked.scan.facts.editor.line, "0.05")
    assert not run.over
    docked.finish()
    assert (run.status, behind.status) == ("done", "done")
    shown = [layer for layer in docked.viewer.layers if {"run", "extra"} & layer.metadata["fewview"].keys()]
    assert len(shown) > 2
    for layer in shown:
        about = layer.metadata["fewview"]
        assert tuple(layer.scale) == pytest.approx((0.1,) * 3) and str(layer.units[-1]) == "millimeter", layer.name
        assert tuple(layer.translate) == pytest.approx((0.125, 0.025, 0.025)), layer.name
        assert about.get("unit") == (None if about.get("extra") == "refused" else "per pixel")
    assert abs(docked.viewer.dims.point[0] - 0.125) < 0.05 + 1e-6  # within the slice that there is


def test_preparation_before_and_after_and_what_a_result_leaves(docked, tmp_path):
    scan, panel = open_scan(docked, tmp_path), docked.reconstruct.panel
    preparation = scan.preparation
    section = preparation.parentWidget()
    section.head.setChecked(True)
    preparation.form.set_values({"stripes": "sorting", "stripes_anyway": True})
    preparation.form.edited.emit()
    assert scan.scan.recipe().prepare == {"stripes": "sorting", "stripes_anyway": True}
    docked.click(preparation.compare_button)
    docked.finish()
    before, after = (docked.viewer.layers[f"Sinogram {when} preparation"] for when in ("before", "after"))
    assert before.data.shape == after.data.shape == (1, 48, 80)
    low, high = before.extent.world
    assert low[2] > docked.viewer.layers["Slice before preparation"].extent.world[1][2]  # none lies over another
    assert after.extent.world[0][1] > high[1] and before not in docked.compare.compared()
    assert not np.array_equal(before.data, after.data)
    assert docked.viewer.layers["Slice after preparation"].data.shape == (1, 80, 80)
    assert "stripe removal: sorting" in preparation.words.text() and "negative" in preparation.words.text()

    docked.reconstruct.choose("sirt")
    docked.reconstruct.form.set_values({"iterations": 40})
    docked.click(docked.reconstruct.run_button)
    run = docked.bench.runs[-1]
    docked.until(lambda: run.over)
    docked.finish()
    panel.runs_section.head.setChecked(True)
    docked.click(panel.residual_button)
    docked.finish()
    left = docked.viewer.layers[f"Measured minus re-projected, {run.title}"]
    assert left.data.shape == (1, 48, 80)
    assert float(np.abs(left.data).mean()) < 0.3 * float(np.abs(after.data).mean())
