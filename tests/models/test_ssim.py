"""The similarity that has gradients is the one that is reported, and a volume's is the mean over three planes."""

import pytest
import torch

from fewview.models.ssim import REACH, similarity, ssim3d
from fewview.quality import ssim


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(3)
    truth = torch.rand(12, 24, 20, generator=generator)
    return truth + 0.2 * torch.rand(truth.shape, generator=generator), truth


def test_interior_is_that_of_the_metric(pair):
    x, truth = pair
    inner = similarity(x, truth)[:, REACH:-REACH, REACH:-REACH].mean()
    assert float(inner) == pytest.approx(ssim(x.numpy(), truth.numpy(), value_range=1.0), abs=1e-5)


def test_volume_is_the_mean_of_its_planes(pair):
    x, truth = pair
    planes = [similarity(x.movedim(axis, 0), truth.movedim(axis, 0)).mean() for axis in range(3)]
    torch.testing.assert_close(ssim3d(x, truth), torch.stack(planes).mean())


def test_a_thin_stack_is_compared_by_slices_alone(pair):
    x, truth = (volume[:4] for volume in pair)
    torch.testing.assert_close(ssim3d(x, truth), similarity(x, truth).mean())


def test_air_outside_of_the_mask_does_not_count(pair):
    x, truth = pair
    mask = torch.zeros_like(truth)
    mask[:, :, :10] = 1
    far = x.clone()
    far[:, :, 10 + 2 * REACH + 1 :] = 5.0
    torch.testing.assert_close(ssim3d(far, truth, mask), ssim3d(x, truth, mask))


def test_gradient_leads_towards_the_reference(pair):
    x, truth = pair
    x = x.clone().requires_grad_(True)
    before = ssim3d(x, truth)
    (slope,) = torch.autograd.grad(before, x)
    assert float(ssim3d((x + 0.5 * slope).detach(), truth)) > before.item()
    small = x[:2, :8, :8].detach().double().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda volume: ssim3d(volume, truth[:2, :8, :8].double()), small)
