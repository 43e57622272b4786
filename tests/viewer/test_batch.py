"""One setting on several scans, and on the frames of a time series."""

import gc
import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("napari")
pytest.importorskip("pytestqt")

from fewview.errors import FewviewError
from fewview.methods.registry import get_method
from fewview.runs.recipe import Recipe
from fewview.runs.worker.queued_run import QueuedRun
from fewview.viewer.reconstruct.batch import Batch, _given_axis, scan_like, settled
from fewview.viewer.reconstruct.series import series_layer
from fewview.viewer.reconstruct.several import WHERE, Several
from fewview.viewer.scan.presenter import ScanPresenter


def frame(path, views=12):
    u = np.arange(24) - 11.0
    lines = np.tile(0.1 * np.sqrt(np.maximum(64 - u**2, 0)), (views, 2, 1)).astype(np.float32)
    np.save(path, lines)
    return str(path)


def loaded(path):
    scan = ScanPresenter()
    scan.load(path, angles="0:180", kind="attenuation")
    return scan


def test_another_scan_is_read_as_the_first_one(tmp_path):
    model = loaded(frame(tmp_path / "a.npy"))
    model.views, model.rows, model.bin, model.prepare = 10, (1, 2), 1, {"tilt": 0.5}
    scan = scan_like(frame(tmp_path / "b.npy"), model)
    assert scan.ready and (scan.views, scan.rows) == (10, (1, 2)) and len(scan.angles) == 12
    assert scan.recipe().prepare == {"tilt": 0.5}
    scan.prepare["tilt"] = 1.0
    assert model.prepare == {"tilt": 0.5}
    with pytest.raises(FewviewError, match="8 views"):
        scan_like(frame(tmp_path / "short.npy", views=8), model)


def test_what_the_first_frame_found_is_what_the_others_take():
    wish = Recipe(scan="a.h5", method="tv", options={"iterations": 20})
    record = {"chosen": {"weight": 0.0014, "weight_curve": [[1, 2]]}, "axis": 11.0}
    found = settled(wish, get_method("tv"), record)
    assert found["options"] == {"iterations": 20, "weight": 0.0014}
    assert found["axis"] == 11.0 and found["axis_origin"].startswith("given: by the first frame")
    nested = {"beside_share": 0.3, "prior": "generic"}
    record = {"chosen": {**nested, "prior_curve": [["generic", 1.0]]}}
    assert settled(Recipe(scan="a.h5"), get_method("d3ip"), record)["options"] == nested


