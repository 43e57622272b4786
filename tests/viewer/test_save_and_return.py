"""Save a result, open its record in a session that knows nothing of it; continue a session after a restart."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("napari")
pytest.importorskip("pytestqt")

from fewview.errors import FewviewError
from fewview.io import read_volume
from fewview.runs.recipe import Recipe
from fewview.viewer.files import places
from fewview.viewer.files.records import read_record
from fewview.viewer.files.writers import save


def test_a_record_comes_back_from_every_format(tmp_path):
    scan = tmp_path / "scan.h5"
    scan.write_bytes(b"")
    recipe = Recipe(scan=str(scan), method="sirt", options={"iterations": 7}, views=20)
    about = {"recipe": recipe.compact(), "record": {"recipe": recipe.compact(), "unit": "mm^-1"}}
    about["prefix"] = "scan: "  # two were open: what is read may be the only one
    attributes = {"name": "scan: mine [2]", "scale": (0.2,) * 3, "units": ("mm",) * 3, "metadata": {"fewview": about}}
    regions = [{"name": "R1", "unit": "mm", "corners": [[0, 0], [1, 1]]}]
    for ending in ("h5", "tif", "zarr", "npy"):
        path = save(str(tmp_path / f"v.{ending}"), np.ones((2, 3, 4), np.float32), attributes, regions)
        found = read_record(path)
        assert found.recipe == recipe and found.volume == path and list(found.regions) == regions, ending
        assert read_volume(path).attrs["record"]["title"] == "mine", ending
    assert read_record(tmp_path / "v.npy.json").volume == str(tmp_path / "v.npy")
    (tmp_path / "recipe.yaml").write_text(f"scan: {scan}\nmethod: fbp\n")
    assert read_record(tmp_path / "recipe.yaml").recipe.method == "fbp"
    scan.unlink()
    with pytest.raises(FewviewError, match="is not there"):
        read_record(tmp_path / "v.h5")
    save(str(tmp_path / "bare.tif"), np.ones((2, 3, 4), np.float32), {})
    with pytest.raises(FewviewError, match="no run record"):
        read_record(tmp_path / "bare.tif")


def test_a_scan_comes_back_with_all_that_was_chosen_of_it(tmp_path):
    from fewview.viewer.restore import scan_of_recipe
    from fewview.viewer.scan.presenter import ScanPresenter

    np.save(tmp_path / "a.npy", np.ones((12, 4, 16), np.float32))
    scan = ScanPresenter()
    scan.load(tmp_path / "a.npy", angles="0:180", kind="attenuation")
    scan.views, scan.rows, scan.bin, scan.prepare = 6, (0, 2), 2, {"tilt": 0.5}
    scan.set_axis(7.25)
    scan.reference = "truth.npy"
    recipe = scan.recipe(auxiliary="xray.npy")
    again = scan_of_recipe(Recipe.parse(recipe.compact()))
    assert again.recipe(auxiliary=again.auxiliary) == recipe
    with pytest.raises(FewviewError, match="fewer than are to be used"):  # of a longer scan of that name
        scan_of_recipe(Recipe.parse({**recipe.compact(), "rows": (2, 40)}))


def test_a_result_lies_where_its_rows_do_whoever_opens_it(tmp_path):
    """Dropped on the viewer, too: else slice 0 of a slab would be compared with slice 0 of the whole."""
    from fewview.viewer.scan.samples import volume_layer

    recipe = Recipe(scan="scan.h5", rows=(4, 8), bin=2)
    about = {"record": {"recipe": recipe.compact(), "shape": [2, 3, 3], "unit": "mm^-1"}}
    attributes = {"name": "slab", "scale": (0.2,) * 3, "units": ("mm",) * 3, "metadata": {"fewview": about}}
    path = save(str(tmp_path / "slab.h5"), np.ones((2, 3, 3), np.float32), attributes)
    place = volume_layer(path)[1]
    np.testing.assert_allclose((place["scale"], place["translate"]), ((0.2,) * 3, (0.45, 0.05, 0.05)))
    fine = {**attributes, "scale": (0.1,) * 3}  # what lies beside it with twice the voxels, in the same corner
    place = volume_layer(save(str(tmp_path / "fine.h5"), np.ones((4, 6, 6), np.float32), fine))[1]
    np.testing.assert_allclose((place["scale"], place["translate"]), ((0.1,) * 3, (0.4, 0.0, 0.0)), atol=1e-9)
    pixels = {**attributes, "scale": (2.0,) * 3, "units": ("pixel",) * 3}
    place = volume_layer(save(str(tmp_path / "px.npy"), np.ones((2, 3, 3), np.float32), pixels))[1]
    np.testing.assert_allclose((place["scale"], place["translate"]), ((2.0,) * 3, (4.5, 0.5, 0.5)))


def test_files_lie_beside_the_scan_or_below_the_home(tmp_path, monkeypatch):
    from fewview.samples import TOOTH

    monkeypatch.setattr(places, "HOME", tmp_path / "home")
    assert places.folder_of(str(tmp_path / "a.h5")) == tmp_path / "a.fewview"
    assert places.folder_of(str(TOOTH)) == tmp_path / "home" / "tooth.fewview"
    assert places.folder_of("").is_dir()


def test_a_dataset_behind_a_file_is_no_part_of_its_path():
    for path, file in (
        ("a/b.h5:/entry/data", "a/b.h5"),
        ("C:/scans/b.h5", "C:/scans/b.h5"),
        ("C:/scans/b.h5:/data", "C:/scans/b.h5"),
        ("folder of frames", "folder of frames"),
    ):
        assert places.on_disk(path) == Path(file)


def test_our_writer_is_offered_first(monkeypatch):
    from fewview.viewer.files import writer_order

    ours, theirs = (SimpleNamespace(command=name) for name in ("fewview.write", "napari.write_image"))
    index = SimpleNamespace(_writers=[("image", 1, 2, theirs), ("image", 1, 2, ours), ("shapes", 1, 2, theirs)])
    monkeypatch.setattr(writer_order.PluginManager, "instance", lambda: SimpleNamespace(_contrib=index))
    writer_order.offer_first()
    assert [entry[-1] for entry in index._writers] == [ours, theirs, theirs]


def test_save_open_record_and_continue_after_a_restart(docked, tmp_path):
    from npe2 import PluginManager

    from fewview.viewer.session import SessionKeeper

    bench, dock, compare, viewer = docked.bench, docked.reconstruct, docked.compare, docked.viewer
    docked.pick(docked.scan.sample, "Microstructure")
    docked.until(lambda: bench.scan.ready and not bench.finding_axis)
    docked.finish()
    docked.type(docked.scan.views, "16")
    dock.choose("sirt")
    docked.type(dock.form.input_of("iterations"), "3")
    docked.click(dock.run_button)
    docked.until(lambda: bench.runs and bench.runs[-1].over)
    docked.finish()
    compare.drop(0.5, 0.4)
    corners = compare.regions.boxes()[0][1]
    name = bench.runs[-1].title
    before = viewer.layers[name].data.copy()
    path = tmp_path / "result.h5"
    docked.answer(path)
    docked.click(dock.results.save_button)
    docked.until(path.exists)
    docked.until(lambda: viewer.layers[bench.runs[-1].title].metadata["fewview"].get("file") == str(path))
    assert next(PluginManager.instance().iter_compatible_writers(["image"])).command == "fewview.write"
    bench.keeper.write()
    kept = json.loads(bench.keeper.file.read_text())
    other = SessionKeeper(bench)  # of a second viewer, while this one is open
    assert other.last() is None and other.file != bench.keeper.file
    other.on = False
    other.close()
    assert [one["file"] for one in kept["scans"][0]["results"]] == [str(path)] and kept["settings"]["method"] == "sirt"

    # A restart: nothing is open, and the dock offers to continue.
    def emptied():
        bench.forget_scan()
        viewer.layers.clear()
        bench.keeper.close()
        bench.keeper.open()
        bench.scan_changed.emit()
        dock.choose("fbp")
        docked.scan.parentWidget().raise_()
        assert not bench.scan.loaded and compare.regions.names() == []

    def back():
        docked.until(lambda: bench.scan.ready)
        assert bench.scan.views == 16 and dock.chosen_method.name == "sirt"
        assert dock.form.changes() == {"iterations": 3}
        assert compare.regions.names() == ["R1"]
        np.testing.assert_allclose(compare.regions.boxes()[0][1], corners)
        result = next(layer for layer in viewer.layers if "recipe" in layer.metadata["fewview"])
        np.testing.assert_array_equal(result.data, before)
        assert result.name == name
        assert result.scale[0] == pytest.approx(0.2) and compare.reference() is not None
        docked.finish()

    emptied()
    docked.until(docked.scan.scans.go_on.isVisible)
    assert "microstructure.h5 and 1 result" in docked.scan.scans.go_on.toolTip()
    docked.click(docked.scan.scans.go_on)
    back()
    emptied()
    from napari.utils.notifications import notification_manager

    from fewview.viewer.restore import open_record

    open_record(bench, str(path))
    back()
    # A record of an older version, with options that are none today.
    words = []
    notification_manager.notification_ready.connect(lambda event: words.append(event.message))
    old = {**bench.scan.recipe().compact(), "method": "sirt", "options": {"iterations": 5, "beams": 2}}
    (tmp_path / "old.json").write_text(json.dumps({"recipe": old}))
    open_record(bench, str(tmp_path / "old.json"))
    docked.finish()
    assert dock.form.changes() == {"iterations": 5} and any("'beams'" in text for text in words)


def test_a_session_comes_back_as_it_was_left_and_says_what_does_not(docked, disk, monkeypatch):
    from napari.utils.notifications import notification_manager

    from fewview.viewer import kept_results

    bench, viewer, compare = docked.bench, docked.viewer, docked.compare
    words = []
    notification_manager.notification_ready.connect(lambda event: words.append(event.message))
    runs = [docked.reconstruct_scan(disk), docked.run(), docked.run()]
    painted, moved, large = (viewer.layers[run.title] for run in runs)
    truth = viewer.add_image(painted.data + 1, name="my truth")
    docked.select(docked.scan.reference, "my truth")
    compare.drop(0.5, 0.5)
    compare.regions.layer.add(np.array([[5, 5], [5, 20], [20, 20], [20, 5]]), shape_type="ellipse")
    compare.regions.layer.add(np.array([[5, 30], [15, 40], [25, 30], [15, 25], [9, 26]]), shape_type="polygon")
    compare.refresh()
    regions = compare.regions.state()
    viewer.add_labels(np.ones((4, 64, 64), int), name="grains")
    docked.until(lambda: all("known" in one.metadata["fewview"] for one in (painted, moved, large)))
    before = bench.keeper.file
    docked.until(lambda: before.exists() and "grains" in before.read_text())
    painted.data[1, 20:30] = np.nan  # within the array: nothing tells of it
    painted.name = "mine"
    moved.translate, moved.rotate = (0, 3, 0), 10
    truth.data = truth.data * 2
    monkeypatch.setattr(kept_results, "QUICK", 0)  # as larger volumes are: looked through at the end
    as_left, doubled = painted.data.copy(), truth.data.copy()
    place = moved.translate.tolist(), np.asarray(moved.rotate).tolist()
    large.data = large.data + 1
    bench.keeper.write()
    named = json.loads(before.read_text())["scans"][0]["results"]
    assert [one["name"] for one in named] == ["mine", moved.name, large.name]
    gone = large.name
    monkeypatch.setattr(kept_results.KeptResults, "_too_large", lambda self, data: data is large.data)
    held = []
    docked.restart(closed=lambda: held.append(read_volume(named[0]["file"]).values))
    assert np.array_equal(held[0], as_left, equal_nan=True)
    back = {layer.name: layer for layer in viewer.layers}
    assert np.array_equal(back["mine"].data, as_left, equal_nan=True) and gone not in back
    lies = back[runs[1].title]
    assert (lies.translate.tolist(), np.asarray(lies.rotate).tolist()) == place
    assert np.array_equal(back["my truth"].data, doubled) and compare.reference() is back["my truth"]
    assert compare.regions.state() == regions
    assert any(text.startswith(f"Without “{gone}”: not saved") for text in words)
    assert any(text.startswith("Without “grains”: a session keeps") for text in words)
