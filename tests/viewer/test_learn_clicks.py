"""Learn from a dense scan by clicks: a volume teaches the network, a stop keeps it, and the next run uses it."""

import pytest

pytest.importorskip("napari")
pytest.importorskip("pytestqt")

from fewview.models.unrolled import Unrolled, UnrolledConfig
from fewview.models.weights import read_card, save_network


def test_a_volume_teaches_the_network_and_the_next_run_uses_it(docked, tmp_path):
    import torch

    torch.manual_seed(0)
    tiny = UnrolledConfig(stages=2, early=(8, 16), last=(8, 16), early_blocks=(1, 1), last_blocks=(1, 1))
    docked.pick(docked.scan.sample, "Microstructure")
    docked.until(lambda: docked.bench.scan.ready and not docked.bench.finding_axis)
    docked.finish()
    docked.type(docked.scan.bin, "2")
    docked.type(docked.scan.last, "3")
    dock = docked.reconstruct
    dock.choose("sirt")
    assert not dock.learn_button.isVisibleTo(dock)
    dock.choose("unrolled")
    from fewview.viewer.files.networks import file_of_network

    save_network(Unrolled(tiny), file_of_network(docked.bench.scan.path, "tiny"), {})
    docked.click(dock.learn_button)
    dialog = dock.learning
    docked.until(dialog.isVisible)
    assert "microstructure.h5" in dialog.intro.text() and not dialog.stop_button.isEnabled()
    docked.select(dialog.dense, "Reference")
    docked.select(dialog.start, "tiny")
    docked.type(dialog.name, "my sample")
    docked.type(dialog.minutes, "30")
    assert dialog.run is None  # Return ended the typing, and started nothing
    docked.click(dialog.go_button)
    assert not dialog.go_button.isEnabled()
    docked.until(lambda: (dialog.run.history.get("heldout_psnr") and dialog.run.step >= 2) or dialog.run.over)
    assert not dialog.run.over, dialog.run.error
    docked.until(dialog.stop_button.isEnabled)
    docked.until(lambda: dock.panel.headline.text() == "Learning my_sample")
    assert dock.panel.stop.isEnabled()  # the window of the training may be closed
    assert "Learning" in dialog.words.text() and any("dense volume" in layer.name for layer in docked.viewer.layers)
    docked.bench.forget_scan()
    assert docked.bench.scan.ready  # the training is on it
    docked.click(dialog.stop_button)
    docked.finish()
    assert "Kept as “my_sample”" in dialog.words.text()
    weights = file_of_network(docked.bench.scan.path, "my_sample")
    assert read_card(weights)["trained_for"]["views"] == [27, 32]  # all views, and with a share of them held out
    assert dock.form.values()["weights"] == str(weights)
    assert dock.form.input_of("weights").currentText() == "my_sample"
    dialog.close()
    docked.click(dock.run_button)
    run = docked.bench.runs[-1]
    docked.until(lambda: run.over)
    docked.finish()
    assert run.status == "done" and run.record["options"]["weights"] == str(weights), run.error