def test_frames_wait_for_the_first_one_and_several_scans_do_not(tmp_path, monkeypatch):
    """The queue behind the buttons, without a viewer."""

    class Heard:
        def __init__(self):
            self.slots = []

        def connect(self, slot):
            self.slots.append(slot)

        def emit(self, *values):
            for slot in self.slots:
                slot(*values)

    scan, ended, asked, notes, told = loaded(frame(tmp_path / "f1.npy")), Heard(), [], [], []
    monkeypatch.setattr("fewview.viewer.reconstruct.batch.tell", told.append)
    monkeypatch.setattr("fewview.viewer.reconstruct.batch.complain", lambda error: told.append(error.problem))

    def run(recipe, method, of, note):
        asked.append((recipe, of))
        notes.append(note)
        record = {"chosen": {"weight": 0.2}, "axis": 11.0}
        return SimpleNamespace(status="done", over=True, record=record, scan=recipe.scan, volume=None, number=0)

    opened = [scan]

    def include(one):
        if one.path not in [other.path for other in opened]:
            opened.append(one)

    def at(path):
        return next((one for one in opened if one.path == path), None)

    bench = SimpleNamespace(
        scan=scan,
        viewer=SimpleNamespace(layers=[]),
        run=run,
        live=SimpleNamespace(ended=ended),
        painted=Heard(),
        to_come=[],
        scans=SimpleNamespace(
            all=opened, include=include, everything_of=lambda scan: [], at=at, label=lambda one: one.path
        ),
        scan_changed=SimpleNamespace(emit=lambda: None),
    )
    tv = get_method("tv")
    dock = SimpleNamespace(
        bench=bench, chosen_method=tv, recipe=lambda: scan.recipe(method="tv", options={"iterations": 5})
    )
    batch = Batch(dock)
    paths = [frame(tmp_path / f"f{number}.npy") for number in (3, 2, 1)]
    several = batch.queue(paths, series=False)
    ended.emit(several[-1])
    assert told == ["3 of 3 scans are reconstructed."]  # they left no volumes: there is no word of where
    assert len(asked) == 3 and {recipe.axis for recipe, _ in asked} == {"auto"}
    asked.clear()
    (first,) = batch.queue(paths, series=True)
    assert [recipe.scan for recipe, _ in asked] == [paths[2]]
    waiting = [(one["title"], one["recipe"]["scan"]) for one in bench.to_come]
    assert waiting == [
        ("Total variation, 12 views, frame 2 of 3 of the series", paths[1]),
        ("Total variation, 12 views, frame 3 of 3 of the series", paths[0]),
    ]
    ended.emit(first)
    assert not bench.to_come and [one.axis for one in opened[1:]] == [11.0, 11.0]
    assert [recipe.scan for recipe, _ in asked] == paths[::-1]
    assert all(recipe.options == {"iterations": 5, "weight": 0.2} and recipe.axis == 11.0 for recipe, _ in asked[1:])
    ended.emit(first)
    assert len(asked) == 3 and notes[-3:] == [f"Frame {number} of 3 of the series." for number in (1, 2, 3)]
    assert told[-2] == "Fewer than two frames of the series left a volume."
    assert told[-1] == "3 of 3 frames of the series are done. Choose the frame to look at above, at Scan."

    # An X-ray volume is one of all frames, but of no other sample.
    asked.clear()
    told.clear()
    dock.chosen_method = get_method("dtv")
    scan.auxiliary = frame(tmp_path / "xray.npy")
    dock.recipe = lambda: scan.recipe(method="dtv", auxiliary=scan.auxiliary)
    for one in opened[1:]:
        one.auxiliary = None
    batch.queue(paths, series=False)
    assert [(recipe.scan, recipe.auxiliary) for recipe, _ in asked] == [(paths[2], scan.auxiliary)]
    assert [text.split(" ")[0] for text in told] == ["f3.npy", "f2.npy"] and "has no X-ray volume" in told[0]
    (first,) = batch.queue(paths, series=True)
    ended.emit(first)
    assert [recipe.auxiliary for recipe, _ in asked[1:]] == [scan.auxiliary] * 3


def test_the_axis_that_the_user_has_set_holds_for_all_frames(tmp_path):
    scan = loaded(frame(tmp_path / "f1.npy"))
    assert _given_axis(scan.recipe()) == {}
    scan.set_axis(11.25)
    assert _given_axis(scan.recipe()) == {"axis": 11.25, "axis_origin": "given: by the user"}


def ended_run(number, status, volume, kept="intermediate"):
    run = QueuedRun(number, f"SIRT, 12 views #{number}", {"recipe": {"scan": f"f{number}.npy"}})
    run.status, run.volume, run.kept, run.record = status, volume, kept, {"unit": "mm^-1"}
    return run


def test_a_series_is_one_layer_whose_name_says_which_frames_are_no_results():
    from napari.layers import Image

    cubes = [np.full((2, 3, 4), value, np.float32) for value in (1, 2, 3)]
    runs = [
        ended_run(1, "done", cubes[0]),
        ended_run(2, "stopped", cubes[1]),
        ended_run(3, "failed", None),
        ended_run(4, "stopped", cubes[2], "start"),
    ]
    place = {"scale": (0.2,) * 3, "translate": (0.4, 0.0, 0.0), "units": ("mm",) * 3}
    shown = [Image(cubes[0], metadata={"fewview": {"run": 1, "of": "f1.npy"}}, **place)]
    made = series_layer(runs, shown, "SIRT, 12 views")
    assert made.name == "Time series: SIRT, 12 views, 4 frames (frame 4 starting image; frame 2 stopped; frame 3 empty)"
    assert made.data.shape == (4, 2, 3, 4) and made.axis_labels == ("t", "z", "y", "x")
    assert tuple(made.scale) == (1, 0.2, 0.2, 0.2) and tuple(made.translate) == (0, 0.4, 0, 0)
    assert [str(unit) for unit in made.units] == ["pixel", "millimeter", "millimeter", "millimeter"]
    whole = np.asarray(made.data)
    assert np.isnan(whole[2]).all() and [float(whole[t].max()) for t in (0, 1, 3)] == [1, 2, 3]
    cubes[0][:] = 7  # no copy of what the frames hold
    assert float(np.asarray(made.data[0]).max()) == 7 and made.metadata["fewview"]["unit"] == "mm^-1"
    runs[1].volume = np.zeros((1, 3, 4), np.float32)
    with pytest.raises(FewviewError, match="different sizes"):
        series_layer(runs, shown, "SIRT")
    with pytest.raises(FewviewError, match="Fewer than two"):
        series_layer(runs[2:], shown, "SIRT")


