"""The fan-beam operator: exact adjoint, analytic line integrals, the parallel beam as its limit, ASTRA."""

import math

import numpy as np
import pytest
import torch

from fewview.errors import MethodUnavailable, ScanError
from fewview.geometry import FanBeam
from fewview.operators import csr, fan_beam, parallel_beam
from fewview.operators.joseph_fan import FanInterpolation, FanJoseph

CPU = torch.device("cpu")
ASIDE = {"columns": 41, "grid": 33, "axis": 18.3, "principal": 22.0, "pixel": 0.8, "sod": 60.0, "sdd": 110.0}
ELLIPSES = ((3, -5, 40, 30, 0.4, 0.02), (-12, 8, 9, 14, 1.0, 0.03), (15, -10, 6, 5, 0.0, -0.015))


@pytest.mark.parametrize("detector", ["flat", "curved"])
@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("budget", [0, 1 << 30])
def test_the_adjoint_is_exact(detector, dtype, limit, budget):
    rng = np.random.default_rng(0)
    kw = {**ASIDE, "detector": detector, "dtype": dtype, "memory_budget": budget}
    A = fan_beam(rng.uniform(0, 7, 9), voxel=rng.uniform(0.2, 0.9), **kw)
    x, y = torch.randn(3, *A.domain_shape, dtype=dtype), torch.randn(3, *A.range_shape, dtype=dtype)
    left, right = (A(x).double() * y.double()).sum(), (x.double() * A.T(y).double()).sum()
    assert abs(float(left - right)) <= limit * float(A(x).norm() * y.norm())
    assert torch.equal(A.subset([2, 7])(x), A(x)[:, [2, 7]]) or torch.allclose(A.subset([2, 7])(x), A(x)[:, [2, 7]])


def test_gradients():
    A = fan_beam([0.2, 2.5], columns=7, grid=5, pixel=0.9, sod=20, sdd=35, dtype=torch.float64)
    assert torch.autograd.gradcheck(A, (torch.rand(1, 5, 5, dtype=torch.float64, requires_grad=True),))


@pytest.mark.parametrize("kind", [FanJoseph, FanInterpolation])
@pytest.mark.parametrize("detector", ["flat", "curved"])
@pytest.mark.parametrize("voxel", [0.3, 0.7])
def test_compiled_and_torch_builders_give_the_same_tile(kind, detector, voxel):
    A = fan_beam(np.arange(9) * 0.7, voxel=voxel, detector=detector, dtype=torch.float64, **ASIDE)
    weights = kind.of(A.geometry, A.volume)
    compiled, plain = (build((3, 20), (1, 8), CPU, A.dtype) for build in (weights.tile, weights.by_torch))
    identity = torch.eye(compiled.shape[1], dtype=A.dtype)
    one, other = csr.product(compiled, identity), csr.product(plain, identity)
    assert float((one - other).abs().max()) <= 1e-12 * max(1.0, float(one.max()))
    assert compiled.nbytes <= weights.nbytes(A.dtype)


