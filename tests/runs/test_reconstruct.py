"""The public generator: what it yields, what it refuses, how it stops."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import fewview
from fewview.errors import FewviewError, MethodUnavailable, OptionError
from fewview.geometry import ParallelBeam
from fewview.methods import Estimate, get_method, method_names
from fewview.operators import parallel_beam
from fewview.quality import heldout_error, psnr, split_views
from fewview.runs.slabs import SlabRun
from fewview.scan import LineIntegrals


def test_volumes_belong_to_the_caller(lines, use_method):
    use_method()
    estimates = list(fewview.reconstruct(lines, "counting", steps=3))
    means = [estimate.volume.mean() for estimate in estimates]
    assert means[0] < means[1] < means[2]  # the method works in place: copies or they would all be the last
    assert all(e.volume.dtype == np.float32 and e.volume.flags.owndata and e.volume.flags.writeable for e in estimates)


def test_options_as_mapping_and_as_keywords_are_the_same(lines):
    first = list(fewview.reconstruct(lines, "sirt", {"iterations": 3}))[-1].volume
    second = list(fewview.reconstruct(lines, "sirt", iterations=3))[-1].volume
    assert np.array_equal(first, second)


def test_reconstruction_around_the_axis_of_the_geometry(lines, truth):
    good = list(fewview.reconstruct(lines, "cgls", iterations=15))[-1].volume
    wrong = list(fewview.reconstruct(lines.with_axis(lines.geometry.axis - 2), "cgls", iterations=15))[-1].volume
    assert psnr(good, truth) > psnr(wrong, truth) + 5


@pytest.mark.parametrize("method", ["fbp", "sirt", "cgls", "tv", "mbir", "astra-fbp", "astra-sirt", "tomopy-gridrec"])
@pytest.mark.parametrize("axis", [9.5, 30.5])
def test_half_acquisition_gives_all_that_was_seen(method, axis):
    """A sample nearly twice as wide as the detector, turned all the way round about an axis near one of its edges."""
    if (missing := get_method(method).missing()) is not None:
        pytest.skip(missing)
    geometry = ParallelBeam(np.linspace(0, 2 * np.pi, 60, endpoint=False), 1, 41, axis)
    y, x = np.indices((geometry.grid, geometry.grid)) - (geometry.grid - 1) / 2
    truth = (0.02 * (np.hypot(x, y) < 28) + 0.02 * (np.hypot(x - 15, y + 8) < 5)).astype(np.float32)
    A = parallel_beam(geometry.angles, columns=41, grid=geometry.grid, axis=axis)
    lines = LineIntegrals(A(torch.from_numpy(truth)[None]).numpy().swapaxes(0, 1), geometry)
    volume = list(fewview.reconstruct(lines, method))[-1].volume
    assert volume.shape == (1, geometry.grid, geometry.grid) and geometry.grid > 60
    assert volume[0][np.hypot(x - 15, y + 8) < 4].mean() == pytest.approx(0.04, rel=0.05)
    assert volume[0][(np.hypot(x, y) < 26) & (np.hypot(x - 15, y + 8) > 7)].mean() == pytest.approx(0.02, rel=0.05)
    assert abs(volume[0][(np.hypot(x, y) > 30) & (np.hypot(x, y) < 31)].mean()) < 3e-3


@pytest.mark.parametrize("pixel", [0.05, 2.0])
def test_values_are_per_mm(lines, pixel):
    plain = list(fewview.reconstruct(lines, "cgls", iterations=5))[-1].volume
    scaled = list(fewview.reconstruct(lines.with_pixel(pixel), "cgls", iterations=5))[-1].volume
    np.testing.assert_allclose(scaled * pixel, plain, atol=3e-5 * np.abs(plain).max())


def test_weights_are_normalised(lines):
    """Another unit of the weights changes nothing: a method's own weight keeps its meaning."""
    heavy = replace(lines, weights=lines.weights * 1000)
    first = list(fewview.reconstruct(lines, "sirt", iterations=5))[-1].volume
    second = list(fewview.reconstruct(heavy, "sirt", iterations=5))[-1].volume
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "method", ["fbp", "sirt", "sart", "cgls", "tv", "asd-pocs", "mbir", "astra-fbp", "astra-sirt", "astra-cgls"]
)
def test_a_single_view_with_a_dead_column_gives_numbers(lines, method):
    if (missing := get_method(method).missing()) is not None:
        pytest.skip(missing)
    one = lines.select_views([3])
    values, weights = one.values.copy(), np.ones_like(one.values)
    weights[..., 9] = 0
    values[..., 9] = np.nan
    options = {"iterations": 30} if method in ("tv", "asd-pocs", "mbir") else {}
    *_, last = fewview.reconstruct(replace(one, values=values, weights=weights), method, options)
    assert np.isfinite(np.asarray(last.volume)).all() and np.ptp(np.asarray(last.volume)) > 0