def test_what_became_of_several_scans_is_told_in_their_order():
    cube = np.ones((2, 3, 4), np.float32)
    runs = [ended_run(1, "done", cube), ended_run(2, "stopped", cube), ended_run(3, "failed", None)]
    runs += [ended_run(4, "stopped", None)]
    runs[1].kept_step, runs[1].total = 8, 20
    runs[2].error = FewviewError("f3.npy is gone.", "Bring it back.")
    told = Several(runs, ["f5.npy cannot be read."])
    assert told.over
    assert told.words(str.upper) == (
        "1 of 5 scans are reconstructed. F2.NPY was stopped. Kept: the volume stopped at step 8 of 20. "
        f"F3.NPY failed: f3.npy is gone. F4.NPY was stopped. There was no estimate yet. f5.npy cannot be read. {WHERE}"
    )
    assert Several(runs[2:], []).words(str) == (
        "0 of 2 scans are reconstructed. f3.npy failed: f3.npy is gone. f4.npy was stopped. There was no estimate yet."
    )
    runs[1].status = "running"
    assert not told.over


def ready_for_several(docked, paths, monkeypatch, **options):
    """The first scan is open, SIRT is chosen, and the dialog that asks for files is answered with all of them."""
    from qtpy.QtWidgets import QFileDialog

    docked.bench.open(paths[0], angles="0:180", kind="attenuation")
    docked.bench.scan.set_axis(11.0)
    docked.until(lambda: not docked.bench.finding_axis)
    docked.finish()
    docked.reconstruct.choose("sirt")
    docked.reconstruct.form.set_values(options)
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (paths, ""))


def test_the_frame_of_a_series_that_runs_is_shown_and_all_are_stepped_through_at_the_end(docked, tmp_path, monkeypatch):
    from napari.utils.notifications import notification_manager

    dock, bench, viewer = docked.reconstruct, docked.bench, docked.viewer
    paths = [frame(tmp_path / f"f{number}.npy") for number in (1, 2, 3)]
    ready_for_several(docked, paths, monkeypatch, iterations=1500)
    seen = {}

    def look():
        run = bench.queue.current
        layer = next((one for one in viewer.layers if one.metadata.get("fewview", {}).get("run") == run.number), None)
        if run.payload["recipe"]["scan"] == paths[1] and run.step > 2:
            bench.queue.stop()
        if layer is not None and run.step > 1 and not run.over:
            seen.setdefault(run.payload["recipe"]["scan"], set()).add((layer.visible, bench.scan.path))

    bench.ticked.connect(lambda: bench.queue.current is not None and look())
    words = []
    notification_manager.notification_ready.connect(lambda event: words.append(event.message))
    docked.click(dock.several.series)
    docked.click(dock.several.series)  # its frames would take the place of those that wait
    assert words[-1].startswith("A time series goes on.")
    docked.until(lambda: len(bench.runs) == 3 and all(run.over for run in bench.runs))
    docked.finish()
    docked.until(lambda: any(layer.ndim == 4 for layer in viewer.layers))
    assert bench.scan.path == paths[2] and all((True, path) in seen.get(path, {(True, path)}) for path in paths)
    assert {run.payload["recipe"]["axis"] for run in bench.runs} == {11.0}
    made = next(layer for layer in viewer.layers if layer.ndim == 4)
    stopped = bench.runs[1].status == "stopped"
    assert made.name == "Time series: SIRT, 12 views, 3 frames" + " (frame 2 stopped)" * stopped
    frames = [one.name for one in viewer.layers if "run" in one.metadata.get("fewview", {})]
    assert frames[1].startswith("Stopped: f2: SIRT, 12 views" if stopped else "f2: SIRT, 12 views")
    assert frames[2].startswith("f3: SIRT, 12 views")
    assert made.visible and not any(one.visible for one in viewer.layers if "run" in one.metadata.get("fewview", {}))
    viewer.dims.set_current_step(0, 2)
    np.testing.assert_array_equal(np.asarray(made.data[2]), bench.runs[2].volume)
    docked.select(docked.scan.scans.choice, "Scan: f1.npy")  # one frame by itself
    assert bench.scan.path == paths[0]
    docked.compare.refresh()
    assert not any("Time series" in one.name for one in docked.compare.layers.chosen())

    # A restart: the series comes back, also where the layer of one of its frames was deleted.
    viewer.layers.remove(frames[0])
    made.scale = (2, *made.scale[1:])  # seconds between the frames
    whole, name = np.asarray(made.data), made.name
    words.clear()
    docked.restart()
    (back,) = [layer for layer in viewer.layers if layer.ndim == 4]
    assert back.name == name and back.scale[0] == 2 and back.visible
    np.testing.assert_array_equal(np.asarray(back.data), whole)
    (last,) = [layer for layer in viewer.layers if layer.name == frames[2]]
    assert np.shares_memory(last.data, back.data[2]) and not last.visible
    assert not any(text.startswith("Without") for text in words)
    bench.keeper.write()
    assert len(json.loads(bench.keeper.file.read_text())["series"]) == 1  # and again


