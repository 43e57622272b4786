"""Where the object is, and that a network which sees that part alone says what it would of the whole."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.methods.diffusion.denoiser import Denoiser
from fewview.methods.diffusion.window import MARGIN, Window
from fewview.methods.inverse.normalised import scaled
from fewview.methods.inverse.support import support
from fewview.models.weights import load_prior

from ..conftest import disk_image, disk_sinogram

GRID = 256
DISKS = ((30.0, -20.0, 34.0, 1.0), (20.0, -10.0, 10.0, -0.5), (45.0, -35.0, 8.0, 0.4))


@pytest.fixture
def made(make_problem):
    """Small disks in a large field of view."""
    angles = np.linspace(0, np.pi, 20, endpoint=False)
    sinogram = disk_sinogram(angles, GRID, (GRID - 1) / 2, 1.0, DISKS)
    sinogram += 0.01 * sinogram.max() * np.random.default_rng(0).standard_normal(sinogram.shape)
    problem = make_problem(views=20, grid=GRID)
    return replace(problem, data=torch.tensor(sinogram, dtype=torch.float32)[None])


def test_the_support_holds_the_object_and_little_else(made):
    object_ = torch.tensor(disk_image(GRID, DISKS) > 0.05)
    found = support(scaled(made, 1.0))
    missed = (object_ & ~found).nonzero() - (GRID - 1) / 2
    assert len(missed) < 0.03 * object_.sum()  # at the rim, within a pixel or two
    assert all(abs(np.hypot(x - 30, -y + 20) - 34) < 2 for y, x in missed.tolist())
    assert found.sum() < 1.3 * object_.sum()


def test_an_object_beyond_the_field_of_view_is_everywhere(make_problem):
    problem = make_problem(views=9, grid=64)
    everywhere = replace(problem, data=torch.ones_like(problem.data) + 0.1 * problem.data)
    assert bool(support(scaled(everywhere, 1.0)).all())


def test_unusable_pixels_say_nothing_about_air(made):
    weights = torch.ones_like(made.data)
    weights[:, :, 140:150] = 0
    holes = replace(made, data=made.data * weights, weights=weights)
    assert bool((support(scaled(holes, 1.0)) >= support(scaled(made, 1.0))).all())


def test_the_window_has_its_margin_and_small_or_full_images_have_none(made, make_problem):
    window = Window.around(scaled(made, 1.0))
    there = support(scaled(made, 1.0))
    assert window.side % 16 == window.top % 16 == window.left % 16 == 0 and window.side < 0.9 * GRID
    assert there.sum() == window.cut(there).sum()
    rows, columns = (there.any(dim=d).nonzero()[:, 0] for d in (1, 0))
    for line, begin in ((rows, window.top), (columns, window.left)):
        assert int(line[0]) - begin >= MARGIN and begin + window.side - int(line[-1]) > MARGIN
    assert float(window.counts.sum()) == pytest.approx(GRID**2, rel=1e-4)
    assert Window.around(scaled(make_problem(views=5, grid=64), 1.0)) is None
    assert Window.around(scaled(make_problem(views=5, grid=192), 1.0)) is None  # it would be nearly all


def test_the_network_says_of_the_window_what_it_says_of_the_whole(made):
    data = scaled(made, 1.0)
    image = torch.tensor(disk_image(GRID, DISKS), dtype=torch.float32)[None].repeat(2, 1, 1)
    abar = 1 / 1.01
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    x_t = abar**0.5 * image + (1 - abar) ** 0.5 * noise
    whole = Denoiser.of(load_prior("generic", torch.device("cpu")), 1)
    part = whole.within(data)
    assert part.prior is whole.prior and part.window is not None
    near = part.window.pasted(torch.ones(part.window.side, part.window.side), GRID) > 0
    (expected, _), (found, eps) = whole(x_t, abar), part(x_t, abar)  # two samples: one of them mirrored
    assert not found[:, ~near].any()
    off = (found - expected)[:, near]
    assert float(off.square().mean().sqrt()) < 1.5e-3
    assert float(expected[:, ~near].abs().mean()) < 5e-3  # that is all that was left out
    torch.testing.assert_close(abar**0.5 * found + (1 - abar) ** 0.5 * eps, x_t)