def test_unusable_pixels_do_not_count(lines):
    values = lines.values.copy()
    values[lines.weights == 0] = np.nan
    clean = list(fewview.reconstruct(lines, "cgls", iterations=5))[-1].volume
    dirty = list(fewview.reconstruct(replace(lines, values=values), "cgls", iterations=5))[-1].volume
    np.testing.assert_allclose(dirty, clean, atol=1e-6)


@pytest.mark.parametrize("method", ["fbp", "sirt", "cgls", "asd-pocs", "tv", "mbir", "postnet"])
def test_a_row_without_a_usable_pixel_is_empty(lines, method):
    weights = lines.weights.copy()
    weights[:, 1] = 0
    dark = replace(lines, weights=weights)
    volume = list(fewview.reconstruct(dark, method))[-1].volume
    assert np.abs(volume[1]).max() < 0.05 * np.abs(volume[0]).max()
    assert volume[0].std() > 0 and np.isfinite(volume).all()


def test_the_scan_is_not_touched(lines):
    one = lines.select_views(np.arange(1))  # whose transposed data lie in memory as they did
    values, weights = one.values.copy(), np.ones_like(one.values)
    weights[:, 1] = 0
    values[:, 1] = np.nan
    list(fewview.reconstruct(replace(one, values=values, weights=weights), "sirt", iterations=2))
    assert np.isnan(values[:, 1]).all() and np.all(weights[:, 1] == 0)


@pytest.mark.parametrize(("method", "holdout"), [("cgls", 0.0), ("sirt", 0.2)])
def test_views_without_a_usable_pixel_count_no_more_than_views_that_are_not_there(lines, method, holdout):
    """All but four: what holds views out would else hold out dead ones, and find nothing to judge by."""
    weights, seen = lines.weights.copy(), [1, 8, 15, 22]
    weights[np.setdiff1d(np.arange(lines.views), seen)] = 0
    dead = list(fewview.reconstruct(replace(lines, weights=weights), method, holdout=holdout))[-1]
    left = list(fewview.reconstruct(lines.select_views(seen), method, holdout=holdout))[-1]
    assert np.array_equal(dead.volume, left.volume) and dead.scalars == left.scalars


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_weights_that_weigh_nothing_are_refused(lines, value):
    weights = lines.weights.copy()
    weights[0, 0, 0] = value
    with pytest.raises(FewviewError, match="weights hold values that are negative or not numbers"):
        list(fewview.reconstruct(replace(lines, weights=weights), "sirt"))


def test_a_scan_without_a_usable_pixel_is_refused(lines):
    with pytest.raises(FewviewError, match="No detector pixel is usable"):
        list(fewview.reconstruct(replace(lines, weights=np.zeros_like(lines.weights)), "sirt"))


def test_heldout_error_is_that_of_views_not_seen(lines):
    last = list(fewview.reconstruct(lines, "cgls", iterations=8, holdout=0.2, seed=3))[-1]
    used, held = split_views(lines.geometry.angles, 0.2, 3)
    own = list(fewview.reconstruct(lines.select_views(used), "cgls", iterations=8))[-1]
    np.testing.assert_allclose(last.volume, own.volume, atol=1e-5)
    A = parallel_beam(lines.geometry.angles[held], columns=lines.geometry.columns, axis=lines.geometry.axis)
    predicted = A(torch.from_numpy(last.volume)).numpy()
    expected = heldout_error(predicted, lines.values[held].swapaxes(0, 1), lines.weights[held].swapaxes(0, 1))
    assert last.scalars["heldout_error"] == pytest.approx(expected, rel=1e-4)
    assert "heldout_error" not in own.scalars


def test_with_few_views_pixels_are_held_out(lines):
    few = lines.sparse(4)
    last = list(fewview.reconstruct(few, "cgls", iterations=4, holdout=0.1))[-1]
    plain = list(fewview.reconstruct(few, "cgls", iterations=4))[-1]
    assert last.scalars["heldout_error"] > last.scalars["data_residual"]
    assert not np.allclose(last.volume, plain.volume)


@pytest.mark.parametrize("method", ["cgls", "tv", "postnet", "d3ip"])
def test_methods_that_choose_do_so_beside_pixels_held_out(lines, method):
    short = {"steps": 2, "samples": 2} if method == "d3ip" else {}
    *_, last = fewview.reconstruct(lines.sparse(4), method, holdout=0.1, **short)
    assert 0 < last.scalars["heldout_error"] < 1 and last.chosen