def test_each_frame_of_a_series_has_the_xray_volume(docked, tmp_path, monkeypatch):
    """It came with the first frame, from a file; it stays in sight with each, and when the first one is closed."""
    from qtpy.QtWidgets import QFileDialog

    bench, viewer, scans = docked.bench, docked.viewer, docked.scan.scans
    paths = [frame(tmp_path / f"f{number}.npy") for number in (1, 2, 3)]
    np.save(tmp_path / "tube.npy", np.random.default_rng(0).random((2, 24, 24), dtype=np.float32))
    ready_for_several(docked, paths, monkeypatch)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(tmp_path / "tube.npy"), ""))
    docked.scan.parentWidget().raise_()
    chosen = docked.scan.auxiliary
    docked.until(chosen.isVisible)
    docked.select(chosen, "from a file…", lambda: "tube" in viewer.layers)
    xray = viewer.layers["tube"]
    xray.visible = True
    docked.reconstruct.choose("dtv")
    docked.reconstruct.form.set_values({"iterations": 5, "weight": 1e-3})
    docked.click(docked.reconstruct.several.series)
    docked.until(lambda: len(bench.runs) == 3 and all(run.over for run in bench.runs))
    docked.finish()
    assert {run.payload["recipe"]["auxiliary"] for run in bench.runs} == {str(tmp_path / "tube.npy")}
    for number in (1, 2, 3):
        docked.select(scans.choice, f"Scan: f{number}.npy")
        assert bench.scan.path == paths[number - 1]
        assert xray.visible and xray.metadata["fewview"]["of"] == bench.scan.path
        assert xray.name == f"f{number}: tube" == chosen.currentText()
    docked.select(scans.choice, "Scan: f1.npy")
    docked.click(scans.close_button)
    assert xray in viewer.layers and xray.visible and bench.scan.path == paths[2] and chosen.currentText() == xray.name


def test_a_series_goes_on_when_its_dock_is_closed(docked, tmp_path, monkeypatch):
    paths = [frame(tmp_path / f"f{number}.npy") for number in (1, 2, 3)]
    ready_for_several(docked, paths, monkeypatch, iterations=300)
    docked.click(docked.reconstruct.several.series)
    window, bench = docked.viewer.window, docked.bench
    del docked.reconstruct
    window.remove_dock_widget(window.dock_widgets["Reconstruct (fewview)"])
    docked.qtbot.wait(100)
    gc.collect()
    docked.until(lambda: len(bench.runs) == 3 and all(run.over for run in bench.runs))
    docked.finish()
    assert [run.status for run in bench.runs] == ["done"] * 3
    docked.until(lambda: any(layer.ndim == 4 for layer in docked.viewer.layers))


