"""Stored, streamed and compiled products agree; memory stays in the budget; a long application can be stopped."""

import gc
import math
import weakref

import numpy as np
import pytest
import torch

from fewview.errors import Stopped
from fewview.operators import build, csr, parallel_beam, tiles
from fewview.operators.compiled import CompiledProduct
from fewview.operators.joseph import ParallelJoseph
from fewview.operators.memory import forecast
from fewview.operators.tiles import TiledMatrix, cuts, shared

ANGLES = np.concatenate([np.arange(5) * math.pi / 4, np.arange(33) * 0.37 - 3])
FEW = ANGLES[:8]
WEIGHTS = [
    ParallelJoseph(50, 47, FEW, 20.3, 1.0),
    ParallelJoseph(31, 40, FEW, 19.5, 0.4),
    ParallelJoseph(40, 14, FEW, 9.0, 3.3),
]
CPU = torch.device("cpu")


def nothing():
    pass


def dense(engine, weights, dtype):
    identity = torch.eye(weights.grid**2, dtype=dtype)
    return engine.forward(identity, nothing).T


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_compiled_weights_are_the_stored_weights(weights, dtype, limit):
    stored = TiledMatrix(weights, CPU, dtype)
    compiled = CompiledProduct(weights, dtype)
    matrix = dense(stored, weights, dtype)
    assert float((dense(compiled, weights, dtype) - matrix).abs().max()) <= limit
    rays = torch.eye(matrix.shape[0], dtype=dtype)
    assert float((compiled.backward(rays, nothing) - matrix).abs().max()) <= limit
    assert float((stored.backward(rays, nothing) - matrix).abs().max()) == 0


@pytest.mark.parametrize("slices", [1, 3, 70])
def test_compiled_products(slices):
    A = parallel_beam(ANGLES, columns=60, grid=52, axis=27.7, pixel=0.2)
    free = parallel_beam(ANGLES, columns=60, grid=52, axis=27.7, pixel=0.2, memory_budget=0)
    assert A.stored and not free.stored and free.engine.nbytes == 0
    x, y = torch.randn(slices, 52, 52), torch.randn(slices, len(ANGLES), 60)
    for ours, theirs in ((free(x), A(x)), (free.T(y), A.T(y))):
        assert float((ours - theirs).norm() / theirs.norm()) <= 1e-6
        assert ours.is_contiguous()
    inner = free(x.permute(1, 2, 0).contiguous().permute(2, 0, 1))
    assert torch.allclose(inner, free(x), rtol=1e-5, atol=1e-5)


def test_compiled_keeps_nan_visible():
    A = parallel_beam([0.0, 0.3], columns=20, grid=20, memory_budget=0)
    x = torch.zeros(1, 20, 20)
    x[0, 10, 10] = math.nan
    assert bool(A(x).isnan().any())


