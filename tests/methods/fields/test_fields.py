"""What every field holds: one function on the lattice, on finer ones, on slabs and at points."""

from itertools import pairwise

import pytest
import torch

from fewview.methods.fields.field import grid_points, refined, slabs
from fewview.methods.fields.gaussians import Gaussians
from fewview.methods.fields.hashed import HashLevel
from fewview.methods.fields.pyramid import Pyramid
from fewview.methods.fields.siren import Siren

SHAPE = (6, 16, 16)
CPU = torch.device("cpu")


def _rng():
    return torch.Generator().manual_seed(3)


def _volume(shape=SHAPE):
    """Smooth, between 0 and 1."""
    z, y, x = (torch.linspace(-1, 1, n) if n > 1 else torch.zeros(1) for n in shape)
    return torch.exp(-(z[:, None, None] ** 2) - 3 * (y[:, None] - 0.2) ** 2 - 2 * x**2)


FIELDS = {
    "siren": lambda shape: Siren(_volume(shape), 16, 2, _rng(), residual=False),
    "siren on top": lambda shape: Siren(_volume(shape), 16, 2, _rng(), residual=True),
    "pyramid": lambda shape: Pyramid(shape, _rng(), CPU),
    "pyramid with hashed levels": lambda shape: Pyramid(shape, _rng(), CPU, beyond=16),
    "gaussians": lambda shape: Gaussians(_volume(shape), 60, _rng()),
}


@pytest.mark.parametrize("shape", [SHAPE, (1, 16, 16)], ids=["stack", "slice"])
@pytest.mark.parametrize("finer", [1, 2])
@pytest.mark.parametrize("name", FIELDS)
def test_lattice_slabs_and_points_are_one_function(name, finer, shape):
    field = FIELDS[name](shape)
    fine = refined(shape, finer)
    assert fine[0] == (shape[0] * finer if shape[0] > 1 else 1)
    with torch.no_grad():
        whole = field.lattice(None, finer)
        assert whole.shape == fine
        assert float(whole.std()) > 0 or name == "siren on top"
        points = field.at(grid_points(fine, (0, fine[0]), CPU)).reshape(fine)
        torch.testing.assert_close(points, whole, rtol=1e-4, atol=2e-5)
        if fine[0] > 4:
            torch.testing.assert_close(field.lattice((2, 5), finer), whole[2:5], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", FIELDS)
def test_fields_come_back_from_their_numbers(name):
    field, other = FIELDS[name](SHAPE), FIELDS[name](SHAPE)
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=_rng()))
    assert not torch.equal(field.values(), other.values())
    other.take(field.numbers())
    assert torch.equal(field.values(), other.values())


@pytest.mark.parametrize("name", FIELDS)
def test_all_parameters_learn_and_once(name):
    field = FIELDS[name](SHAPE)
    grouped = [id(p) for parameters, _ in field.groups() for p in parameters]
    assert sorted(grouped) == sorted(id(p) for p in field.parameters())
    if isinstance(field, Gaussians):  # round ones look the same however they are turned
        field.size.data += 0.2 * torch.randn(field.size.shape, generator=_rng())
    (field.lattice() - 0.3).square().sum().backward()
    reached = [p for p in field.parameters() if p.grad is not None and float(p.grad.abs().max()) > 0]
    # What adds to a volume begins at 0: at first only its last layer is asked.
    assert len(reached) == (2 if name == "siren on top" else len(grouped))


def test_a_siren_on_top_begins_at_its_volume():
    field = FIELDS["siren on top"](SHAPE)
    assert torch.equal(field.values(), _volume())


def test_the_image_value_does_not_wrap_around():
    """Noise of the first volume comes out as noise of about that size, not as thirty times as fine a texture."""
    volume = _volume()
    noise = 0.02 * torch.randn(SHAPE, generator=_rng())
    change = Siren(volume + noise, 16, 2, _rng(), False).values() - Siren(volume, 16, 2, _rng(), False).values()
    assert float(change.std()) < 3 * float(noise.std())


def test_of_a_few_slices_no_level_is_hashed_however_wide_they_are():
    """Hashed, a slice of 256 pixels took a third longer, for the same PSNR."""
    assert not len(Pyramid((1, 640, 640), _rng(), CPU).hashed)
    thick = Pyramid((9, 640, 640), _rng(), CPU)
    assert len(thick.hashed) == 1 and max(level[0].numel() for level in thick.dense) <= 128**3


def test_hashed_nodes_that_fit_are_interpolated_like_stored_ones():
    level = HashLevel((3, 5, 4), 2, _rng())
    assert not level.collides
    stored = level.table.detach().t().reshape(1, 2, 3, 5, 4)
    points = 2 * torch.rand(50, 3, generator=_rng()) - 1
    grid = points.flip(-1)[None, None, None]
    expected = torch.nn.functional.grid_sample(stored, grid, padding_mode="border", align_corners=False)
    torch.testing.assert_close(level(points).detach(), expected.reshape(2, -1), rtol=1e-5, atol=1e-6)


def test_hashed_nodes_that_collide_stay_in_the_table():
    level = HashLevel((40, 40, 40), 2, _rng(), entries=97)
    assert level.collides and level.table.shape == (97, 2)
    points = 2 * torch.rand(200, 3, generator=_rng()) - 1
    level(points).square().sum().backward()
    assert int((level.table.grad.abs().sum(dim=1) > 0).sum()) > 90


def test_slabs_cover_the_lattice_once():
    shape = (37, 128, 128)
    places = slabs(shape, CPU)
    assert places[0][0] == 0 and places[-1][1] == 37
    assert all(a[1] == b[0] for a, b in pairwise(places))


def test_gaussians_begin_near_the_volume():
    volume = _volume((8, 24, 24))
    field = Gaussians(volume, 800, _rng())
    assert float((field.values() - volume).norm() / volume.norm()) < 0.4  # they stand at random places
    assert float(field.values().mean() / volume.mean()) == pytest.approx(1, abs=0.15)


def test_gaussians_are_born_where_something_is_missing_and_pruned_where_they_are_faint():
    field = Gaussians(_volume(), 30, _rng())
    missing = torch.zeros(SHAPE)
    missing[2, 4, 11], missing[4, 9, 3] = 0.5, -0.8
    assert field.bear(missing, 5, signed=False) == 1  # what is too much, no density above 0 takes away
    assert field.mean[-1].tolist() == [2, 4, 11] and float(field.densities().detach()[-1]) == pytest.approx(
        0.25, rel=1e-3
    )
    assert field.bear(missing, 1, signed=True) == 1
    assert float(field.densities().detach()[-1]) == pytest.approx(-0.4)
    with torch.no_grad():
        field.raw[0], field.mean[1, 2] = -10, 40
    before = field.numbers()
    assert field.prune() == 2
    torch.testing.assert_close(field.numbers()["mean"], before["mean"][2:])
    assert field.signed.tolist() == before["signed"][2:].tolist()
