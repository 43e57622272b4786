"""Volume files on the grid of a run: what is known of voxels and places counts; shapes alone are told."""

import numpy as np
import pytest

from fewview.errors import OptionError
from fewview.io import read_volume, write_volume
from fewview.registration import Grid
from fewview.runs.volume_grid import apart, part_on_grid, said_by

WHOLE = np.random.default_rng(0).random((8, 12, 12)).astype(np.float32)  # of a detector of 8 rows and 12 columns


def on_grid(tmp_path, values=WHOLE, rows=None, bin=1, pixel=0.1, voxel=0.1, what="reference", **record):
    path = tmp_path / "given.h5"
    write_volume(path, values, voxel=voxel, record=record)
    low, high = rows or (0, 8)
    shape = ((high - low) // bin, 12 // bin, 12 // bin)
    onto = Grid.cubic(shape, float(bin) if pixel is None else pixel * bin, first_row=low, bin=bin)
    return part_on_grid(read_volume(path), what, onto, "pixel" if pixel is None else "mm", rows, bin)


def binned(values, bin):
    z, y, x = (n // bin for n in values.shape)
    return values[: z * bin, : y * bin, : x * bin].reshape(z, bin, y, bin, x, bin).mean((1, 3, 5))


def of_run(values, rows=None, bin=1):
    return {"recipe": {"scan": "a.h5", "rows": rows, "bin": bin}, "shape": list(values.shape)}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, WHOLE),
        ({"rows": (2, 5)}, WHOLE[2:5]),  # of the whole detector
        ({"values": WHOLE[2:5], "rows": (2, 5)}, WHOLE[2:5]),  # of these rows
        ({"bin": 2, "rows": (2, 6)}, binned(WHOLE[2:6], 2)),
        ({"values": binned(WHOLE, 2), "voxel": 0.2, "bin": 2, "rows": (2, 6)}, binned(WHOLE, 2)[1:3]),
        ({"values": binned(WHOLE, 2), "voxel": 0.2, "bin": 4}, binned(WHOLE, 4)),
        ({"values": WHOLE[1:7], "rows": (2, 5), **of_run(WHOLE[1:7], (1, 7))}, WHOLE[2:5]),  # known to cover them
        ({"pixel": None, "voxel": None, "rows": (2, 5), **of_run(WHOLE)}, WHOLE[2:5]),
    ],
)
def test_the_part_that_is_reconstructed(tmp_path, given, wanted):
    values, note = on_grid(tmp_path, **given)
    np.testing.assert_allclose(values, wanted, rtol=1e-5)
    assert note == ""


MOVED = {"place": {"origin": [0, 0.3, 0], "step": [0.1] * 3, "unit": "mm"}}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"voxel": 0.11}, "0.11 mm wide, those of the reconstruction 0.1 mm"),
        ({"voxel": 0.05}, "0.05 mm wide"),  # the same shape, half the size
        ({"voxel": 0.2}, "0.2 mm wide"),
        ({"place": {"origin": [0] * 3, "step": [0.2, 0.1, 0.1], "unit": "mm"}}, "0.2 x 0.1 mm wide"),
        (MOVED, r"lies elsewhere.*\(0, 0.3, 0\) and \(0, 0, 0\) mm"),
        ({"values": WHOLE[2:5], "rows": (3, 6), **of_run(WHOLE[2:5], (2, 5))}, "lies elsewhere"),  # other rows
        ({"values": WHOLE[2:5], "rows": (1, 4), **of_run(WHOLE[2:5], (2, 5))}, "lies elsewhere"),
        ({"values": np.concatenate([WHOLE] * 3)}, r"\(24, 12, 12\) \(z, y, x\), the reconstruction \(8, 12, 12\)"),
        ({"values": WHOLE[:, :6, :6]}, "the reconstruction"),
    ],
)
def test_other_voxels_places_and_shapes_are_refused(tmp_path, given, says):
    with pytest.raises(OptionError, match=says) as refused:
        on_grid(tmp_path, what="auxiliary volume", **given)
    assert "--register" in refused.value.remedy or "whole detector" in refused.value.remedy


@pytest.mark.parametrize(("pixel", "voxel", "lacks"), [(0.1, None, "voxel size in mm"), (None, 0.1, "the scan gives")])
def test_where_nobody_knows_the_shape_counts_and_is_told(tmp_path, pixel, voxel, lacks):
    values, note = on_grid(tmp_path, pixel=pixel, voxel=voxel)
    assert np.array_equal(values, WHOLE) and note.startswith("By its shape alone, the reference given.h5")
    assert lacks in note


def test_two_volumes_of_one_shape_may_lie_apart(tmp_path):
    def volume(name, voxel=0.1, **record):
        return read_volume(write_volume(tmp_path / f"{name}.npy", WHOLE, voxel=voxel, record=record))

    truth = volume("truth")
    assert apart(volume("same"), truth) == apart(volume("run", **of_run(WHOLE, (3, 11))), truth) == ""
    assert "0.2 mm wide" in apart(volume("large", 0.2), truth)
    assert "in per pixel" in apart(volume("pixels", None), truth)
    first, second = (volume(f"rows{low}", **of_run(WHOLE, (low, low + 8))) for low in (0, 3))
    assert "lie elsewhere" in apart(first, second)
    beside = volume("std", 0.05, **{**of_run(WHOLE), "shape": [4, 6, 6]})  # finer than the result of its run
    assert said_by(beside).origin is None and said_by(beside).step == (0.05,) * 3
