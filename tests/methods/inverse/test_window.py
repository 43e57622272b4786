"""Where the object is, and that a network which sees that part alone says what it would of the whole."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from fewview.methods import get_method
from fewview.methods.diffusion.denoiser import Denoiser
from fewview.methods.diffusion.start import least_squares
from fewview.methods.inverse.normalised import scaled
from fewview.methods.inverse.support import support
from fewview.methods.inverse.window import MARGIN, window_around
from fewview.methods.repair.condition import condition_of
from fewview.methods.repair.unrolled_fixer import UnrolledFixer
from fewview.models.weights import load_prior, load_unrolled

from ..conftest import LARGE, SMALL_DISKS, disk_image


def test_the_support_holds_the_object_and_little_else(in_air):
    object_ = torch.tensor(disk_image(LARGE, SMALL_DISKS) > 0.05)
    found = support(scaled(in_air, 1.0))
    missed = (object_ & ~found).nonzero() - (LARGE - 1) / 2
    assert len(missed) < 0.03 * object_.sum()  # at the rim, within a pixel or two
    assert all(abs(np.hypot(x - 30, -y + 20) - 34) < 2 for y, x in missed.tolist())
    assert found.sum() < 1.3 * object_.sum()


def test_an_object_beyond_the_field_of_view_is_everywhere(make_problem):
    problem = make_problem(views=9, grid=64)
    everywhere = replace(problem, data=torch.ones_like(problem.data) + 0.1 * problem.data)
    assert bool(support(scaled(everywhere, 1.0)).all())


def test_unusable_pixels_say_nothing_about_air(in_air):
    weights = torch.ones_like(in_air.data)
    weights[:, :, 140:150] = 0
    holes = replace(in_air, data=in_air.data * weights, weights=weights)
    assert bool((support(scaled(holes, 1.0)) >= support(scaled(in_air, 1.0))).all())


def test_the_window_has_its_margin_and_small_or_full_images_have_none(in_air, make_problem):
    window = window_around(scaled(in_air, 1.0))
    there = support(scaled(in_air, 1.0))
    assert window.side % 16 == window.top % 16 == window.left % 16 == 0 and window.side < 0.9 * LARGE
    assert there.sum() == window.cut(there).sum()
    rows, columns = (there.any(dim=d).nonzero()[:, 0] for d in (1, 0))
    for line, begin in ((rows, window.top), (columns, window.left)):
        assert int(line[0]) - begin >= MARGIN and begin + window.side - int(line[-1]) > MARGIN
    assert float(window.counts.sum()) == pytest.approx(LARGE**2, rel=1e-4)
    assert window_around(scaled(make_problem(views=5, grid=64), 1.0)) is None
    assert window_around(scaled(make_problem(views=5, grid=192), 1.0)) is None  # it would be nearly all


def test_the_network_says_of_the_window_what_it_says_of_the_whole(in_air):
    data = scaled(in_air, 1.0)
    image = torch.tensor(disk_image(LARGE, SMALL_DISKS), dtype=torch.float32)[None].repeat(2, 1, 1)
    abar = 1 / 1.01
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    x_t = abar**0.5 * image + (1 - abar) ** 0.5 * noise
    whole = Denoiser.of(load_prior("generic", torch.device("cpu")), 1)
    part = whole.within(data)
    assert part.prior is whole.prior and part.window is not None
    near = part.window.pasted(torch.ones(part.window.side, part.window.side), LARGE) > 0
    (expected, _), (found, eps) = whole(x_t, abar), part(x_t, abar)  # two samples: one of them mirrored
    assert not found[:, ~near].any()
    off = (found - expected)[:, near]
    assert float(off.square().mean().sqrt()) < 1.5e-3
    assert float(expected[:, ~near].abs().mean()) < 5e-3  # that is all that was left out
    torch.testing.assert_close(abar**0.5 * found + (1 - abar) ** 0.5 * eps, x_t)


def _reconstructed(name, problem):
    method = get_method(name)
    options = method.options.parse(SHORT[name]).taking({"scale": 1.0})
    *_, last = method.solve(problem, options)
    return torch.as_tensor(last.volume)[0]


def _repaired(name, problem):
    begun = least_squares(problem)[:, None]
    told = replace(condition_of(problem, begun[:, 0], 1.0), measurement=scaled(problem, 1.0))
    *_, last = islice(UnrolledFixer(load_unrolled("unrolled-materials")).answers(begun, told), 6)  # one position
    return last[0, 0]


SHORT = {
    "unrolled": {"symmetries": False, "weights": "unrolled-general"},
    "postnet": {"start_iterations": 10, "trust": 1.0},
    "guide": {"start_iterations": 10},
}


@pytest.mark.parametrize(
    ("name", "where", "made"),
    [
        ("unrolled", "supervised.unrolled", _reconstructed),
        ("postnet", "supervised.postnet", _reconstructed),
        ("guide", "diffusion.guide", _reconstructed),
        ("repair", "repair.unrolled_fixer", _repaired),
    ],
)
def test_a_method_that_sees_the_window_is_not_further_from_the_truth_and_near_to_what_it_was(
    name, where, made, in_air, monkeypatch
):
    xray = torch.tensor(disk_image(LARGE, SMALL_DISKS), dtype=torch.float32)[None]
    problem = replace(in_air, auxiliary=xray)
    found, windows = made(name, problem), []
    monkeypatch.setattr(f"fewview.methods.{where}.window_around", lambda data: windows.append(data))
    expected = made(name, problem)
    assert windows  # it had asked for one
    errors = [float((image - xray[0]).square().mean().sqrt()) for image in (found, expected)]
    # Air beyond the window is known to be air; a network's norms see less of it there, which may cost a little.
    assert errors[0] < 1.1 * errors[1]
    assert 0 < float((found - expected).square().mean().sqrt()) < errors[1]
