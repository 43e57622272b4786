from dataclasses import replace

import pytest
import torch

from fewview.methods import get_method
from fewview.methods.interface import Estimate, Settled
from fewview.methods.selection.coarse import FINER, carried, coarser, finer, first_look, settled_coarsely
from fewview.methods.selection.picture import Picture
from fewview.methods.selection.weight_search import COARSE, Trials
from fewview.operators import tiles


@pytest.mark.parametrize(("grid", "factor"), [(64, 2), (66, 4), (65, 3)])
def test_the_object_stays_where_it_is(grid, factor, make_problem):
    """Projections of the same disks at the coarser resolution, measured there, agree with the averaged ones."""
    fine = make_problem(views=9, grid=grid, pixel=0.3, axis=(grid - 1) / 2 + 1.25)
    coarse = coarser(fine, factor)
    A = coarse.operator
    assert (A.columns, A.volume.voxel) == (grid // factor, pytest.approx(0.3 * factor))
    # The centre of mass of a view, in mm from the axis, does not depend on the resolution.
    centres = []
    for problem in (fine, coarse):
        beam = problem.operator.geometry
        place = (torch.arange(beam.columns) - beam.centre) * beam.pitch
        centres.append((problem.data * place).sum(2) / problem.data.sum(2))
    torch.testing.assert_close(*centres, atol=0.02, rtol=0)


def test_unusable_pixels_do_not_enter_the_mean(make_problem):
    problem = make_problem(views=5)
    weights = torch.ones_like(problem.data)
    weights[:, 2, 20] = 0
    weights[:, 3, 30:32] = 0
    data = torch.where(weights > 0, problem.data, torch.full_like(problem.data, torch.nan))
    coarse = coarser(replace(problem, data=data, weights=weights), 2)
    assert coarse.data[0, 2, 10] == problem.data[0, 2, 21]
    assert coarse.weights[0, 2, 10] == 0.5
    assert coarse.weights[0, 3, 15] == 0 and coarse.data[0, 3, 15] == 0


def test_the_xray_volume_comes_along(make_problem):
    problem = replace(make_problem(views=3), auxiliary=torch.arange(64.0).expand(1, 64, 64))
    assert torch.equal(coarser(problem, 2).auxiliary[0, 0], torch.arange(32.0) * 2 + 0.5)


def test_the_coarse_matrix_is_not_remembered(make_problem):
    """What is settled coarsely must leave the memory to what follows on the whole grid, which the forecast is of."""
    remembered = list(tiles._kept)
    coarse = coarser(make_problem(views=7, grid=72, axis=35.25), 2)
    coarse.operator.T(coarse.operator(coarse.operator.zeros(1)))
    assert coarse.operator.stored
    assert list(tiles._kept) == remembered


def test_large_grids_are_tried_coarser(make_problem):
    problem = make_problem(views=3, grid=COARSE + 8)
    trials = Trials(problem, Picture(torch.zeros(1, problem.operator.grid, problem.operator.grid)))
    assert trials.binned == 2
    assert trials.parts[0][0].operator.columns == (COARSE + 8) // 2


def test_a_coarse_volume_comes_back_to_its_place():
    """A tilted plane is the same on both grids, wherever the middle of the pixels lies."""
    for grid, factor in ((64, 2), (61, 3)):
        side = -(-grid // factor)
        far = (torch.arange(side) - (side - 1) / 2) * factor
        wide = torch.arange(grid) - (grid - 1) / 2
        found = finer((far[:, None] + 2 * far)[None], grid, factor)[0]
        inner = slice(factor, -factor)
        torch.testing.assert_close(found[inner, inner], (wide[:, None] + 2 * wide)[inner, inner], atol=1e-4, rtol=0)


def test_weights_of_tv_follow_the_pixels_and_nothing_else_does():
    chosen = {"tv_weight": 1e-3, "start_weight": 2e-3, "mbir_sharpness": 0.5, "start_iterations": 9, "prior": "generic"}
    assert carried(chosen, 1) == chosen
    assert carried(chosen, 4) == {**chosen, "tv_weight": 1e-3 * 4**FINER, "start_weight": 2e-3 * 4**FINER}


def test_a_tuning_on_a_coarse_grid_is_carried_and_what_was_given_stays(make_problem):
    seen = []

    @settled_coarsely
    def tune(problem, options):
        seen.append(problem.operator.grid)
        yield Estimate(torch.ones(1, seen[-1], seen[-1]), 0, 1)
        chosen = {"smoothness": 1e-3} if options.smoothness == "auto" else {}
        return Settled(options.taking({"scale": 2.0, "start_iterations": 7, **chosen}), chosen)

    def settled(problem, **given):
        tuning = tune(problem, get_method("naf").options(**given))
        shown = next(tuning)
        assert shown.volume.shape[-1] == problem.operator.grid
        with pytest.raises(StopIteration) as end:
            next(tuning)
        return end.value.value

    large = make_problem(views=3, grid=320)
    found = settled(large)
    assert seen == [160] and found.options.start_iterations == 7
    assert found.options.smoothness == found.chosen["smoothness"] == pytest.approx(1e-3 * 2**FINER)
    assert settled(large, smoothness=0.5).options.smoothness == 0.5
    assert settled(make_problem(views=3, grid=64)).options.smoothness == 1e-3


def test_a_large_problem_is_looked_at_on_a_coarse_grid_and_a_small_one_is_not(make_problem):
    cgls = get_method("cgls")
    options = cgls.options(iterations=3)
    large = make_problem(views=9, grid=320)
    shown = list(first_look(cgls.solve, large, options, stages=2))
    assert len(shown) == 3 and {e.stage for e in shown} == {"iterating at 1/2 of the resolution"}
    assert all((e.step, e.fraction, e.place) == (0, 0.0, (1, 2)) and e.state is None for e in shown)
    *_, whole = cgls.solve(large, options)
    assert shown[-1].volume.shape == whole.volume.shape
    assert (shown[-1].volume - whole.volume).square().mean() < 0.1 * whole.volume.square().mean()
    assert list(first_look(cgls.solve, make_problem(views=9), options)) == []
