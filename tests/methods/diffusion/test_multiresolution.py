"""Coarse to fine: which steps are taken where, what is seen meanwhile, and that a run goes on from any of them."""

from dataclasses import replace

import pytest
import torch

from fewview.methods import get_method
from fewview.methods.diffusion.multiresolution import ladder, loop_work
from fewview.methods.selection import coarse
from fewview.methods.selection.coarse import coarser, finer

D3IP = get_method("d3ip")
SETTLED = {"beside": "tv", "tv_weight": 0.003, "beside_share": 0.2, "start_iterations": 4}


@pytest.fixture
def problem(make_problem, monkeypatch):
    """A problem that is large: three grids lead to its own."""
    monkeypatch.setattr(coarse, "SETTLING", 16)
    return replace(make_problem(views=12, grid=64, slices=2, noise=0.01, pixel=0.05), seed=3)


def run(problem, weights, **values):
    options = D3IP.options(prior=weights, steps=8, samples=2, **{**SETTLED, **values})
    return D3IP.run(problem, options)


def test_a_small_slice_has_all_steps_on_its_own_grid():
    whole = D3IP.options(coarse_to_fine=False)
    assert ladder(D3IP.options(), 160) == ladder(whole, 160) == ladder(whole, 640)
    assert [rung.factor for rung in ladder(D3IP.options(), 160)] == [1]


def test_a_large_slice_has_most_steps_on_a_coarse_grid(make_problem):
    rungs = ladder(D3IP.options(), 640)
    assert [(rung.factor, len(rung.levels)) for rung in rungs] == [(4, 16), (2, 8), (1, 3)]
    assert [rung.factor for rung in ladder(D3IP.options(), 480)] == [3, 2, 1]
    assert rungs[0].levels == ladder(D3IP.options(), 160)[0].levels
    for rung in rungs:  # each down to no noise, from where the steps of the coarser one were nearly there
        assert rung.levels[-1].last and [level.index for level in rung.levels] == list(range(len(rung.levels)))
        assert rung.levels[-1].abar == rungs[0].levels[-1].abar
    assert [len(rung.levels) for rung in ladder(D3IP.options(steps=4), 640)] == [4, 2, 1]


def test_the_work_is_a_fraction(make_problem):
    problem = make_problem(views=3, grid=640)
    few, all_ = (loop_work(D3IP.options(coarse_to_fine=on), problem) for on in (True, False))
    assert few == pytest.approx(all_ * (16 / 16 + 8 / 4 + 3) / 16)


def test_coarse_estimates_come_first_and_have_the_size_of_the_volume(problem, weights):
    seen = list(run(problem, weights, beside_share=0.0))
    assert all(estimate.volume.shape == (2, 64, 64) for estimate in seen)
    stages = [estimate.stage for estimate in seen if estimate.state is not None]
    words = ["at 1/4 of the resolution"] * 8 + ["at 1/2 of the resolution"] * 4 + ["finishing"]
    assert len(stages) == 13 and all(stage.endswith(said) for stage, said in zip(stages, words, strict=True))
    done = [estimate.fraction for estimate in seen]
    assert done == sorted(done) and done[-1] == 1
    first = next(estimate for estimate in seen if estimate.state is not None)
    # Drawn from a coarse grid: between its pixels the slope along a row does not change.
    bends = first.volume[:, :, 2:-2].diff(dim=2).diff(dim=2).abs().amax(dim=(0, 1))
    assert float((bends < 1e-4).float().mean()) > 0.4
    assert float((seen[-1].volume[:, :, 2:-2].diff(dim=2).diff(dim=2).abs().amax(dim=(0, 1)) < 1e-4).sum()) == 0
    assert seen[-1].extra["std"].shape == (2, 64, 64)


def test_the_result_is_near_that_of_all_steps_at_full_resolution(problem, weights):
    *_, fine = run(problem, weights, coarse_to_fine=False)
    *_, climbed = run(problem, weights)
    truth = torch.as_tensor(problem.data)
    errors = [float((problem.operator(x.volume) - truth).norm() / truth.norm()) for x in (fine, climbed)]
    assert errors[1] < 1.2 * errors[0]
    assert float((fine.volume - climbed.volume).square().mean().sqrt()) < 0.1 * float(fine.volume.max())


@pytest.mark.parametrize("values", [{}, {"adaptation": "lora+biases", "inner": 2, "loss_steps": 1}])
def test_resumed_runs_end_bit_equal(values, problem, weights):
    *_, expected = run(problem, weights, **values)
    state = None
    for stop in (3, 8, 10, 12, 13):
        for estimate in run(replace(problem, state=state), weights, **values):
            if estimate.step == stop and estimate.state is not None:
                break
        state = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in estimate.state.items()}
    assert torch.equal(estimate.volume, expected.volume)


def test_settings_are_settled_on_the_coarse_grid(problem, weights, monkeypatch):
    options = D3IP.options(prior=weights, steps=4, samples=2)
    settled = D3IP.settle(problem, options)
    monkeypatch.setattr(coarse, "SETTLING", 10**6)
    there = D3IP.settle(coarser(problem, 4), options.taking({"scale": settled.options.scale}))
    assert settled.chosen["start_iterations"] == there.chosen["start_iterations"]
    assert settled.chosen["beside_share"] == there.chosen["beside_share"]
    assert settled.options.value("tv_weight") == pytest.approx(there.options.value("tv_weight") * 2, rel=1e-6)


def test_a_slab_settles_what_the_whole_run_would(problem, weights):
    class Stack:
        slices = 2

        def some(self, places):
            return replace(problem, data=problem.data[list(places)])

    slab = replace(problem, data=problem.data[:1], stack=Stack())
    options = D3IP.options(prior=weights, steps=4, samples=2, beside_share=0.0)
    assert D3IP.settle(slab, options).options == D3IP.settle(problem, options).options


def test_a_coarse_volume_between_two_grids_keeps_its_place(make_problem):
    image = torch.zeros(1, 16, 16)
    image[0, 3:6, 9:13] = 1.0

    def centre(volume, pixel):
        place = (torch.arange(volume.shape[-1]) - (volume.shape[-1] - 1) / 2) * pixel
        return [float((volume[0].sum(dim=d) * place).sum() / volume.sum()) for d in (0, 1)]

    assert centre(finer(image, 32, 2.0), 2.0) == pytest.approx(centre(image, 4.0), abs=0.05)
