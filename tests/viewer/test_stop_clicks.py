"""Stop and keep in every stage, preview without a search, and the record, by real clicks."""

import json

import numpy as np
import pytest

pytest.importorskip("napari")
pytest.importorskip("pytestqt")

from fewview.viewer.common.names import STATES


def disk_scan(path, rows=2):
    """A noisy disk, 40 views, rows of 96 columns, counts with flats and darks."""
    u = np.arange(96) - 47.5
    line = 0.03 * np.sqrt(np.maximum(30.0**2 - u**2, 0))
    counts = np.random.default_rng(0).poisson(3000 * np.exp(-line), (40, rows, 96)) + 100
    flats, darks = np.full((3, rows, 96), 3100, np.uint16), np.full((2, rows, 96), 100, np.uint16)
    np.savez(path, data=counts.astype(np.uint16), flats=flats, darks=darks, angles_deg=np.arange(40) * 4.5)
    return str(path)


@pytest.fixture
def ready(docked, tmp_path):
    docked.bench.open(disk_scan(tmp_path / "scan.npz"))
    docked.until(lambda: docked.bench.scan.ready and not docked.bench.finding_axis)
    docked.finish()
    return docked


def start(docked, method, **options):
    docked.reconstruct.choose(method)
    docked.reconstruct.form.set_values(options)
    docked.click(docked.reconstruct.run_button)
    return docked.bench.runs[-1]


def stop(docked, run):
    docked.until(lambda: docked.reconstruct.panel.stop.isEnabled() or run.over)
    docked.click(docked.reconstruct.panel.stop)
    docked.until(lambda: run.over)
    docked.finish()
    assert run.status == "stopped", run.error
    layer = docked.viewer.layers[run.title]
    record = layer.metadata["fewview"]["record"]
    assert layer.metadata["fewview"]["holds"] == run.holds and record["stopped"]
    return layer, record


def test_what_is_kept_says_what_it_is_in_every_stage(ready):
    dock = ready.reconstruct
    run = start(ready, "tv", iterations=5000)
    title = run.title
    ready.until(lambda: "being chosen" in run.shows or run.over)
    ready.until(lambda: "Stage 1 of 2: choosing the weight" in dock.panel.headline.text())
    assert "Shown: the volume while its weight was being chosen: weight" in dock.panel.details.text()
    layer, record = stop(ready, run)
    assert layer.name == f"While choosing: {title} ({run.holds})" and "weight was being chosen: weight " in run.holds
    assert record["kept"] == "intermediate" and record["stage"] == "choosing the weight"
    assert record["holds"].startswith("Total variation while its weight") and not record["made_of"]
    assert "Kept: the volume while its weight was being chosen" in dock.panel.details.text()

    run = start(ready, "tv", weight=0.001, iterations=5000)
    ready.until(lambda: run.step > 5 or run.over)
    layer, record = stop(ready, run)
    assert layer.name.startswith("Stopped: Total variation, ")
    assert layer.name.endswith(f"(at step {run.kept_step} of 5000)")
    assert record["steps"] == run.kept_step
    assert record["kept"] == "intermediate" and record["stage"] == "iterating"

    run = start(ready, "d3ip", steps=16)
    ready.until(lambda: run.shows.startswith("CGLS") or run.over)
    layer, record = stop(ready, run)  # a click takes a moment: the first trial may have begun
    assert layer.name.startswith(("Starting image: ", "While choosing: "))
    assert record["stage"].startswith(("starting", "choosing"))
    assert record["holds"].endswith(run.holds) and run.holds.startswith(
        {"start": "starting image: ", "intermediate": "while its settings were being chosen: prior "}[record["kept"]]
    )


def test_rows_are_told_as_they_were_chosen(docked, tmp_path):
    """Some rows, in pairs: what is shown of them meanwhile has the detector's numbers, as the dock and the name do."""
    from qtpy.QtWidgets import QApplication

    docked.bench.open(disk_scan(tmp_path / "scan.npz", rows=24))
    docked.until(lambda: docked.bench.scan.ready and not docked.bench.finding_axis)
    docked.finish()
    docked.type(docked.scan.first, "8")
    docked.type(docked.scan.last, "19")
    docked.type(docked.scan.bin, "2")
    assert docked.bench.scan.rows == (8, 20)
    run = start(docked, "tv", iterations=5000)
    docked.until(lambda: "(rows " in docked.reconstruct.panel.details.text() or run.over)
    layer, record = stop(docked, run)
    assert "(rows 12, 14; " in layer.name and "rows 8-19" in layer.name, layer.name  # slices 2 and 3 of six
    assert "(rows 12, 14; " in record["holds"]
    step = layer.scale[0]
    assert np.allclose((docked.viewer.dims.point[0] - layer.translate[0]) / step % 1, 0)  # on a slice, not between two
    assert docked.bench.shown_row() == 14
    widgets = QApplication.allWidgets()
    canvas = next(w for w in widgets if type(w).__name__ == "CanvasBackendDesktop" and w.isVisible())
    docked.qtbot.mouseMove(canvas, canvas.rect().center())
    docked.until(lambda: docked.compare.words.pointed.text().startswith("Row 14; "))