def test_many_tiles_give_what_one_gives(monkeypatch):
    weights = ParallelJoseph(40, 44, ANGLES, 21.0, 1.0)
    whole = TiledMatrix(weights, CPU, torch.float64)
    monkeypatch.setattr(tiles, "CACHE", 0)  # the smallest tiles
    cut = TiledMatrix(weights, CPU, torch.float64)
    streamed = TiledMatrix(weights, CPU, torch.float64, stored=False)
    assert len(cut.rows) == 5 and len(cut.blocks) == 5 and streamed.nbytes == 0
    x, y = torch.randn(3, 1600, dtype=torch.float64), torch.randn(3, 44 * len(ANGLES), dtype=torch.float64)
    for other in (cut, streamed):
        assert torch.allclose(other.forward(x, nothing), whole.forward(x, nothing), rtol=1e-12, atol=1e-11)
        assert torch.allclose(other.backward(y, nothing), whole.backward(y, nothing), rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("pitch", [0.6, 1.0, 2.3])
def test_compiled_and_torch_builders_give_the_same_tile(dtype, pitch):
    # The torch builder is the branch of graphics cards, here on the CPU.
    weights, rows, views = ParallelJoseph(12, 14, ANGLES, 6.0, pitch), (2, 9), (1, 30)
    compiled, plain = weights.tile(rows, views, CPU, dtype), weights.by_torch(rows, views, CPU, dtype)
    # A weight that is 0 but for rounding may be listed by one and left out by the other: compare them dense.
    for one, other in ((compiled, plain), (build.transpose_tile(compiled), csr.transpose(plain))):
        assert torch.allclose(_dense(one), _dense(other), rtol=1e-6, atol=1e-6 if dtype == torch.float32 else 1e-12)
    assert torch.equal(csr.transpose(csr.transpose(plain)).index, plain.index)
    assert torch.equal(_dense(build.transpose_tile(compiled)), _dense(compiled).T)


def _dense(matrix):
    return csr.product(matrix, torch.eye(matrix.shape[1], dtype=matrix.value.dtype))


def test_backprojection_alone_builds_half_of_the_matrix():
    matrix = TiledMatrix(ParallelJoseph(30, 30, ANGLES, 14.5, 1.0), CPU, torch.float32)
    matrix.backward(torch.ones(1, 30 * len(ANGLES)), nothing)
    half = matrix.nbytes
    matrix.forward(torch.ones(1, 900), nothing)
    assert half > 0 and 1.8 * half < matrix.nbytes < 2.2 * half


def test_matrix_is_shared_between_operators_of_one_geometry():
    A = parallel_beam(ANGLES, columns=30, grid=30)
    B = parallel_beam(ANGLES, columns=30, grid=30, pixel=0.1)
    C = parallel_beam(ANGLES, columns=30, grid=30, axis=13.0)
    assert A.engine is B.engine and A.engine is not C.engine


def test_kept_matrices_are_bounded(monkeypatch):
    monkeypatch.setattr(tiles, "KEPT", 0)
    first = shared(ParallelJoseph(10, 10, ANGLES, 4.5, 1.0), CPU, torch.float32)
    shared(ParallelJoseph(11, 10, ANGLES, 4.5, 1.0), CPU, torch.float32)
    assert len(tiles._kept) == 1
    assert shared(ParallelJoseph(10, 10, ANGLES, 4.5, 1.0), CPU, torch.float32) is not first


def test_the_matrix_of_an_operator_used_once_goes_with_it(monkeypatch):
    monkeypatch.setattr(tiles, "_kept", type(tiles._kept)())
    A = parallel_beam(ANGLES + 0.1, columns=30, grid=30)
    A.once = True
    part = A.subset([0, 1])
    for operator in (A, part):
        operator.T(operator(torch.ones(1, 30, 30)))
    assert A.engine.nbytes > part.engine.nbytes > 0 and not tiles._kept
    matrix = weakref.ref(A.engine)
    gc.disable()  # at once, not when the collector comes by
    try:
        del A, operator
        assert matrix() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("budget", [0, 1 << 30])
def test_a_long_application_can_be_stopped(budget):
    A = parallel_beam(ANGLES, columns=64, grid=64, memory_budget=budget)
    calls = []

    def stop():
        calls.append(1)
        raise Stopped

    A.on_chunk = stop
    for map_, shape in ((A, (1, 64, 64)), (A.T, (1, len(ANGLES), 64)), (A.subset([1]), (1, 64, 64))):
        with pytest.raises(Stopped):
            map_(torch.zeros(shape))
    assert len(calls) == 3
    A.on_chunk = None
    assert float(A(torch.ones(1, 64, 64)).sum()) > 0


def test_work_is_cut_into_pieces_by_size():
    assert cuts(10, 4) == [(0, 3), (3, 6), (6, 10)]
    assert cuts(0, 4) == []
    big = CompiledProduct(ParallelJoseph(2048, 2048, np.zeros(720), 1023.5, 1.0), torch.float32)
    assert len(cuts(720, big.piece_views)) > 50 and len(cuts(2048, big.piece_rows)) > 50


def test_forecast_of_the_matrix_holds():
    weights = ParallelJoseph(128, 160, np.arange(20) * 0.31, 79.5, 1.0)
    matrix = TiledMatrix(weights, CPU, torch.float32)
    matrix.forward(torch.ones(1, 128**2), nothing)
    built = matrix.nbytes
    assert built <= weights.nbytes(torch.float32) * 1.05
    assert built >= weights.nbytes(torch.float32) * 0.8


def test_forecast_of_a_large_slice():
    A = parallel_beam(np.arange(720) * math.pi / 720, columns=2048)
    assert not A.stored
    assert forecast(A, 1) < 1 << 30
    assert forecast(A, 8, images=3, sinograms=3) > 8 * 3 * 2048 * (2048 + 720) * 4
