"""Memory: the forecast, the limits, and slabs that change nothing."""

import numpy as np
import pytest
import torch

import fewview
from fewview.errors import NotEnoughMemory
from fewview.geometry import ParallelBeam
from fewview.methods import Estimate, Settled
from fewview.methods.registry import require_method
from fewview.methods.size import Size
from fewview.operators import parallel_beam
from fewview.options import Auto, Options, option
from fewview.runs import memory
from fewview.runs.memory import Forecast
from fewview.runs.slabs import SlabRun
from fewview.scan import LineIntegrals

CASES = [("fbp", {}), ("cgls", {"iterations": 3}), ("sirt", {"iterations": 6})]


@pytest.fixture
def slabs_of(monkeypatch, lines):
    """Pretend that memory holds just so many slices of a run."""

    def pretend(slices, method="cgls", options=None, **more):
        needed = SlabRun(lines, method, options or {}, **more).forecast.needed(slices)
        monkeypatch.setattr(memory, "available", lambda device: int(needed / memory.SHARE) + 1)

    return pretend


@pytest.mark.parametrize(("method", "options"), CASES)
@pytest.mark.parametrize("slices", [1, 4])
def test_slabs_give_the_same_volume(lines, slabs_of, method, options, slices):
    whole = list(fewview.reconstruct(lines, method, options, holdout=0.1))[-1]
    slabs_of(slices, method, options, holdout=0.1)
    run = SlabRun(lines, method, options, holdout=0.1)
    assert len(run.slabs) == {1: 6, 4: 2}[slices]
    estimates = list(run)
    scale = np.abs(whole.volume).max()
    np.testing.assert_allclose(estimates[-1].volume, whole.volume, atol=1e-5 * scale)
    for name in ("data_residual", "heldout_error"):
        assert estimates[-1].scalars[name] == pytest.approx(whole.scalars[name], rel=1e-4)
        assert run.measure(whole.volume)[name] == pytest.approx(whole.scalars[name], rel=1e-4)
    steps = [e.step for e in estimates]
    assert steps == sorted(steps)
    assert estimates[-1].step == estimates[-1].total


def test_finished_slabs_are_not_changed_later(lines, slabs_of):
    slabs_of(3)
    ends = [e for e in fewview.reconstruct(lines, "cgls", iterations=3) if e.stage.endswith("done")]
    assert len(ends) == 2
    assert not ends[0].volume[3:].any()  # still so after the second slab was filled in
    assert np.array_equal(ends[0].volume[:3], ends[1].volume[:3])


@pytest.mark.parametrize("cut", [2, 5, 6, 8])
def test_resume_within_and_between_slabs_is_bit_equal(lines, slabs_of, cut):
    slabs_of(2)
    whole = list(fewview.reconstruct(lines, "cgls", iterations=4))
    run = fewview.reconstruct(lines, "cgls", iterations=4)
    state = [next(run) for _ in range(cut)][-1].state
    state = {
        k: v.copy() if isinstance(v, np.ndarray) else torch.clone(v) if torch.is_tensor(v) else v
        for k, v in state.items()
    }
    run.close()
    rest = list(fewview.reconstruct(lines, "cgls", iterations=4, resume=state))
    assert np.array_equal(rest[-1].volume, whole[-1].volume)
    assert rest[-1].scalars == pytest.approx(whole[-1].scalars)
    assert len(rest) == len(whole) - cut


def test_what_auto_chose_on_the_first_slab_holds_for_all(lines, slabs_of, use_method):
    levels = []

    class Choosing(Options):
        level: float | Auto = option("auto", "Level", "The value of every voxel.")

    def tune(problem, options):
        levels.append(len(problem.data))
        yield Estimate(torch.zeros(len(problem.data), problem.operator.grid, problem.operator.grid), 0, 1)
        return Settled(options.taking({"level": 7.0}), {"level": 7.0, "level_curve": [1.0]})

    def solve(problem, options):
        shape = (len(problem.data), problem.operator.grid, problem.operator.grid)
        yield Estimate(torch.full(shape, options.level), 1, 1)

    use_method(options=Choosing, solve=solve, tune=tune)
    slabs_of(2, "choosing")
    last = list(fewview.reconstruct(lines, "choosing"))[-1]
    assert len(levels) == 1
    assert last.chosen["level"] == 7.0
    assert (last.volume == 7.0).all()


def test_not_one_slice_fits(lines, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda device: 1000)
    with pytest.raises(NotEnoughMemory, match="--bin 2"):
        next(fewview.reconstruct(lines, "fbp"))


@pytest.mark.parametrize(
    ("size", "said"), [(0, "0 MiB"), (3 << 18, "0.75 MiB"), (300 << 20, "300 MiB"), (5 << 28, "1.25 GiB")]
)
def test_little_memory_is_told_in_a_unit_that_shows_it(size, said):
    assert memory.told(size) == said


def test_slices_that_all_hang_together_are_not_cut(lines, slabs_of, use_method):
    use_method(halo=lambda options: None if options.level > 2 else 0)
    slabs_of(4, "counting", {"level": 1})
    assert len(SlabRun(lines, "counting", {"level": 1}).slabs) > 1
    with pytest.raises(NotEnoughMemory, match=r"couples neighbouring slices.*--rows A:B"):
        SlabRun(lines, "counting", {"level": 3})