def test_one_of_several_scans_that_fails_does_not_hold_up_the_others(docked, tmp_path, monkeypatch):
    """One that cannot be read, and one that is gone when its turn comes: told by name, and queued again when back."""
    from napari.utils.notifications import notification_manager

    dock, bench, panel = docked.reconstruct, docked.bench, docked.reconstruct.panel
    paths = [frame(tmp_path / f"{name}.npy") for name in "abcd"]
    (tmp_path / "b.npy").write_bytes(b"cut off")
    ready_for_several(docked, paths, monkeypatch, iterations=200)
    words = []
    notification_manager.notification_ready.connect(lambda event: words.append(event.message))
    docked.click(dock.several.several)
    (tmp_path / "c.npy").rename(tmp_path / "away.npy")
    docked.until(lambda: all(run.over for run in bench.runs))
    docked.finish()
    assert [(run.payload["recipe"]["scan"], run.status) for run in bench.runs] == [
        (paths[0], "done"),
        (paths[2], "failed"),
        (paths[3], "done"),
    ]
    (closing,) = [text for text in words if text.startswith("2 of 4 scans are reconstructed.")]
    assert words.index(closing) == len(words) - 1 and "choose the scan above" in closing
    for name in "bc":  # each told when it is known, and once more at the end
        assert [f"{name}.npy" in text for text in words].count(True) == 2 and f"{name}.npy" in closing
    panel.runs_section.head.setChecked(True)
    panel.runs.setCurrentRow(1)
    assert "failed" in panel.runs.item(1).toolTip() and "c.npy" in panel.runs.item(1).toolTip()
    words.clear()
    docked.click(panel.record_button)  # there is none: what is known is told again
    assert "c.npy" in words[-1]
    (tmp_path / "away.npy").rename(tmp_path / "c.npy")
    docked.click(panel.again_button)
    docked.until(lambda: len(bench.runs) == 4 and bench.runs[-1].over)
    docked.finish()
    assert bench.runs[-1].status == "done" and bench.scan.path == paths[0]
    assert panel.runs.currentRow() == 2  # the run that was selected, not the line
    panel.runs.setCurrentRow(0)
    docked.click(panel.residual_button)  # of a scan that is not meant: it lies beside its own slices
    docked.finish()
    assert bench.scan.path == paths[2]
    (made,) = [layer for layer in docked.viewer.layers if "re-projected" in layer.name]
    assert made.visible and made.metadata["fewview"]["of"] == paths[2]
    docked.until(lambda: made.name.startswith("c: "))
    assert made.name.count("c: ") == 1
    bench.forget_scan()
    docked.click(panel.residual_button)
    assert "is not open any more" in words[-1]


def test_the_buttons_queue_files_and_the_channels_of_one_file(docked, tmp_path, monkeypatch):
    """Files by the dialog, then a series in one file as CIL writes it: one run per channel, named by it."""
    import h5py
    from qtpy.QtWidgets import QFileDialog

    dock, bench = docked.reconstruct, docked.bench
    paths = [frame(tmp_path / f"{name}.npy") for name in "ab"]
    bench.open(paths[0], angles="0:180", kind="attenuation")
    docked.until(lambda: bench.scan.ready and not bench.finding_axis)
    docked.finish()
    dock.choose("fbp")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (paths, ""))
    docked.click(dock.several.several)
    docked.until(lambda: len(bench.runs) == 2 and all(run.over for run in bench.runs))
    docked.finish()
    assert [run.status for run in bench.runs] == ["done", "done"]
    assert {run.payload["recipe"]["scan"] for run in bench.runs} == set(paths)

    lines = np.load(paths[0])[:, 0]
    with h5py.File(tmp_path / "series.nxs", "w") as file:
        entry = file.create_group("entry1/tomo_entry")
        data = entry.create_dataset("data/data", data=np.stack([lines, 1.1 * lines, 1.2 * lines]))
        data.attrs.update(data_type="AcquisitionData", geometry="parallel", dimension="2D")
        data.attrs.update(dim0="channel", dim1="angle", dim2="horizontal", num_channels=3, pixel_size_h=0.1)
        angles = entry.create_dataset("config/angles", data=np.arange(12) * 15.0)
        angles.attrs["angle_unit"] = "degree"
    bench.open(str(tmp_path / "series.nxs"))
    facts = docked.scan.facts
    docked.click(facts.buttons["dataset"])
    docked.type(facts.editor.line, "1")
    docked.until(lambda: bench.scan.ready and not bench.finding_axis)
    docked.finish()
    assert any(fact.text == "1 of 0 to 2" for fact in bench.scan.facts())
    docked.click(dock.several.series)
    docked.until(lambda: len(bench.runs) == 5 and all(run.over for run in bench.runs))
    docked.finish()
    runs = bench.runs[2:]
    assert [run.status for run in runs] == ["done"] * 3 and "channel 2" in runs[-1].title
    made = next(layer for layer in docked.viewer.layers if layer.ndim == 4)
    assert made.name.startswith("series: Time series: Filtered back-projection, 12 views, 3 frames")
    assert made.metadata["fewview"]["of"] == bench.scan.path and made.data.shape[0] == 3
    means = [float(run.volume.mean()) for run in runs]
    assert means[1] == pytest.approx(1.1 * means[0], rel=1e-3) and means[2] == pytest.approx(1.2 * means[0], rel=1e-3)
