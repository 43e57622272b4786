"""Layers that users bring to a comparison: without a scale, of other voxels, with holes. No viewer needed."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("qtpy")

from fewview.quality import psnr
from fewview.viewer.compare.cursor_line import values_at
from fewview.viewer.compare.grids import Place, Shaped, placed
from fewview.viewer.compare.measure import measure
from fewview.viewer.compare.presenter import ComparePresenter
from fewview.viewer.compare.table import COLUMNS, Candidate, Row, Table, Truth, power_of_ten

RANDOM = np.random.default_rng(0)
VOLUME = RANDOM.random((8, 16, 16)).astype(np.float32)


def layer(name, data, voxel=None, shift=0.0, **metadata):
    edge, unit = (1.0, "pixel") if voxel is None else (voxel, "millimeter")
    return SimpleNamespace(
        name=name,
        data=data,
        ndim=data.ndim,
        scale=np.full(data.ndim, edge),
        translate=np.full(data.ndim, shift),
        units=(unit,) * data.ndim,
        metadata={"fewview": metadata},
    )


def test_a_reference_without_a_scale_is_compared_at_the_same_slice():
    """In raw numbers it would be slice 6 * 0.2 of the reference: 1, and the PSNR of two different slices."""
    run, truth = layer("run", VOLUME + np.float32(0.01), 0.2), layer("truth", VOLUME)
    presenter = ComparePresenter()
    found = presenter.compare([run], truth, 6 * 0.2)
    np.testing.assert_array_equal(found.candidates[0].truth, VOLUME[6])
    row = presenter.rows(found, [], 6 * 0.2, whole=True)[0]
    assert row.values["psnr"] == pytest.approx(psnr(run.data[6], VOLUME[6], value_range=float(np.ptp(VOLUME))))
    assert found.length == "mm" and "“truth” has no pixel size" in found.notes[0]


def test_a_layer_that_lies_nobody_knows_where_is_left_out_with_a_sentence():
    run, other = layer("run", VOLUME, 0.2), layer("other", VOLUME[:, :9, :9])
    found = ComparePresenter().compare([run, other], None, 0.2)
    assert [one.name for one in found.candidates] == ["run"] and "“other” has no pixel size" in found.notes[0]
    turned = layer("turned", VOLUME, 0.2)
    turned.rotate = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])
    assert "turned or sheared" in placed([run, turned])[1][0]


def test_a_reference_in_micrometres_and_one_of_the_whole_detector_are_right():
    micro = layer("truth", VOLUME, 200.0)
    micro.units = ("micrometer",) * 3
    presenter = ComparePresenter()
    found = presenter.compare([layer("run", VOLUME, 0.2)], micro, 3 * 0.2)
    np.testing.assert_array_equal(found.candidates[0].truth, VOLUME[3])
    # A run of rows 2 and 3 in the scan's place, and a reference of all rows that says no size.
    slab = layer("slab", VOLUME[2:4], 0.2)
    slab.translate = np.array([0.4, 0, 0])
    whole = Shaped("the scan's volume", VOLUME.shape, Place((0, 0, 0), (0.2, 0.2, 0.2), "mm"))
    assert presenter.compare([slab], None, 0.0).elsewhere
    found = presenter.compare([slab], layer("truth", VOLUME), 3 * 0.2, scan=whole)
    assert not found.elsewhere
    np.testing.assert_array_equal(found.candidates[0].image, found.candidates[0].truth)


def test_a_reference_of_finer_voxels_is_averaged_and_any_other_grid_is_refused():
    blocks = VOLUME.reshape(4, 2, 8, 2, 8, 2).mean(axis=(1, 3, 5))
    binned = layer("bin 2", blocks, 0.2, shift=0.05)
    truth = layer("truth", VOLUME, 0.1)
    for z in (0.05 + 0.2, 0.2, 0.3):  # the slices of the reference lie at tenths, none in the middle of one of these
        found = ComparePresenter().compare([binned], truth, z)
        np.testing.assert_array_equal(found.candidates[0].image, blocks[1])
        np.testing.assert_allclose(found.candidates[0].truth, blocks[1], atol=1e-6)
    assert "averaged 2 by 2 by 2" in found.notes[0]
    presenter, off = ComparePresenter(), layer("off", blocks + np.float32(0.01), 0.2, shift=0.05)
    row = presenter.rows(presenter.compare([off], truth, 0.25), [], 0.25, whole=True)[0]
    wanted = psnr(off.data[1], blocks[1], value_range=float(np.ptp(VOLUME)))  # the range of the file, as in the record
    assert row.values["psnr"] == pytest.approx(wanted)
    found = ComparePresenter().compare([layer("odd", blocks, 0.17)], truth, 0.17)
    assert found.candidates[0].truth is None and "different grids" in found.notes[0]
    found = ComparePresenter().compare([layer("as many", VOLUME, 0.17)], truth, 0.17)  # pixels, but other ones
    assert "different grids" in found.notes[0]
    rows = Table().rows([("slice", None)], found.candidates, found.truth)
    assert rows[0].values["psnr"] is None and rows[0].values["mean"] is not None


def test_values_per_pixel_of_binned_runs_are_brought_to_one_pixel():
    blocks = VOLUME.reshape(4, 2, 8, 2, 8, 2).mean(axis=(1, 3, 5))
    whole, binned = layer("whole", VOLUME, unit="per pixel"), layer("bin 2", 2 * blocks, unit="per pixel")
    binned.scale, binned.translate = np.full(3, 2.0), np.full(3, 0.5)
    presenter = ComparePresenter()
    found = presenter.compare([whole, binned], layer("truth", VOLUME), 2.0)
    np.testing.assert_allclose(found.candidates[1].image, blocks[1], rtol=1e-6)
    np.testing.assert_array_equal(found.candidates[0].image, VOLUME[2])
    assert found.candidates[1].truth == pytest.approx(blocks[1]) and any("divided by 2" in one for one in found.notes)
    alone = presenter.compare([binned], None, 2.0)  # nothing to be brought to
    np.testing.assert_array_equal(alone.candidates[0].image, binned.data[1])


def test_runs_of_other_numbers_of_views_are_told():
    few, many = (layer(f"TV, {n} views #{n}", VOLUME, record={"views": n}) for n in (8, 32))
    assert ComparePresenter().compare([few, many], None, 0).notes == [
        "The runs had unequal numbers of views: TV #8 8, TV #32 32."
    ]
    assert not ComparePresenter().compare([few, few], None, 0).notes


def test_pixels_that_are_not_numbers_are_left_out_and_counted():
    from fewview.quality import Region

    image, truth = VOLUME[0].copy(), VOLUME[1]
    image[0, :4] = np.nan
    part = Region((0, 16), (0, 16))
    values, note = measure(image, part, truth, 1.0)
    good = np.isfinite(image)
    assert values["mean"] == pytest.approx(float(image[good].mean()), rel=1e-6)
    assert values["psnr"] == pytest.approx(psnr(VOLUME[0], truth, mask=good, value_range=1.0))
    assert note == "4 of 256 pixels are not numbers and were left out"
    assert measure(np.full((16, 16), np.nan), part, truth, 1.0)[0] == {}
    whole, note = measure(VOLUME[0], part, truth, 1.0)
    assert note == "" and whole["psnr"] == pytest.approx(psnr(VOLUME[0], truth, value_range=1.0))


def test_stars_only_where_better_is_defined_and_units_in_the_headings():
    truth = Truth("truth", VOLUME[0] + np.float32(0.1), 1.0)
    rows = Table().rows(
        [("slice", None)],
        [
            Candidate("a", VOLUME[0], scores={"data_residual": 0.1}, truth=truth.image),
            Candidate("b", VOLUME[2], key=7, truth=truth.image),
        ],
        truth,
    )
    starred = set().union(*(row.best for row in rows))
    assert starred <= {"psnr", "ssim", "difference", "heldout_error"} and "psnr" in rows[0].best
    headings = {column.key: column.heading("mm⁻¹") for column in COLUMNS}
    assert (headings["mean"], headings["psnr"], headings["cnr"]) == ("Mean / mm⁻¹", "PSNR / dB", "CNR")
    shown = {column.key for column in Table().columns(True, rows)}
    assert "data_residual" in shown and "heldout_error" not in shown  # no run told one


@pytest.mark.parametrize(
    ("values", "power", "heading", "cells"),
    [
        ({"mean": -1.2e-4, "std": 6.164e-4, "psnr": 26.16}, -6, "Mean / 10⁻⁶ px⁻¹", ["-120.0", "616", "26.16"]),
        ({"mean": 0.0213, "std": 0.005, "psnr": None}, 0, "Mean / px⁻¹", ["0.02130", "0.00500", "n/a"]),
        ({"mean": float("nan"), "std": 0.0, "psnr": 3.0}, 0, "Mean / px⁻¹", ["n/a", "0.00", "3.000"]),
    ],
)
def test_small_values_are_told_in_units_of_a_power_of_ten(values, power, heading, cells):
    columns = [column for key in values for column in COLUMNS if column.key == key]
    row = Row("R1", "a", values)
    assert power_of_ten(columns, [row]) == power and columns[0].heading("px⁻¹", power) == heading
    assert [row.text(column, power) for column in columns] == cells


def test_the_values_of_all_layers_under_the_cursor():
    a, b = layer("a", VOLUME, 0.2, unit="mm^-1"), layer("b", VOLUME * 2, 0.2)
    found = ComparePresenter().compare([a, b], None, 0.2)
    assert values_at(found, (3 * 0.2, 5 * 0.2), 0.2, row=7).startswith("Row 7; z, y, x = ")
    text = values_at(found, (3 * 0.2, 5 * 0.2), 0.2)
    assert f"a {VOLUME[1, 3, 5]:.4g}" in text and f"b {2 * VOLUME[1, 3, 5]:.4g} mm⁻¹" in text
    assert values_at(found, (-1.0, 0.0), 0.2) == ""


def test_the_whole_slice_follows_a_run_once_a_second_and_its_end(monkeypatch):
    from fewview.viewer.compare import table as module

    now = [10.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    table, part = Table(), [("R1", np.array([[0, 0], [8, 8]])), ("slice", None)]

    def means(version):
        rows = table.rows(part, [Candidate("a", np.full((16, 16), float(version)), version=version)])
        return [row.values["mean"] for row in rows]

    assert means(1) == [1, 1] and not table.behind
    now[0] += 0.2
    assert means(2) == [2, 1] and table.behind
    now[0] += 1.0
    assert means(2) == [2, 2] and not table.behind
