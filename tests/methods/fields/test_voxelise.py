"""The Gaussians on the lattice: values, gradients, and projections against the closed form."""

import numpy as np
import pytest
import torch

from fewview.methods.fields.gaussians import Gaussians
from fewview.methods.fields.splat import splat, splat_gradient
from fewview.methods.fields.voxelise import CUT, voxelise
from fewview.operators import parallel_beam

SHAPE = (9, 16, 20)


@pytest.fixture
def gaussians():
    """Forty of all shapes, some of them beyond the border: rows of ten numbers and reaches, in float64."""
    rng = torch.Generator().manual_seed(1)
    field = Gaussians(torch.rand(SHAPE, generator=rng), 40, rng)
    with torch.no_grad():
        field.turn.add_(torch.randn(field.turn.shape, generator=rng))
        field.size.add_(0.4 * torch.randn(field.size.shape, generator=rng))
        field.mean.add_(4 * torch.randn(field.mean.shape, generator=rng))
    rows, reach = field._rows(torch.ones(3))
    return rows.detach().double(), reach.double()


def _dense(rows):
    z, y, x = (torch.arange(n, dtype=torch.float64) for n in SHAPE)
    voxels = torch.cartesian_prod(z, y, x)
    out = torch.zeros(len(voxels), dtype=torch.float64)
    for row in rows:
        d = voxels - row[1:4]
        precision = row[[4, 7, 8, 7, 5, 9, 8, 9, 6]].reshape(3, 3)
        square = torch.einsum("nc,ce,ne->n", d, precision, d)
        out += torch.where(square <= CUT**2, row[0] * torch.exp(-0.5 * square), 0.0)
    return out.reshape(SHAPE)


def test_values_are_the_sum_of_all(gaussians):
    torch.testing.assert_close(voxelise(*gaussians, SHAPE), _dense(gaussians[0]), rtol=1e-10, atol=1e-12)


def test_compiled_and_torch_agree(gaussians):
    rows, reach = gaussians
    rng = torch.Generator().manual_seed(2)
    weight = torch.randn((4, *SHAPE[1:]), generator=rng, dtype=torch.float64)
    asked = rows.clone().requires_grad_()
    volume = voxelise(asked, reach, SHAPE, (3, 7))
    torch.testing.assert_close(volume.detach(), splat(rows, reach, (4, *SHAPE[1:]), 3, CUT), rtol=1e-10, atol=1e-12)
    (volume * weight).sum().backward()
    torch.testing.assert_close(asked.grad, splat_gradient(rows, reach, weight, 3, CUT), rtol=1e-9, atol=1e-10)


def test_gradients_are_those_of_differences(gaussians):
    rows, reach = gaussians
    rows = rows[:3].clone()
    rows[:, 1:4] = torch.tensor([4.2, 8.1, 9.7], dtype=torch.float64)  # whole within the lattice
    wide = torch.full_like(reach[:3], 50.0)

    def smooth(rows):  # the same sum without its edge, where a difference would jump
        z, y, x = (torch.arange(n, dtype=torch.float64) for n in SHAPE)
        d = torch.cartesian_prod(z, y, x) - rows[:, None, 1:4]
        precision = rows[:, [4, 7, 8, 7, 5, 9, 8, 9, 6]].reshape(-1, 3, 3)
        return (rows[:, :1] * torch.exp(-0.5 * torch.einsum("mnc,mce,mne->mn", d, precision, d))).sum(0)

    weight = torch.linspace(-1, 1, int(np.prod(SHAPE)), dtype=torch.float64)
    expected = torch.autograd.grad((smooth(rows.requires_grad_()) * weight).sum(), rows)[0]
    found = torch.autograd.grad((voxelise(rows, wide, SHAPE).reshape(-1) * weight).sum(), rows)[0]
    assert float((found - expected).norm() / expected.norm()) < 5e-3


@pytest.mark.parametrize("threads", [2, 3])
def test_results_do_not_depend_on_threads(gaussians, threads):
    rows, reach = (values.float() for values in gaussians)

    def both():
        asked = rows.clone().requires_grad_()
        volume = voxelise(asked, reach, SHAPE)
        volume.square().sum().backward()
        return volume.detach(), asked.grad

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = both()
        torch.set_num_threads(threads)
        together = both()
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


def _ray_integrals(row, angles, columns, pixel):
    """Closed form of the line integrals of one Gaussian in its own slice, averaged over each detector column."""
    density, _, y, x = row[:4]
    precision = np.array([[row[5], row[9]], [row[9], row[6]]])
    rays = 9
    middle = (columns - 1) / 2
    place = (np.arange(columns * rays) - (rays - 1) / 2) / rays - middle
    out = np.empty((len(angles), columns))
    for k, t in enumerate(angles):
        q = place[:, None] * np.array([-np.sin(t), np.cos(t)]) + middle - np.array([y, x])  # rows run against Y
        d = np.array([np.cos(t), np.sin(t)])
        dd, along = d @ precision @ d, q @ precision @ d
        exponent = np.einsum("ni,ij,nj->n", q, precision, q) - along**2 / dd
        values = density * np.sqrt(2 * np.pi / dd) * np.exp(-0.5 * exponent)
        out[k] = values.reshape(columns, rays).mean(1)
    return out * pixel


# On the lattice of the data, what Joseph's interpolation blurs outweighs what the voxels leave out.
@pytest.mark.parametrize(("width", "finer", "limit"), [(2.0, 4, 1e-3), (2.0, 1, 1.5e-2), (4.0, 1, 4e-3)])
def test_projection_is_the_closed_form(width, finer, limit):
    columns, pixel = 48, 0.5
    angles = np.array([0.0, 0.4, 1.0, np.pi / 2, 2.5])
    turned = np.array([[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]])
    precision = turned @ np.diag([1 / width**2, 1 / (1.5 * width) ** 2]) @ turned.T
    row = np.array([0.7, 0.0, 22.3, 25.1, 1.0, precision[0, 0], precision[1, 1], 0.0, 0.0, precision[0, 1]])
    fine = row.copy()
    fine[2:4] = (row[2:4] + 0.5) * finer - 0.5
    fine[4:] /= finer**2
    reach = torch.full((1, 3), CUT * 1.5 * width * finer, dtype=torch.float64)
    grid = columns * finer
    volume = voxelise(torch.tensor(fine)[None], reach, (1, grid, grid))
    A = parallel_beam(
        angles,
        columns=columns,
        grid=grid,
        axis=(columns - 1) / 2,
        pixel=pixel / finer,
        detector_pitch=pixel,
        dtype=torch.float64,
    )
    expected = _ray_integrals(row, angles, columns, pixel)
    error = np.abs(A(volume)[0].numpy() - expected)
    assert error.max() / expected.max() < limit
