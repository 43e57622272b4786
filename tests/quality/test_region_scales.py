"""Quality against the size of the region: places that the reference alone chooses."""

from itertools import pairwise

import numpy as np
import pytest

from fewview.quality import psnr
from fewview.quality.region import Region
from fewview.quality.region_scales import mean_curve, region_centres
from fewview.quality.regions import SCALES


def test_regions_lie_where_the_structure_is():
    reference = np.zeros((2, 92, 92), np.float32)
    reference[:, 8:84, 8:84] = 1
    random = np.random.default_rng(0)
    reference[1, 40:84, 40:84] += random.random((44, 44)).astype(np.float32)
    centres = region_centres(reference, count=1)
    assert centres[0][0] == 1
    many = region_centres(reference)
    assert all(16 <= y <= 76 and 16 <= x <= 76 for _, y, x in many)  # 32 x 32 pixels around them
    assert many == region_centres(reference.copy())
    worse = reference + 0.1
    curve = mean_curve(worse, reference, many)
    assert [(a, b) for a, b, _, _ in curve] == [(48, 64), (48, 48), (32, 48), (32, 32), (24, 24), (16, 16), (8, 8)]
    # A constant error with the data range of the whole reference: the same PSNR at every scale.
    assert {value for _, _, value, _ in curve} == {round(psnr(worse, reference), 3)}


@pytest.fixture
def halves():
    """A square whose upper half is even and whose lower half is not."""
    reference = np.zeros((1, 120, 120), np.float32)
    reference[:, 4:116, 4:116] = 1
    reference[:, 60:116, 4:116] += np.random.default_rng(1).random((56, 112)).astype(np.float32)
    return reference


def test_controls_lie_elsewhere(halves):
    rich, flat = (region_centres(halves, 1, kind)[0] for kind in ("rich", "flat"))
    assert rich[1] > 70 and flat[1] < 50
    places = region_centres(halves, 4, "random", seed=1)
    assert places != region_centres(halves, 4, "random", seed=2)
    assert places == region_centres(halves, 4, "random", seed=1)
    assert all(24 <= y <= 96 and 24 <= x <= 96 for _, y, x in places)


@pytest.mark.parametrize("side", [16, 48, 64, 128])
def test_there_is_a_choice_in_slices_of_any_size_and_smaller_regions_lie_within_larger_ones(side):
    reference = np.ones((1, side, side), np.float32)
    reference[:, 0, 0] = 0
    part = 5 * side // 8
    reference[:, part:, part:] += np.random.default_rng(0).random((side - part,) * 2).astype(np.float32)
    rich, flat = (region_centres(reference, 1, kind)[0] for kind in ("rich", "flat"))
    assert rich != flat
    boxes = [Region.around(rich[1:], size, reference.shape, 0) for size in SCALES if max(size) <= side]
    for larger, smaller in pairwise(boxes):
        outer, inner = larger.window(reference.shape), smaller.window(reference.shape)
        assert all(a.start <= b.start and b.stop <= a.stop for a, b in zip(outer[1:], inner[1:], strict=True))


def test_places_do_not_overlap_by_more_than_half(halves):
    for kind in ("rich", "flat", "random"):
        centres = region_centres(halves, 10, kind)
        for k, (z, y, x) in enumerate(centres):
            assert all(c != z or abs(b - y) >= 24 or abs(a - x) >= 24 for c, b, a in centres[:k])
