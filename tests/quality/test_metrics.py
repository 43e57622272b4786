import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from fewview.errors import FewviewError
from fewview.quality import Region, data_range, psnr, ssim


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    reference = rng.random((3, 40, 52)).cumsum(axis=2) / 20
    return reference + 0.2 * rng.standard_normal(reference.shape), reference


def _ssim(a, b, scale, full=False):
    return structural_similarity(
        a, b, data_range=scale, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=full
    )


def test_psnr_is_that_of_scikit_image_on_the_volume(pair):
    x, reference = pair
    scale = reference.max() - reference.min()
    assert psnr(x, reference) == pytest.approx(peak_signal_noise_ratio(reference, x, data_range=scale), abs=1e-6)


def test_ssim_is_the_mean_of_scikit_image_over_slices(pair):
    x, reference = pair
    scale = reference.max() - reference.min()
    expected = np.mean([_ssim(a, b, scale) for a, b in zip(x, reference, strict=True)])
    assert ssim(x, reference) == pytest.approx(expected, abs=1e-6)


def test_float32_and_tensors_give_the_same(pair):
    x, reference = (a.astype(np.float32) for a in pair)
    assert psnr(torch.from_numpy(x), torch.from_numpy(reference)) == psnr(x, reference)
    assert ssim(torch.from_numpy(x), torch.from_numpy(reference)) == ssim(x, reference)


def test_psnr_of_float32_is_computed_in_float64():
    reference = np.linspace(0, 1, 4096, dtype=np.float32).reshape(1, 64, 64)
    x = reference + np.float32(1e-6)
    error = np.mean((x.astype(np.float64) - reference.astype(np.float64)) ** 2)
    assert psnr(x, reference) == pytest.approx(10 * np.log10(1 / error), abs=1e-9)


def test_a_region_keeps_the_range_of_the_whole_reference(pair):
    x, reference = pair
    region = Region((8, 24), (10, 42), 1)
    a, b = x[1, 8:24, 10:42], reference[1, 8:24, 10:42]
    scale = reference.max() - reference.min()
    assert scale > 1.2 * (b.max() - b.min())
    assert psnr(x, reference, region=region) == pytest.approx(peak_signal_noise_ratio(b, a, data_range=scale), abs=1e-6)


@pytest.mark.parametrize("size", [(8, 8), (16, 20)])
def test_ssim_of_a_region_is_the_mean_of_the_slice_map_there(pair, size):
    x, reference = pair
    region = Region.around((20, 26), size, reference.shape, 2)
    scale = reference.max() - reference.min()
    _, similarity = _ssim(x[2], reference[2], scale, full=True)
    window = region.window(reference.shape)[1:]
    assert ssim(x, reference, region=region) == pytest.approx(similarity[window].mean(), abs=1e-6)


def test_ssim_is_not_applicable_under_seven_pixels(pair):
    x, reference = pair
    assert ssim(x, reference, region=Region((0, 6), (0, 20))) is None
    assert ssim(x, reference, region=Region((0, 7), (0, 20))) is not None


def test_a_mask_restricts_psnr_and_hides_what_is_not_a_number(pair):
    x, reference = pair
    mask = np.zeros(reference.shape, dtype=bool)
    mask[:, 10:20, 10:20] = True
    x[:, 0, 0] = np.nan
    scale = reference.max() - reference.min()
    expected = 10 * np.log10(scale**2 / np.mean((x - reference)[mask] ** 2))
    assert psnr(x, reference, mask=mask) == pytest.approx(expected)


def test_equal_volumes(pair):
    _, reference = pair
    assert psnr(reference, reference) == float("inf")
    assert ssim(reference, reference) == pytest.approx(1.0)


def test_mistakes_are_named(pair):
    x, reference = pair
    with pytest.raises(FewviewError, match="constant"):
        data_range(np.ones((2, 9, 9)))
    with pytest.raises(FewviewError, match="constant"):
        psnr(np.ones((2, 9, 9)), np.ones((2, 9, 9)))
    with pytest.raises(FewviewError, match=r"3 x 40 x 52.*2 x 40 x 52"):
        psnr(x, reference[:2])
    x[0, 3, 4] = np.nan
    with pytest.raises(FewviewError, match="1 values that are not numbers"):
        psnr(x, reference)
    with pytest.raises(FewviewError, match="not numbers"):
        ssim(x, reference)
    with pytest.raises(FewviewError, match="shape"):
        psnr(np.ones(5), np.ones(5))
    with pytest.raises(FewviewError, match="no pixel"):
        psnr(x, reference, mask=np.zeros(reference.shape, bool))
