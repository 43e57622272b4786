"""The projector against closed forms: adjoint, line integrals, conventions, gradients, norm."""

import math

import numpy as np
import pytest
import torch

from fewview.errors import MethodUnavailable
from fewview.operators import fan_beam, parallel_beam

SPECIAL = np.array([0.0, math.pi / 4, math.pi / 2, 3 * math.pi / 4, math.pi])  # 0..180 inclusive
LIMIT = {torch.float32: 1e-6, torch.float64: 1e-12}


def dot_error(A, slices, seed=0):
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(slices, A.grid, A.grid, dtype=A.dtype, generator=rng)
    y = torch.randn(slices, A.views, A.columns, dtype=A.dtype, generator=rng)
    Ax, ATy = A(x), A.T(y)
    assert float(Ax.abs().max()) > 0
    difference = (Ax.double() * y.double()).sum() - (x.double() * ATy.double()).sum()
    return float(difference.abs() / (Ax.double().norm() * y.double().norm()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("angles", "geometry", "slices"),
    [
        (SPECIAL, {"columns": 64, "grid": 64}, 3),
        (SPECIAL, {"columns": 65, "grid": 65}, 20),
        (-SPECIAL * 2, {"columns": 91, "grid": 64, "axis": 30.25}, 1),
        (np.linspace(0, 2 * math.pi, 9), {"columns": 40, "grid": 51, "axis": 60.0}, 2),
        (np.linspace(0, 2 * math.pi, 9), {"columns": 40, "grid": 51, "axis": -6.5, "pixel": 0.1}, 70),
        ([0.3], {"columns": 33, "grid": 32, "detector_pitch": 0.45}, 17),
        ([1.2, 7.9, -4.4], {"columns": 20, "grid": 48, "detector_pitch": 2.5, "pixel": 1.3}, 4),
        ([1.2, math.pi / 2], {"columns": 12, "grid": 50, "detector_pitch": 4.0}, 16),
        ([0.1], {"columns": 3, "grid": 1}, 2),
    ],
)
def test_adjoint(angles, geometry, slices, dtype):
    A = parallel_beam(angles, dtype=dtype, **geometry)
    assert dot_error(A, slices) <= LIMIT[dtype]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_adjoint_in_random_geometries(dtype):
    rng = np.random.default_rng(1)
    for seed in range(25):
        columns, grid, views = rng.integers(4, 80), rng.integers(4, 70), rng.integers(1, 12)
        A = parallel_beam(
            rng.uniform(-7, 7, views),
            columns=columns,
            grid=grid,
            axis=rng.uniform(0, columns),
            pixel=rng.uniform(0.01, 3),
            detector_pitch=rng.uniform(0.01, 3) if seed % 2 else None,
            dtype=dtype,
        )
        if float(A.norm) > 0:
            assert dot_error(A, int(rng.choice([1, 2, 17])), seed) <= LIMIT[dtype]


# Ellipses (x, y, semi-axes, turn, value), in halves of the grid: no symmetry of any kind.
ELLIPSES = [
    (0.05, -0.1, 0.7, 0.55, 0.3, 1.0),
    (-0.3, 0.2, 0.2, 0.12, -0.6, 0.7),
    (0.35, 0.25, 0.1, 0.22, 1.1, -0.5),
    (0.2, -0.4, 0.15, 0.15, 0.0, 0.9),
]


def phantom(n, oversample=8):
    """Area-antialiased image."""
    m = n * oversample
    place = ((np.arange(m) + 0.5) / m * 2 - 1) * n / 2
    X, Y = place[None, :], -place[:, None]
    image = np.zeros((m, m))
    for x, y, a, b, turn, value in ELLIPSES:
        u, v = X - x * n / 2, Y - y * n / 2
        p, q = u * math.cos(turn) + v * math.sin(turn), v * math.cos(turn) - u * math.sin(turn)
        image += value * ((p / (a * n / 2)) ** 2 + (q / (b * n / 2)) ** 2 <= 1)
    return torch.from_numpy(image.reshape(n, oversample, n, oversample).mean((1, 3)))[None]


def line_integrals(n, angles, columns, axis, pitch=1.0):
    """Exact chord lengths, averaged over the width of each column."""
    edges = (np.arange(columns + 1) - 0.5 - axis) * pitch
    sinogram = np.zeros((len(angles), columns))
    for x, y, a, b, turn, value in ELLIPSES:
        x, y, a, b = (k * n / 2 for k in (x, y, a, b))
        for view, angle in enumerate(angles):
            w = math.hypot(a * math.cos(angle - turn), b * math.sin(angle - turn))
            s = np.clip(edges - (x * math.cos(angle) + y * math.sin(angle)), -w, w)
            primitive = value * a * b / w**2 * (s * np.sqrt(w**2 - s**2) + w**2 * np.arcsin(s / w))
            sinogram[view] += np.diff(primitive) / pitch
    return torch.from_numpy(sinogram)[None]


def relative(a, b):
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize(("n", "limit"), [(128, 7e-3), (256, 3.5e-3)])
def test_analytic_ellipses(n, limit):
    angles = np.arange(30) * math.pi / 15 + 0.02
    axis = (n - 1) / 2 + 3.3
    A = parallel_beam(angles, columns=n + 8, grid=n, axis=axis, dtype=torch.float64)
    exact = line_integrals(n, angles, n + 8, axis)
    ours = A(phantom(n))
    assert relative(ours, exact) <= limit
    # The comparison is sharp enough to see the sign of rotation, a mirrored detector and half a column.
    assert relative(A.subset(slice(None, None, -1))(phantom(n)), exact) > 20 * limit
    assert relative(ours.flip(2), exact) > 20 * limit
    assert relative(ours, line_integrals(n, angles, n + 8, axis + 0.5)) > 2 * limit
    # Nothing gets lost on the way: mass of each view.
    assert torch.allclose(ours.sum(2), exact.sum(2), rtol=2e-3)


@pytest.mark.parametrize("pitch", [0.5, 1.5, 2.0, 3.0])
def test_analytic_ellipses_on_other_detectors(pitch):
    n, angles = 128, np.arange(20) * math.pi / 20
    columns = math.ceil(n / pitch) + 4
    A = parallel_beam(angles, columns=columns, grid=n, axis=columns / 2, detector_pitch=pitch, dtype=torch.float64)
    assert relative(A(phantom(n)), line_integrals(n, angles, columns, columns / 2, pitch)) <= 8e-3


def test_views_along_the_grid():
    x = torch.rand(2, 16, 16, dtype=torch.float64)
    y = parallel_beam([0.0, math.pi / 2, math.pi], columns=16, grid=16, pixel=0.5, dtype=torch.float64)(x)
    assert torch.allclose(y[:, 0], 0.5 * x.sum(1))
    # At 90 degrees the detector runs along Y, which is up.
    assert torch.allclose(y[:, 1], 0.5 * x.sum(2).flip(1))
    assert torch.allclose(y[:, 2], y[:, 0].flip(1))


def test_turning_the_image_by_one_view_rolls_the_sinogram():
    A = parallel_beam(np.arange(4) * math.pi / 2, columns=40, grid=32, dtype=torch.float64)
    x = torch.rand(1, 32, 32, dtype=torch.float64)
    assert torch.allclose(A(torch.rot90(x, dims=(1, 2))), A(x).roll(1, dims=1))


def test_gradients():
    A = parallel_beam(SPECIAL[:3], columns=7, grid=6, axis=2.7, dtype=torch.float64)
    x = torch.rand(2, 6, 6, dtype=torch.float64, requires_grad=True)
    y = torch.rand(2, 3, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(A, (x,))
    assert torch.autograd.gradcheck(A.T, (y,))
    assert torch.autograd.gradgradcheck(lambda x: A(x) ** 2, (x,))
    (gradient,) = torch.autograd.grad(0.5 * ((A(x) - y) ** 2).sum(), x)
    assert torch.allclose(gradient, A.T(A(x) - y), rtol=1e-12)


def test_norm_is_the_largest_singular_value():
    A = parallel_beam(np.arange(5) * math.pi / 5, columns=14, grid=12, axis=5.0, pixel=0.3, dtype=torch.float64)
    basis = torch.eye(144, dtype=torch.float64).reshape(144, 12, 12)
    exact = float(torch.linalg.matrix_norm(A(basis).reshape(144, -1), 2))
    assert A.norm == pytest.approx(exact, rel=1e-4)
    again = parallel_beam(np.arange(5) * math.pi / 5, columns=14, grid=12, axis=5.0, pixel=0.3, dtype=torch.float64)
    assert again.norm == A.norm


def test_norm_and_sums_are_found_once_for_a_geometry(monkeypatch):
    def operator(pixel=1.0, **more):
        return parallel_beam(np.arange(7) * math.pi / 7, columns=11, grid=10, axis=4.5, pixel=pixel, **more)

    first = operator()
    norm, rows = first.norm, first.row_sums()

    def applied(self, x):
        raise AssertionError("applied again")

    monkeypatch.setattr(type(first), "_forward", applied)
    again = operator()
    assert again.norm == norm and torch.equal(again.row_sums(), rows)
    for other in (operator(pixel=2.0), operator(dtype=torch.float64), first.subset([0, 2])):
        with pytest.raises(AssertionError, match="applied again"):
            other.norm  # noqa: B018


@pytest.mark.parametrize("pixel", [0.5, 2.0])
def test_norm_in_closed_form(pixel):
    # One view along the grid sums n pixels: the singular values are all pixel * sqrt(n).
    assert parallel_beam([0.0], columns=64, grid=64, pixel=pixel).norm == pytest.approx(8 * pixel, rel=1e-5)
    angles = np.arange(12) * math.pi / 12
    unit = parallel_beam(angles, columns=64, grid=64).norm
    assert parallel_beam(angles, columns=64, grid=64, pixel=pixel).norm == pytest.approx(pixel * unit, rel=1e-5)


def test_row_and_column_sums():
    A = parallel_beam([0.0, 0.4], columns=9, grid=8, axis=4.0, pixel=0.5)
    assert torch.equal(A.row_sums(), A(torch.ones(1, 8, 8)))
    assert torch.equal(A.column_sums(), A.T(torch.ones(1, 2, 9)))


def test_subset_is_rows_of_the_whole():
    A = parallel_beam(np.arange(40) * 0.2, columns=50, grid=44, axis=22.0)
    x = torch.rand(3, 44, 44)
    whole = A(x)
    for views in ([7, 3, 21], slice(1, None, 4), np.arange(40) % 3 == 0):
        part = A.subset(views)
        np.testing.assert_array_equal(part.angles, A.angles[views])
        assert torch.allclose(part(x), whole[:, views], rtol=1e-5, atol=1e-4)


def test_slices_do_not_know_of_each_other():
    A = parallel_beam(np.arange(6) * 0.5, columns=50, grid=44)
    x = torch.rand(70, 44, 44)
    whole = A(x)
    for some in (slice(3, 4), slice(0, 20), slice(60, 70)):
        assert torch.allclose(A(x[some]), whole[some], rtol=1e-5, atol=1e-5)
    assert A(x[:0]).shape == (0, 6, 50)


@pytest.mark.parametrize("slices", [2, 20, 70])
def test_slices_innermost_stay_innermost(slices):
    A = parallel_beam(np.arange(6) * 0.5, columns=50, grid=44)
    x = torch.rand(slices, 44, 44)
    y = A(x)
    inner = A(x.permute(1, 2, 0).contiguous().permute(2, 0, 1))
    assert y.is_contiguous() and inner.stride(0) == 1
    assert torch.allclose(y, inner, rtol=1e-5)
    assert A.T(inner).stride(0) == 1
    assert torch.allclose(A.T(inner), A.T(y), rtol=1e-5)


def test_transpose_of_the_transpose():
    A = parallel_beam([0.0], columns=8, grid=8)
    assert A.T.T is A
    assert A.matched and A.label == "torch"


def test_defaults_are_a_centred_square():
    A = parallel_beam(torch.tensor([0.0, 1.0]), columns=10)
    assert (A.grid, A.geometry.centre, A.volume.voxel, A.geometry.pitch) == (10, 4.5, 1.0, 1.0)
    assert A.angles.dtype == np.float64


def test_mistakes_are_named():
    A = parallel_beam([0.0], columns=8, grid=8)
    with pytest.raises(ValueError, match=r"shape \(slices, 8, 8\)"):
        A(torch.zeros(8, 8))
    with pytest.raises(ValueError, match="sinogram"):
        A.T(torch.zeros(1, 8, 8))
    with pytest.raises(ValueError, match="float64"):
        A(torch.zeros(1, 8, 8, dtype=torch.float64))
    with pytest.raises(ValueError, match="finite"):
        parallel_beam([0.0, math.nan])
    with pytest.raises(ValueError, match="positive"):
        parallel_beam([0.0], pixel=0.0)
    with pytest.raises(ValueError, match="backend"):
        parallel_beam([0.0], backend="none")
    for beam in (parallel_beam, lambda *a, **more: fan_beam(*a, sod=50.0, sdd=80.0, **more)):
        for size in ({"columns": 16.5}, {"columns": 16, "grid": 8.5}):
            with pytest.raises(ValueError, match="whole numbers"):
                beam([0.0], **size)
        with pytest.raises(MethodUnavailable, match="There is no device 'abacus'"):
            beam([0.0], columns=16, device="abacus")


def test_another_geometry_keeps_the_rest_of_the_operator():
    A = parallel_beam([0.0, 1.0], columns=12, pixel=0.5, dtype=torch.float64, memory_budget=123)
    A.on_chunk = lambda: None
    B = A.with_geometry(A.geometry.bin_columns(2), A.volume.bin(2))
    assert (B.dtype, B.memory_budget, B.on_chunk, type(B)) == (A.dtype, 123, A.on_chunk, type(A))
    assert (B.columns, B.grid, B.volume.voxel, B.geometry.pitch, B.geometry.centre) == (6, 6, 1.0, 1.0, 2.5)
    assert A.with_geometry(A.geometry.with_axis(3.0)).volume == A.volume
    assert A.geometry.finer(3).bin_columns(3).centre == A.geometry.centre
    assert A(A.zeros(3)).shape == (3, *A.range_shape) and A.T(A.zeros_data(2)).shape == (2, *A.domain_shape)


def test_rays_of_the_geometry_are_those_of_the_operator():
    A = parallel_beam([0.4, 2.0, -1.1], columns=11, grid=9, axis=4.3, pixel=0.7, dtype=torch.float64)
    x, y = (np.arange(9) - 4) * 0.7, (4 - np.arange(9)) * 0.7
    bumps = np.exp(-((x - 0.8) ** 2 + (y[:, None] + 0.4) ** 2) / 2)  # smooth: Joseph's integral is exact enough
    found = A(torch.from_numpy(bumps)[None])[0].numpy()
    along = np.linspace(0, 20, 4000)
    for view in range(3):
        start, direction = A.geometry.rays(view)
        points = start[:, None] + along[:, None] * direction[:, None]
        inside = (np.abs(points) < 3.1).all(-1)
        values = np.exp(-((points[..., 0] - 0.8) ** 2 + (points[..., 1] + 0.4) ** 2) / 2) * inside
        np.testing.assert_allclose(found[view], values.sum(1) * (along[1] - along[0]), atol=0.12)