def test_slabs_of_coupled_slices_need_room_for_the_halo(use_method):
    method = use_method()
    forecast = Forecast(100, lambda n: n)
    with pytest.raises(NotEnoughMemory, match="at most 23 rows"):
        memory.slabs(forecast, method, 8, 23)
    found = memory.slabs(forecast, method, 8, 26)
    assert found == [(10 * k, 10 * k + 10) for k in range(10)]


@pytest.fixture(scope="module")
def tall():
    """Balls along a block, 48 slices, with noise."""
    size, slices, views = 32, 48, 12
    rng = np.random.default_rng(0)
    z, y, x = np.mgrid[:slices, :size, :size]
    truth = np.zeros((slices, size, size), np.float32)
    truth[:, 8:24, 8:24] = 0.5
    for _ in range(12):
        centre, radius = rng.uniform(0.25, 0.75, 3) * truth.shape, rng.uniform(2, 6)
        truth[(z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 < radius**2] += 1
    angles = np.arange(views) * np.pi / views
    values = parallel_beam(angles, columns=size)(torch.from_numpy(truth)).numpy()
    values += 0.05 * values.max() * rng.standard_normal(values.shape).astype(np.float32)
    return LineIntegrals(values.swapaxes(0, 1), ParallelBeam(angles, slices, size, (size - 1) / 2), None)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("tv", {"along_z": 1.0, "weight": 2e-3, "iterations": 80}),
        ("mbir", {"sharpness": 0.0, "iterations": 40}),
    ],
)
def test_overlapping_slabs_leave_no_seam(tall, monkeypatch, method, options):
    run = SlabRun(tall, method, options)
    whole = list(run)[-1]
    monkeypatch.setattr(memory, "available", lambda device: int(run.forecast.needed(32) / memory.SHARE) + 1)
    run = SlabRun(tall, method, options)
    assert run.slabs == [(0, 16), (16, 32), (32, 48)] and run.halo == 8
    last = list(run)[-1]
    difference = np.abs(last.volume - whole.volume).max() / np.ptp(whole.volume)
    assert difference < 1e-3
    assert last.scalars["data_residual"] == pytest.approx(whole.scalars["data_residual"], rel=1e-3)
    alone = SlabRun(tall, method, options)
    alone.halo = 0  # what the halo is for
    cut = list(alone)[-1].volume
    assert np.abs(cut - whole.volume).max() > 5e-3 * np.ptp(whole.volume)


def test_slabs_are_equal_and_complete(use_method):
    method = use_method()
    found = memory.slabs(Forecast(10, lambda n: 100 + 10 * n), method, 0, 145)  # 4 fit
    assert found == [(0, 3), (3, 6), (6, 10)]
    assert memory.slabs(Forecast(10, lambda n: 100 + 10 * n), method, 8, 200) == [(0, 10)]


def test_limits_of_machine_container_and_user(monkeypatch):
    monkeypatch.setattr(memory, "_machine", lambda: 8 * 2**30)
    monkeypatch.setattr(memory, "_container", lambda: 6 * 2**30)
    monkeypatch.delenv(memory.LIMIT_VARIABLE, raising=False)
    assert memory.available("cpu") == 6 * 2**30
    monkeypatch.setenv(memory.LIMIT_VARIABLE, "0.5")
    assert memory.available("cpu") == 2**29
    monkeypatch.setenv(memory.LIMIT_VARIABLE, "much")
    with pytest.raises(NotEnoughMemory, match="not a number"):
        memory.available("cpu")


def test_forecast_grows_with_slices_views_and_held_out_views(lines):
    small = SlabRun(lines, "cgls", {}).forecast
    assert small.needed(1) < small.needed(6) == small.total
    assert SlabRun(lines.sparse(8), "cgls", {}).forecast.total < small.total
    image = 4 * lines.geometry.columns**2
    assert small.needed(6) - small.needed(5) >= 5 * image  # CGLS holds five volumes


def test_what_a_method_holds_follows_its_options(lines, use_method):
    use_method(buffers=lambda options: (options.level, 2.0), beside=lambda options, size: 10**6 * size.grid)
    one, five = (SlabRun(lines, "counting", {"level": level}).forecast for level in (1, 5))
    n = lines.geometry.columns
    assert five.total - one.total == 4 * 6 * 4 * n**2
    assert one.needed(1) > 10**6 * n


def test_samples_and_the_network_of_a_diffusion_method_count():
    method = require_method("d3ip")
    options = method.options.parse({"samples": 1, "adaptation": "none"})
    more = method.options.parse({"samples": 4, "adaptation": "lora"})
    assert method.held(more)[0] > 2 * method.held(options)[0]
    # Alone, a batch of 128-pixel images takes tens of megabytes on its way through the network, with gradients more.
    size = Size(16, 16, 128, 128)
    assert 1e7 < method.beside(options, size) < method.beside(more, size) / 2


def test_methods_that_apply_the_views_one_by_one_hold_two_matrices(lines):
    sirt, sart = (SlabRun(lines, name, {}) for name in ("sirt", "sart"))
    matrix = sart.setup.used.operator.workspace(0)
    volumes, sinograms = (s - t for s, t in zip(sart.method.held(None), sirt.method.held(None), strict=True))
    values = volumes * sart.setup.used.operator.grid**2 + sinograms * lines.values[:, 0].size
    assert sart.forecast.needed(1) - sirt.forecast.needed(1) == pytest.approx(1.2 * matrix + 4 * values, rel=1e-3)