def test_stop_between_estimates(lines, use_method):
    use_method()
    seen = []
    for estimate in fewview.reconstruct(lines, "counting", steps=50, stop=lambda: len(seen) >= 3):
        seen.append(estimate)
    assert [e.step for e in seen] == [1, 2, 3]


def test_stop_within_a_long_application(lines, use_method):
    """The flag goes up while the operator works: the rest of a long step is not waited for."""
    asked, finished = [], []

    def slow(problem, options):
        yield Estimate(problem.operator.T(problem.data), 1, 2)
        asked.append(True)
        for _ in range(100_000):
            problem.operator(torch.zeros(len(problem.data), problem.operator.grid, problem.operator.grid))
        finished.append(True)
        yield Estimate(problem.data, 2, 2)

    use_method(solve=slow)
    run = SlabRun(lines, "slow", {}, device="cpu", stop=lambda: bool(asked))
    assert [e.step for e in run] == [1]
    assert asked and not finished and run.goes_on_from is None


def test_a_closed_generator_closes_the_method(lines, use_method):
    closed = []

    def watched(problem, options):
        try:
            for step in range(1, 100):
                yield Estimate(torch.zeros(len(problem.data), problem.operator.grid, problem.operator.grid), step, 100)
        finally:
            closed.append(True)

    use_method(solve=watched)
    run = fewview.reconstruct(lines, "watched")
    next(run)
    run.close()
    assert closed


def test_a_stop_within_a_short_step_lets_it_end(lines):
    """So that its state is whole: a method that works in place would go on from a mixture otherwise."""
    complete = list(fewview.reconstruct(lines, "sirt", iterations=6))[-1].volume
    asked = []
    run = SlabRun(lines, "sirt", {"iterations": 6}, device="cpu", stop=lambda: bool(asked))
    last = None
    for last in run:
        if last.step == 3:  # it goes up in the middle of the next step
            hook = run.setup.used.operator.on_chunk
            run.setup.on_chunk(lambda hook=hook: (asked.append(True), hook()))
    assert run.goes_on_from is not None and run.goes_on_from.step == last.step == 4
    rest = list(fewview.reconstruct(lines, "sirt", iterations=6, resume=last.state))
    assert np.array_equal(rest[-1].volume, complete)


@pytest.mark.parametrize("name", ["cgls", "sirt"])
def test_resume_is_bit_equal(lines, name):
    whole = list(fewview.reconstruct(lines, name, iterations=6))[-1].volume
    run = fewview.reconstruct(lines, name, iterations=6)
    state = [next(run) for _ in range(3)][-1].state
    state = {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in state.items()}
    run.close()
    rest = list(fewview.reconstruct(lines, name, iterations=6, resume=state))
    assert [e.step for e in rest] == [4, 5, 6]
    assert np.array_equal(rest[-1].volume, whole)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "sirtt"}, "Did you mean 'sirt'"),
        ({"method": "sirt", "options": {"weird": 1}}, "no option 'weird'"),
        ({"method": "sirt", "options": {"iterations": -1}}, "iterations"),
        ({"method": "sirt", "device": "tpu"}, "no device 'tpu'"),
        ({"method": "sirt", "holdout": 1.5}, "cannot be held out"),
        ({"method": "sirt", "auxiliary": np.zeros((1, 2, 3))}, "auxiliary volume is"),
    ],
)
def test_mistakes_are_told_before_the_first_estimate(lines, arguments, message):
    with pytest.raises(OptionError, match=message):
        next(fewview.reconstruct(lines, **arguments))


@pytest.mark.parametrize("name", [name for name in method_names() if "aux" in get_method(name).needs])
def test_an_xray_volume_that_shows_nothing_is_refused(lines, truth, name):
    with pytest.raises(OptionError, match=r"The X-ray volume is 0\.3 everywhere in these slices: it shows no sample\."):
        next(fewview.reconstruct(lines, name, auxiliary=np.full_like(truth, 0.3)))


def test_needs_are_checked(lines, use_method, monkeypatch):
    use_method(needs=frozenset({"aux"}))
    with pytest.raises(OptionError, match="--aux"):
        next(fewview.reconstruct(lines, "counting"))
    use_method(needs=frozenset({"gpu"}))
    with pytest.raises(MethodUnavailable, match="needs a CUDA device"):
        next(fewview.reconstruct(lines, "counting", device="cpu"))


def test_an_auxiliary_volume_reaches_the_method(lines, truth, use_method):
    def copy(problem, options):
        yield Estimate(problem.auxiliary, 1, 1)

    use_method(solve=copy, needs=frozenset({"aux"}))
    assert np.array_equal(next(fewview.reconstruct(lines, "copy", auxiliary=truth)).volume, truth)
