"""A layer that was changed after its file was written or read is what the next run, record and saved result name."""

from types import SimpleNamespace

import numpy as np
import pytest

from fewview.errors import FewviewError
from fewview.io import read_volume
from fewview.viewer.files import places
from fewview.viewer.files.layer_files import file_of, files_of, is_volume, left_out, mark
from fewview.viewer.run_volumes import fitted, follow_layers
from fewview.viewer.scan.presenter import ScanPresenter
from fewview.viewer.scan.samples import volume_layer

CUBE = np.arange(4 * 16 * 16, dtype=np.float32).reshape(4, 16, 16)


class Image(SimpleNamespace):
    """What is read of napari's layer."""

    __hash__ = object.__hash__

    @property
    def ndim(self):
        return self.data.ndim

    @property
    def dtype(self):
        return self.data.dtype


def image(data=CUBE, name="truth", source=None, **more):
    place = {"scale": np.ones(data.ndim), "translate": np.zeros(data.ndim), "units": ("pixel",) * data.ndim}
    metadata = {"metadata": {}, "source": SimpleNamespace(path=source)}
    return Image(**{"name": name, "data": data.copy(), **place, **metadata, **more})


@pytest.fixture
def scan(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "HOME", tmp_path / "home")
    np.save(tmp_path / "scan.npy", np.ones((12, 4, 16), np.float32))
    made = ScanPresenter()
    made.load(tmp_path / "scan.npy", angles="0:180", kind="attenuation", pixel=0.1)
    return made


def test_each_change_of_a_layer_gives_a_file_of_what_it_is_now(scan):
    layer = image(scale=np.full(3, 0.1), units=("millimeter",) * 3)
    first = file_of(layer, scan.path)
    assert file_of(layer, scan.path) == first and read_volume(first).voxel == pytest.approx(0.1)
    layer.data[1, 2, 3] = -7  # within the array: no event tells of it
    second = file_of(layer, scan.path)
    layer.scale = np.full(3, 0.2)
    third = file_of(layer, scan.path)
    layer.translate = np.array([0.2, 0, 0])
    fourth = file_of(layer, scan.path)
    assert len({first, second, third, fourth}) == 4 and files_of(layer) == {first, second, third, fourth}
    assert read_volume(first).values[1, 2, 3] != -7 and read_volume(second).values[1, 2, 3] == -7
    place = volume_layer(fourth)[1]
    assert place["scale"] == (0.2,) * 3 and place["translate"] == (0.2, 0, 0) and place["units"] == ("mm",) * 3
    layer.data[1, 2, 3], layer.scale, layer.translate = CUBE[1, 2, 3], np.full(3, 0.1), np.zeros(3)
    assert file_of(layer, scan.path) == first  # it is again what it was


def test_a_file_that_another_program_wrote_over_is_not_what_the_layer_holds(scan, tmp_path):
    path = tmp_path / "truth.npy"
    np.save(path, CUBE)
    data, keywords, _ = volume_layer(path)
    ours = image(data, **{key: keywords[key] for key in ("scale", "translate", "units", "metadata")})
    theirs = image(source=str(path))  # opened by napari itself
    assert file_of(ours, scan.path) == file_of(theirs, scan.path) == str(path)
    np.save(path, CUBE[::-1] * 2)
    for layer in (ours, theirs):
        assert np.array_equal(read_volume(file_of(layer, scan.path)).values, CUBE)
    path.unlink()
    late = image(CUBE + 1, source=str(path))
    assert np.array_equal(read_volume(file_of(late, scan.path)).values, CUBE + 1)


def test_what_the_scan_names_follows_its_layers(scan):
    guide, truth = image(name="X-ray"), image(CUBE + 1)
    scan.auxiliary, scan.reference = file_of(guide, scan.path), file_of(truth, scan.path)
    before = scan.auxiliary, scan.reference
    guide.data *= 3
    truth.data = truth.data[:, ::-1].copy()
    follow_layers([guide, truth], scan)
    assert scan.auxiliary != before[0] and scan.reference != before[1]
    assert np.array_equal(read_volume(scan.auxiliary).values, 3 * CUBE)
    assert np.array_equal(read_volume(scan.reference).values, (CUBE + 1)[:, ::-1])