MOMENTS = {
    "before the first estimate": ("tv", {"iterations": 5000}, lambda run: True),
    "a network's settings are chosen": ("d3ip", {"steps": 16}, lambda run: "being chosen" in run.shows),
    "a network goes down the noise": (
        "d3ip",
        {"steps": 60, "prior": "generic", "partner.kind": "none", "start_iterations": 5},
        lambda run: run.step > 2,
    ),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_stop_at_any_moment_leaves_what_says_what_it_is(ready, moment):
    method, options, reached = MOMENTS[moment]
    panel = ready.reconstruct.panel
    run = start(ready, method, **options)
    ready.until(lambda: (run.active and reached(run)) or run.over)
    ready.until(lambda: panel.stop.isEnabled() or run.over)
    ready.click(panel.stop)
    ready.until(lambda: run.over)
    ready.finish()
    assert run.status == "stopped", run.error
    ready.until(lambda: panel.headline.text() == "Stopped")
    if not run.holds:  # there was nothing to keep
        assert run.volume is None and "There was no estimate yet." in panel.details.text()
        assert run.title not in ready.viewer.layers
        return
    layer = ready.viewer.layers[run.title]
    record = layer.metadata["fewview"]["record"]
    assert layer.name.startswith(STATES) and f"{run.holds}." in panel.details.text()
    assert record["stopped"] and record["kept"] in ("start", "intermediate") and record["holds"].endswith(run.holds)
    assert record["stage"] and not record["made_of"]
    assert np.isfinite(layer.data).all()


def test_a_preview_that_is_asked_while_a_run_goes_on_follows_it(ready):
    dock = ready.reconstruct
    run = start(ready, "sirt", iterations=100000)
    ready.until(lambda: run.step > 2 or run.over)
    ready.click(dock.preview_button)
    preview = ready.bench.runs[-1]
    assert preview is not run and preview.status == "queued" and preview.title not in ready.viewer.layers
    ready.until(lambda: "; 1 more in the queue" in dock.panel.details.text())
    assert dock.run_button.text() == "Queue" and [dock.panel.runs.item(k).text()[0] for k in (0, 1)] == ["…", "▶"]
    layer, _ = stop(ready, run)
    ready.until(lambda: preview.over)
    ready.finish()
    assert preview.status == "done" and ready.viewer.layers[preview.title].data.shape[0] == 1
    assert layer.name.startswith("Stopped: ") and layer.data.shape[0] == 2
    assert dock.panel.headline.text() == "Done" and dock.run_button.text() == "Run"


def test_a_preview_waits_for_no_search_and_says_with_what_it_was_made(ready):
    dock = ready.reconstruct
    stages = []
    ready.bench.ticked.connect(lambda: stages.append(ready.bench.runs[-1].stage if ready.bench.runs else ""))
    dock.choose("tv")
    dock.form.set_values({"iterations": 60})
    ready.click(dock.preview_button)
    first = ready.bench.runs[-1]
    ready.until(lambda: first.over)
    ready.finish()
    assert first.status == "done" and "weight 0.001 for want of a choice" in dock.panel.details.text()
    assert not any("choosing" in stage for stage in stages)
    assert dock.form.values()["weight"] == "auto"  # the form is as it was

    run = start(ready, "tv", iterations=60)
    ready.until(lambda: run.over)
    ready.finish()
    assert run.status == "done" and run.place == (2, 2) and run.done == 1
    stages.clear()
    ready.click(dock.preview_button)
    second = ready.bench.runs[-1]
    ready.until(lambda: second.over)
    ready.finish()
    weight = run.record["chosen"]["weight"]
    assert second.record["options"]["weight"] == pytest.approx(weight)
    assert f"as {run.title} chose" in dock.panel.details.text()
    assert not any("choosing" in stage for stage in stages)


def test_the_result_says_what_it_is_made_of_and_its_record_can_be_read(ready, tmp_path, monkeypatch):
    from qtpy.QtWidgets import QApplication

    panel = ready.reconstruct.panel
    run = start(ready, "tv", iterations=30)
    ready.until(lambda: run.over)
    ready.finish()
    weight = f"{run.record['chosen']['weight']:.3g}"
    made = f"Total variation, 30 steps; chosen by held-out measurements: weight {weight}."
    assert run.record["made_of"] == made and made in panel.details.text()
    panel.runs_section.head.setChecked(True)
    ready.click(panel.record_button)
    view = panel.record
    assert view.isVisible() and made in view.summary.text()
    assert [view.tree.topLevelItem(k).text(0) for k in range(3)] == ["What is kept", "Made of", "Stage"]
    ready.click(view.copy_button)
    assert json.loads(QApplication.clipboard().text())["made_of"] == made
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"record": {**run.record, "kept": "start", "holds": "starting image: FBP"}}))
    monkeypatch.setattr(
        "fewview.viewer.reconstruct.record_view.QFileDialog.getOpenFileName", lambda *a: (str(path), "")
    )
    ready.click(view.open_button)
    assert "Not the result: starting image: FBP." in view.summary.text()
    view.close()
