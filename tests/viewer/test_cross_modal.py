"""A guided run from the viewer: real clicks, and what it leaves: layers of its own and a verdict in words."""

import numpy as np
import pytest

pytest.importorskip("napari")
pytest.importorskip("pytestqt")

from fewview.viewer.common.names import extra_name


def test_cross_modal_asks_for_an_xray_volume_runs_and_shows_what_the_guide_did(docked):
    scan, dock = docked.scan, docked.reconstruct
    docked.open_sample("Microstructure", binning=2)
    docked.type(scan.last, "3")
    docked.click(next(made for made in dock.modes.buttons() if made.text() == "Cross-modal"))
    dock.choose("d3ip-x")
    xray, scan.scan.auxiliary = scan.scan.auxiliary, None
    docked.bench.scan_changed.emit()
    assert not dock.run_button.isEnabled() and "X-ray" in dock.run_button.toolTip()
    assert "in the Scan dock" in dock.forecast.text()
    scan.scan.auxiliary = xray
    docked.bench.scan_changed.emit()
    docked.click(dock.presets["Draft"])
    assert dock.presets["Draft"].isChecked() and dock.form.input_of("compare").isChecked()
    # Weight 1: listened to whatever held-out views say, so that the layers do not hang on the weights that ship.
    dock.form.set_values({**dock.form.values(), "guide_weight": 1.0, "samples": 1})
    docked.click(dock.run_button)
    run = docked.bench.runs[-1]
    docked.until(lambda: run.over)
    docked.finish()
    assert run.status == "done", run.error
    assert "compare" not in run.title
    change = docked.viewer.layers[extra_name(run.title, "guide_change")]
    assert change.contrast_limits[0] == -change.contrast_limits[1] and change.data.min() < 0 < change.data.max()
    unsure = docked.viewer.layers[extra_name(run.title, "guide_std")]
    assert unsure.data.shape == change.data.shape and float(np.min(unsure.data)) >= 0
    assert not change.visible and not unsure.visible