def test_a_folder_that_cannot_be_written_is_told(scan, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(places, "HOME", tmp_path / "file")
    with pytest.raises(FewviewError, match=r"truth.*lies in no file"):
        file_of(image(), "")


PLACE = {"units": ("mm",) * 3, "scale": np.full(3, 0.1)}


@pytest.mark.parametrize(
    ("layer", "run", "said"),
    [
        (image(**PLACE), {}, ""),
        (image(**PLACE), {"rows": (1, 3)}, ""),  # cropped
        (image(CUBE[:, ::2, ::2], units=("mm",) * 3, scale=np.full(3, 0.2)), {}, "voxels"),
        (image(CUBE[2:3], **PLACE, translate=np.array([0.2, 0, 0])), {"rows": (2, 3)}, ""),
        (image(CUBE[2:3], **PLACE, translate=np.array([0.2, 0, 0])), {"rows": (3, 4)}, "lies elsewhere"),
        (image(CUBE[0], units=("mm",) * 2, scale=np.full(2, 0.1)), {"rows": (3, 4)}, ""),  # one image for every slice
        (image(**PLACE, translate=np.array([0, 0.1, 0])), {}, "lies elsewhere"),
        (image(units=("mm",) * 3, scale=np.full(3, 0.11)), {}, "lies elsewhere"),
        (image(), {}, ""),  # it says nothing of its place
        (image(**PLACE, rotate=np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])), {}, "turned"),
        (image(np.full_like(CUBE, 2), **PLACE), {}, "the same value"),
        (image(CUBE > 300, **PLACE), {}, ""),  # a mask
        (image(np.where(CUBE == 5, np.nan, CUBE), **PLACE), {}, "1 of its 1024 voxels are not numbers"),
    ],
)
def test_a_run_is_scored_against_a_reference_that_lies_on_its_grid(scan, layer, run, said):
    scan.reference = file_of(layer, scan.path)
    recipe, note = fitted(scan.recipe(**run), [layer], scan)
    assert (recipe.reference is None) == bool(said) and said in note


def test_a_guide_that_was_moved_does_not_guide(scan):
    layer = image(**PLACE, translate=np.array([0.3, 0, 0]))
    recipe = scan.recipe(auxiliary=file_of(layer, scan.path))
    with pytest.raises(FewviewError, match=r"lies elsewhere.*Registration"):
        fitted(recipe, [layer], scan)


def test_colour_and_complex_pictures_are_left_out_with_the_reason():
    wave = image(CUBE.astype(np.complex64), "wave")
    assert not is_volume(wave) and left_out([wave]) == [
        "“wave” holds complex numbers, not one value per voxel: it is left out."
    ]
    assert not is_volume(image(rgb=True)) and is_volume(image())
    assert mark("gone.npy", CUBE, vars(image()))["gone.npy"].file is None


def test_record_and_saved_result_name_what_was_compared(docked, disk, tmp_path):
    from fewview.viewer.restore import open_record

    viewer, bench = docked.viewer, docked.bench
    first = docked.reconstruct_scan(disk)
    truth = viewer.add_image(viewer.layers[first.title].data.copy(), name="truth")
    docked.select(docked.scan.reference, "truth")
    named = bench.scan.reference
    truth.data[:, 20:40, 20:40] *= 2  # in place: nothing tells of it
    second = docked.run()
    recipe = second.record["recipe"]
    assert recipe["reference"] == bench.scan.reference != named
    assert np.array_equal(read_volume(recipe["reference"]).values, truth.data)
    assert docked.compare.reference().name == "truth" and docked.scan.reference.currentText() == "truth"
    truth.translate = (0, 0.3, 0)
    third = docked.run()
    assert third.record["psnr"] is None and "Not scored against “truth”: it lies elsewhere" in third.note
    truth.translate = (0, 0, 0)
    truth.data = truth.data + 1
    docked.viewer.layers.selection = {viewer.layers[second.title]}
    path = tmp_path / "result.h5"
    docked.answer(path)
    docked.click(docked.reconstruct.results.save_button)
    docked.until(path.exists)
    docked.until(lambda: viewer.layers[second.title].metadata["fewview"].get("file") == str(path))
    record = read_volume(path).attrs["record"]
    assert record["recipe"]["reference"] == recipe["reference"]
    assert np.array_equal(read_volume(record["compared_with"]).values, truth.data)
    open_record(bench, str(path))
    docked.finish()
    assert bench.scan.reference == record["compared_with"] and docked.compare.reference().name == "truth"
