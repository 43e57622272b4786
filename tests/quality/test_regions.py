import numpy as np
import pytest

from fewview.errors import FewviewError
from fewview.quality import SCALES, Region, psnr, region_row, scale_curve


@pytest.mark.parametrize("point", [(0, 0), (99, 119), (50.0, 60.0), (3, 118), (-5, 400)])
@pytest.mark.parametrize("size", SCALES)
def test_a_box_stays_inside_the_image_and_keeps_its_size(point, size):
    region = Region.around(point, size, (4, 100, 120))
    assert region.size == size
    region.window((4, 100, 120))  # raises if it leaves the volume


def test_a_box_is_centred_where_there_is_room():
    region = Region.around((50, 60), (9, 11), (100, 120))
    assert (region.y, region.x) == ((46, 55), (55, 66))


def test_a_box_larger_than_the_image_is_cut():
    assert Region.around((5, 5), (64, 96), (1, 20, 100)).size == (20, 96)


def test_a_region_outside_is_refused():
    with pytest.raises(FewviewError, match=r"x = 90:130.*0:120"):
        Region((0, 5), (90, 130)).window((1, 100, 120))
    with pytest.raises(FewviewError, match="z"):
        Region((0, 5), (0, 5), 4).window((4, 100, 120))


def test_z_selects_slices():
    volume = np.arange(4 * 6 * 6.0).reshape(4, 6, 6)
    assert Region((0, 2), (0, 2), 3).crop(volume).shape == (1, 2, 2)
    assert Region((0, 2), (0, 2), (1, 3)).crop(volume).shape == (2, 2, 2)
    assert Region((0, 2), (0, 2)).crop(volume).shape == (4, 2, 2)


def test_row_of_a_block_on_a_noisy_ground():
    rng = np.random.default_rng(1)
    reference = np.zeros((2, 60, 60))
    reference[:, 20:40, 20:40] = 1.0
    volume = reference + 0.1 * rng.standard_normal(reference.shape) + 0.05
    region = Region((20, 40), (20, 40))
    row = region_row(volume, region, reference)
    assert row.mean == pytest.approx(1.05, abs=0.02)
    assert row.std == pytest.approx(0.1, rel=0.1)
    assert row.cnr == pytest.approx(10.0, rel=0.1)
    assert row.difference == pytest.approx(0.05, abs=0.02)
    assert row.psnr == psnr(volume, reference, region=region)
    assert region_row(volume, region).psnr is None


def test_the_curve_shrinks_around_the_point_and_leaves_out_what_does_not_fit():
    rng = np.random.default_rng(2)
    reference = rng.random((1, 50, 70))
    volume = reference.copy()
    volume[0, 24:27, 34:37] += 1.0  # an error at the point weighs more the smaller the box
    curve = scale_curve(volume, reference, (25, 35), 0)
    assert [size for size, _, _ in curve] == [s for s in SCALES if s[0] <= 50 and s[1] <= 70]
    values = [value for _, value, _ in curve]
    assert values == sorted(values, reverse=True)
    assert all(similarity is not None for _, _, similarity in curve)
