"""Conjugate gradients: exactness, independence of slices, gradients through the steps, stopping."""

import math

import numpy as np
import pytest
import torch

from fewview.operators import parallel_beam
from fewview.operators.krylov import cg, cgls


def spd(slices, n, seed=0):
    rng = torch.Generator().manual_seed(seed)
    B = torch.randn(slices, n, n, dtype=torch.float64, generator=rng)
    M = B @ B.mT + n * torch.eye(n, dtype=torch.float64)
    return M, torch.randn(slices, n, dtype=torch.float64, generator=rng)


def times(M):
    return lambda x: (M @ x[..., None])[..., 0]


def test_cg_solves():
    M, b = spd(3, 8)
    assert torch.allclose(cg(times(M), b, iterations=8), torch.linalg.solve(M, b), rtol=1e-10)
    start = torch.randn_like(b)
    assert torch.allclose(cg(times(M), b, start, iterations=8), torch.linalg.solve(M, b), rtol=1e-10)


def test_slices_do_not_know_of_each_other():
    M, b = spd(3, 8)
    M[1] *= 100
    b[2] = 0
    together = cg(times(M), b, iterations=3)
    for k in range(3):
        assert torch.allclose(together[k : k + 1], cg(times(M[k : k + 1]), b[k : k + 1], iterations=3), rtol=1e-12)
    assert float(together[2].abs().max()) == 0
    one_for_all = cg(times(M), b, iterations=3, per_slice=False)
    assert not torch.allclose(together, one_for_all, rtol=1e-3)


def test_global_steps_solve_coupled_slices():
    M, b = spd(1, 12)
    coupled = lambda x: (M[0] @ x.reshape(12)).reshape(3, 4)  # noqa: E731
    x = cg(coupled, b.reshape(3, 4), iterations=12, per_slice=False)
    assert torch.allclose(x.reshape(12), torch.linalg.solve(M[0], b[0]), rtol=1e-8)


def test_gradients_flow_through_the_steps():
    A = parallel_beam(np.arange(3) * math.pi / 3, columns=6, grid=4, dtype=torch.float64)
    b = torch.rand(2, 4, 4, dtype=torch.float64, requires_grad=True)
    x0 = torch.rand(2, 4, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)

    def solve(b, x0, weight):
        return cg(lambda x: A.T(A(x)) + weight * x, b, x0, iterations=3)

    assert torch.autograd.gradcheck(solve, (b, x0, weight))


def test_cgls_matches_least_squares_and_its_residual_falls():
    A = parallel_beam(np.arange(9) * math.pi / 9, columns=12, grid=6, dtype=torch.float64)
    y = torch.rand(2, 9, 12, dtype=torch.float64)
    weights = torch.rand(2, 9, 12, dtype=torch.float64) + 0.1
    iterates = list(cgls(A, y, iterations=60, weights=weights))
    matrix = A(torch.eye(36, dtype=torch.float64).reshape(36, 6, 6)).reshape(36, -1).T
    for k in range(2):
        W = torch.diag(weights[k].reshape(-1))
        normal = matrix.T @ W @ matrix
        exact = torch.linalg.solve(normal, matrix.T @ W @ y[k].reshape(-1))
        assert torch.allclose(iterates[-1].x[k].reshape(-1), exact, rtol=1e-7, atol=1e-9)

    plain = list(cgls(A, y, iterations=15))
    residuals = torch.stack([i.residual for i in plain])
    assert bool((residuals.diff(dim=0) <= 1e-12).all())
    true = (A(plain[-1].x) - y).reshape(2, -1).norm(dim=1)
    assert torch.allclose(residuals[-1], true, rtol=1e-9)
    assert [i.step for i in plain] == list(range(1, 16))


def test_an_unmatched_operator_is_refused():
    A = parallel_beam([0.0], columns=4, grid=4)
    A.matched = False
    with pytest.raises(ValueError, match="matched"):
        next(cgls(A, torch.zeros(1, 1, 4)))