@pytest.mark.parametrize("detector", ["flat", "curved"])
@pytest.mark.parametrize("voxel", [0.3, 0.7])
def test_rays_without_a_stored_matrix(detector, voxel):
    angles = np.concatenate([np.arange(9) * 0.7, [math.pi / 2, math.pi]])
    kw = {**ASIDE, "voxel": voxel, "detector": detector, "dtype": torch.float64}
    stored, free = fan_beam(angles, **kw), fan_beam(angles, memory_budget=0, **kw)
    assert stored.stored and not free.stored and free.engine.nbytes == 0
    x, y = torch.rand(3, *stored.domain_shape, dtype=kw["dtype"]), torch.rand(3, *stored.range_shape, dtype=kw["dtype"])
    torch.testing.assert_close(free(x), stored(x), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(free.T(y), stored.T(y), rtol=1e-10, atol=1e-12)


def ellipse_integrals(geometry, fine=8):
    """Exact integrals, (views, columns); a column sees the mean of ``fine`` rays across its width."""
    rays = geometry.finer(fine)
    out = np.zeros((rays.views, rays.columns))
    for view in range(rays.views):
        start, direction = rays.rays(view)
        for x, y, a, b, turn, value in ELLIPSES:
            c, s = math.cos(turn), math.sin(turn)
            into = np.array([[c / a, s / a], [-s / b, c / b]])
            p, q = (start - [x, y]) @ into.T, direction @ into.T
            pq, qq = (p * q).sum(1), (q * q).sum(1)
            out[view] += 2 * value * np.sqrt(np.maximum(pq**2 - qq * ((p * p).sum(1) - 1), 0)) / qq
    return out.reshape(rays.views, geometry.columns, fine).mean(2)


def ellipse_image(A, fine=8):
    """The ellipses on the grid, each voxel the mean of ``fine`` x ``fine`` points."""
    n = A.grid
    place = ((np.arange(n * fine) + 0.5) / fine - n / 2) * A.volume.voxel
    image = np.zeros((n * fine, n * fine))
    for x, y, a, b, turn, value in ELLIPSES:
        c, s = math.cos(turn), math.sin(turn)
        u, v = place - x, -place[:, None] - y
        image += value * (((u * c + v * s) / a) ** 2 + ((v * c - u * s) / b) ** 2 <= 1)
    return torch.from_numpy(image.reshape(n, fine, n, fine).mean((1, 3)))[None]


@pytest.mark.parametrize(("size", "limit"), [(128, 4.2e-3), (256, 2.1e-3)])
@pytest.mark.parametrize("detector", ["flat", "curved"])
def test_ellipses_are_integrated(size, limit, detector):
    middle = (size - 1) / 2
    where = {"axis": middle + 0.02 * size, "principal": middle - 0.01 * size, "pixel": 160 / size}
    turn = np.arange(32) * math.pi / 16
    A = fan_beam(turn, columns=size, sod=300, sdd=440, detector=detector, dtype=torch.float64, **where)
    exact = ellipse_integrals(A.geometry)
    assert np.linalg.norm(A(ellipse_image(A))[0].numpy() - exact) <= limit * np.linalg.norm(exact)


def test_a_distant_source_is_a_parallel_beam():
    angles, kw = [0.1, 0.9, 2.2], {"columns": 40, "grid": 33, "axis": 20.3}
    x = torch.rand(1, 33, 33)
    parallel = parallel_beam(angles, **kw)(x)
    fan = fan_beam(angles, sod=3.3e7, sdd=3.3e7 + 33, voxel=1.0, **kw)(x)
    assert float((fan - parallel).abs().max()) <= 1e-4 * float(parallel.max())


def test_wide_columns_are_integrated_over_their_width():
    fine = fan_beam([0.3, 1.9], columns=60, grid=40, pixel=0.5, sod=200, sdd=300, voxel=0.33, dtype=torch.float64)
    wide = fine.with_geometry(fine.geometry.bin_columns(3))
    x = torch.rand(1, 40, 40, dtype=torch.float64)
    mean = fine(x).unflatten(-1, (20, 3)).mean(-1)
    assert float((wide(x) - mean).norm() / mean.norm()) < 0.01


def test_parity_with_astra():
    angles = np.arange(12) * 0.5 + 0.1
    kw = {"columns": 64, "grid": 60, "axis": 33.0, "principal": 30.0, "pixel": 0.8, "sod": 150.0, "sdd": 260.0}
    try:
        theirs = fan_beam(angles, backend="astra", **kw)
    except MethodUnavailable as missing:
        pytest.skip(str(missing))
    ours = fan_beam(angles, **kw)
    y, x = np.mgrid[:60, :60] - 29.5
    smooth = torch.from_numpy(np.exp(-((x - 6) ** 2 + (y + 9) ** 2) / 120).astype(np.float32))[None]
    assert theirs.label == "astra line_fanflat"
    assert float((ours(smooth) - theirs(smooth)).norm() / ours(smooth).norm()) < 0.01
    with pytest.raises(MethodUnavailable, match="curved"):
        fan_beam(angles, backend="astra", detector="curved", **kw)


def test_mistakes():
    with pytest.raises(ScanError, match="not possible"):
        fan_beam([0.0], sod=300, sdd=200)
    with pytest.raises(ScanError, match="pixel size"):
        FanBeam([0.0], 1, 10, sod=10, sdd=20)
    with pytest.raises(ScanError, match="too wide"):
        fan_beam([0.0], columns=1000, sod=10, sdd=20)
    with pytest.raises(ScanError, match="flat or curved"):
        fan_beam([0.0], detector="round")
    with pytest.raises(ValueError, match="voxel"):
        fan_beam([0.0], voxel=0)


def test_it_says_what_it_is():
    assert "pixel=0.8, principal=22.0, sod=60.0, sdd=110.0, detector=flat" in repr(fan_beam([0.0], **ASIDE).geometry)
