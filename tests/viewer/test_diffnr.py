"""A run of DiffNR from the viewer: what the fixer proposes streams beside the field; maps tell what became of it."""

import numpy as np
import pytest

pytest.importorskip("napari")
pytest.importorskip("pytestqt")

from fewview.viewer.common.names import extra_name

FURTHER = ("pseudo-reference", "repair", "refused")


def test_diffnr_streams_its_pseudo_reference_and_maps_what_the_fixer_did(docked):
    scan, dock, layers = docked.scan, docked.reconstruct, docked.viewer.layers
    docked.open_sample("Microstructure", binning=4)
    docked.type(scan.views, "12")
    docked.click(next(made for made in dock.modes.buttons() if made.text() == "DiffNR"))
    assert dock.chosen_method.name == "diffnr-naf"
    dock.form.set_values({"start": "cgls", "smoothness": 1e-3, "steps": 16, "warm_up": 0.1, "repairs": 1})
    seen = []
    docked.bench.painted.connect(lambda title: seen.append({layer.name for layer in layers}))
    docked.click(dock.run_button)
    run = docked.bench.runs[-1]
    docked.until(lambda: run.over)
    on_the_way = len(seen)
    docked.finish()
    assert run.status == "done", run.error
    names = [extra_name(run.title, name) for name in FURTHER]
    assert any(names[0] in shown for shown in seen[:on_the_way])
    result, present = layers[run.title], [layers[name] for name in names if name in layers]
    for layer in present:
        assert layers.index(layer) < layers.index(result) and not layer.visible
        assert layer.data.shape == result.data.shape == (2, 24, 24)
        np.testing.assert_allclose((layer.scale, layer.translate), (result.scale, result.translate))
    assert present[0].name == names[0] and present[0].contrast_limits[0] >= 0
    nothing = np.zeros_like(result.data)  # a map in which nothing was is no layer
    changed, refused = (layers[name].data if name in layers else nothing for name in names[1:])
    slices = run.record["chosen"]["refused_slices"]
    assert (names[2] in layers) == bool(slices) and (names[1] in layers) == (len(slices) < 2)
    by_slice = refused.reshape(2, -1)
    assert [k for k in range(2) if by_slice[k].all()] == slices
    assert np.all((by_slice.min(axis=1) == 1) | (by_slice.max(axis=1) == 0))
    assert np.abs(changed[refused == 1]).max(initial=0) == 0  # the field stays as it was
    if names[1] in layers:
        low, high = layers[names[1]].contrast_limits
        assert low == -high and np.abs(changed[refused == 0]).max() > 0
    told = "refused, because held-out pixels" in dock.panel.details.text()
    assert told == bool(slices)
