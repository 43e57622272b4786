"""Angles in file names, and numbers there that are none."""

import numpy as np
import pytest

from fewview.io.image_numbers import missing
from fewview.io.name_angles import angles_in_names

DEGREES = 0.5 + 5.9 * np.arange(30)
FORMS = [
    "wood-{a:06.2f}", "wood-{i:04d}-{a:06.2f}", "wood_{a:.2f}deg_{i:04d}", "wood_{a:.1f}°", "theta={a:.2f}",
    "wood_1.5s_{a:.2f}_{i:03d}", "wood_21.{i:02d}C_{a:06.2f}", "run_0070_{w:03d}_{f:03d}_{i:04d}",
]  # fmt: skip


def names(form, degrees=DEGREES):
    return [form.format(i=i, a=a, w=int(a), f=round(a % 1 * 1000)) for i, a in enumerate(degrees)]


@pytest.mark.parametrize("form", FORMS)
def test_angles_are_found(form):
    found = angles_in_names(names(form))
    np.testing.assert_allclose(found.values, DEGREES)
    assert not found.doubt


@pytest.mark.parametrize("mark", [",", "p"])
def test_other_decimal_marks(mark):
    np.testing.assert_allclose(angles_in_names([f"w_{a:.2f}".replace(".", mark) for a in DEGREES]).values, DEGREES)


@pytest.mark.parametrize("form", ["wood_{a:07.2f}", "wood-{a:.2f}", "wood{a:.2f}"])
def test_negative_angles(form):
    np.testing.assert_allclose(angles_in_names(names(form, DEGREES - 90)).values, DEGREES - 90)


@pytest.mark.parametrize(
    "form",
    [
        "s1p{i:04d}", "wood_295.{i:02d}K_{i:04d}", "wood_T{i}.00", "wood_2024-03-01_12.30.{i:02d}", "wood_v2.1_{i:04d}",
        "wood_20240301T1230{i:02d}.{i:03d}", "scan12.{i:04d}", "wood_x{a:.2f}", "wood_{i}degC", "wood_{i:04d}",
    ],
)  # fmt: skip
def test_other_numbers_are_none(form):
    assert angles_in_names(names(form)) is None


def test_golden_ratio_in_any_form():
    golden = 111.246 * np.arange(30)
    for degrees in (golden, golden % 180):
        np.testing.assert_allclose(angles_in_names(names("w_{a:08.3f}", degrees)).values, degrees)


def test_a_gap_in_the_numbers():
    numbered = [f"p_{i:04d}.tif" for i in range(30) if not 12 <= i < 18]
    places, length, step = missing(numbered, [])
    np.testing.assert_array_equal(places, [*range(12), *range(18, 30)])
    assert (length, step) == (30, 1)
    assert missing(numbered, [f"flat_{i:04d}.tif" for i in range(12, 18)]) is None  # flats of the same count
    assert missing([f"p_{2 * i}.tif" for i in range(30)], []) is None
