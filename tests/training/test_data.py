"""Training data: in range, repeatable, from the pool on disk."""

import numpy as np
import pytest
import torch

from fewview.errors import FewviewError
from fewview.models.unrolled import arc
from fewview.operators import parallel_beam
from fewview.simulate.leaves import leaves
from fewview.simulate.seeds import TRAIN, VALIDATION
from fewview.training.acquisitions import Acquisitions, measured
from fewview.training.batches import draw_batch
from fewview.training.pool import Pool, fill, write_blocks
from fewview.training.sources import MAKERS, stack_blocks, unit
from fewview.training.specimens import halved, specimens


@pytest.mark.parametrize("kind", MAKERS)
def test_blocks_are_in_range_and_follow_from_the_seed(kind):
    first, again = (MAKERS[kind](VALIDATION[1], 64) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        assert a.ndim == 3 and a.dtype == np.float32 and len(a) >= 5
        assert a.min() >= 0 and a.max() <= 1.5 and a.std() > 0.01
        assert np.array_equal(a, b)
    assert not np.array_equal(first[0], MAKERS[kind](VALIDATION[2], 64)[0])


def test_microstructures_come_in_both_modalities():
    assert len(MAKERS["materials"](VALIDATION[3], 64)) == 2


def test_a_block_of_a_seed_in_no_split_is_refused():
    with pytest.raises(ValueError, match="no split"):
        MAKERS["generic"](500_000, 64)


def test_generic_never_makes_concrete(monkeypatch):
    from fewview.simulate import microstructure

    monkeypatch.setattr(microstructure, "microstructure", lambda *a, **k: pytest.fail("concrete in the generic prior"))
    for seed in range(VALIDATION[0], VALIDATION[0] + 12):
        MAKERS["generic"](seed, 64)


@pytest.mark.parametrize("slices", [1, 3, 5])
def test_crops_have_the_asked_shape_and_range(slices):
    rng = np.random.default_rng(0)
    blocks = [rng.random((6, 96, 96)).astype(np.float16), rng.random((6, 64, 64)).astype(np.float16)]
    batch = draw_batch(blocks, 12, 64, slices, rng)
    assert batch.shape == (12, slices, 64, 64) and batch.dtype == torch.float32
    assert batch.min() >= 0 and batch.max() <= 1.09


def test_crops_are_repeatable_and_varied():
    blocks = [np.random.default_rng(1).random((6, 128, 128)).astype(np.float32)]
    a, b = (draw_batch(blocks, 4, 64, 1, np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(a, b) and not torch.equal(a[0], a[1])


def test_a_pool_too_small_for_the_crop_is_named():
    with pytest.raises(ValueError, match="at least 128 pixels"):
        draw_batch([np.zeros((6, 64, 64))], 1, 128, 1, np.random.default_rng(0))


def test_the_pool_loads_what_was_made_once(tmp_path):
    fill(tmp_path, "generic", 2, 1.0, 2)
    pool = Pool(tmp_path, "generic")
    assert pool.refresh() == 2 and pool.refresh() == 2
    assert pool.blocks[0].dtype == np.float16
    write_blocks(tmp_path, "generic", TRAIN[9], MAKERS["generic"](TRAIN[9], 64))
    assert pool.refresh() == 3
    assert not list(tmp_path.glob(".*"))


def test_the_oldest_blocks_leave_memory_and_are_not_loaded_again(tmp_path, monkeypatch):
    pool = Pool(tmp_path, "generic")
    for seed in range(3):
        write_blocks(tmp_path, "generic", seed, [np.full((2, 8, 8), seed, np.float32)] * 2)
    held = pool.blocks
    monkeypatch.setattr("fewview.training.pool.HELD", 3 * 2 * 8 * 8 * 2)
    assert pool.refresh() == 3 and pool.refresh() == 3
    assert held is pool.blocks and [int(block.max()) for block in held] == [1, 2, 2]
    assert len(pool.pairs()) == 1 and len(pool.paths()) == 6  # of one seed both; on disk all


def test_a_pool_fills_in_the_background(tmp_path):
    pool = Pool(tmp_path, "generic", capacity=3)
    pool.start()
    try:
        assert pool.refresh(at_least=3) == 3
    finally:
        pool.stop()


def test_stacks_of_ones_own(tmp_path):
    import tifffile

    stack = np.random.default_rng(0).random((5, 64, 70)).astype(np.float32) * 7
    np.save(tmp_path / "a.npy", stack)
    tifffile.imwrite(tmp_path / "a.tif", stack)
    for name in ("a.npy", "a.tif"):
        (block,) = stack_blocks(tmp_path / name)
        assert block.shape == stack.shape and 0.9 < np.percentile(block, 99.9) < 1.1
    np.save(tmp_path / "flat.npy", stack[0])
    for name, message in (("flat.npy", "has shape"), ("a.png", "no stack")):
        with pytest.raises(FewviewError, match=message):
            stack_blocks(tmp_path / name)


def test_transmission_or_nothing_is_refused():
    with pytest.raises(FewviewError, match="no positive"):
        unit(np.zeros((2, 4, 4)))


@pytest.mark.parametrize("shape", [(8, 64, 64), (12, 32, 32), (9, 48, 48), (20, 80, 64)])
def test_specimens_are_twice_as_fine_and_round(shape):
    rng = np.random.default_rng(0)
    fine, depth = specimens([rng.random(shape).astype(np.float16)], 32, 2, 3, rng, turned=True)
    assert fine.shape == (2 * depth, 64, 64) and 2 <= depth <= 3 and fine.dtype == torch.float32
    across = np.arange(64) - 31.5
    assert (fine[:, np.hypot(across[:, None], across) >= 32] == 0).all() and fine.std() > 0.05
    assert torch.allclose(halved(fine)[0, 15, 15], fine[0, 30:32, 30:32].mean())


def test_what_is_measured_is_what_was_there():
    """Against the operator that reconstructs, to the accuracy of another discretisation; at the dose that is asked."""
    rng = np.random.default_rng(1)
    fine = torch.from_numpy(leaves(rng, 64, 3))
    A = parallel_beam(np.arange(20) * np.pi / 20, columns=32, axis=16.2, pixel=0.5)
    ideal = measured(fine, A, rng, noiseless=1.0)
    expected = A(halved(fine) * ideal.state["peak"])
    assert (ideal.data - expected).square().mean() < 1e-3 * expected.square().mean()
    noisy = measured(fine, A, rng, peak=ideal.state["peak"], behind=1000.0, noiseless=0.0)
    residual = (noisy.data - ideal.data) * noisy.weights.sqrt()
    assert float(residual.std()) == pytest.approx(1000**-0.5, rel=0.05)
    assert float(noisy.weights.mean()) == pytest.approx(1.0, abs=1e-4)


def test_an_imperfect_detector_has_columns_that_err_in_all_views_and_views_that_err_in_all_columns():
    A = parallel_beam(np.arange(12) * np.pi / 12, columns=24)
    inside = torch.zeros(8, 48, 48)
    inside[:, 16:32, 16:32] = 1
    given = {"peak": 0.05, "noiseless": 1.0}
    exact = measured(inside, A, np.random.default_rng(3), **given)
    error = measured(inside, A, np.random.default_rng(3), **given, imperfect=1.0).data - exact.data
    outside = error[:, :, [1, 2, -3, -2]]  # behind nothing, where a point spread changes nothing
    columns = outside - outside.mean(dim=2, keepdim=True)
    assert error.abs().max() > 1e-4
    assert (columns - columns.mean(dim=1, keepdim=True)).abs().max() < 1e-5  # the same in all views: a ring
    assert error.abs().max() < 0.3


def test_acquisitions_stay_within_what_is_drawn():
    drawn, rng, degrees = Acquisitions(), np.random.default_rng(2), []
    operators = [drawn.draw(32, rng, torch.device("cpu")) for _ in range(60)]
    assert {A.views < 16 for A in operators} == {A.views > 60 for A in operators} == {True, False}
    assert all(4 <= A.views <= 128 for A in operators)
    assert max(abs(A.geometry.aside) for A in operators) == pytest.approx(1.28, abs=0.5)
    degrees = [np.degrees(arc(A.angles)) for A in operators]
    assert sum(abs(d - 180) < 1 for d in degrees) > 15 and max(degrees) > 300
