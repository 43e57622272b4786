"""The unrolled network as a slice fixer: it goes on from the field, knows what was measured, is loaded by its kind."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.errors import OptionError
from fewview.methods.interface import Problem
from fewview.methods.inverse.normalised import scaled
from fewview.methods.registry import get_method
from fewview.methods.repair.condition import condition_of
from fewview.methods.repair.fixer_cost import repair_bytes, repair_volumes
from fewview.methods.repair.methods import DIFFNR_NAF
from fewview.methods.repair.unrolled_fixer import UnrolledFixer, load_any_fixer
from fewview.methods.size import Size
from fewview.models.fixer import CompactFixer
from fewview.models.unrolled import Unrolled, UnrolledConfig
from fewview.models.weights import load_unrolled
from fewview.operators import parallel_beam

N, SLICES = 32, 3
SMALL = UnrolledConfig(stages=2, early=(8, 8), last=(8, 8), early_blocks=(1, 1), last_blocks=(1, 1))


@pytest.fixture(scope="module")
def truth():
    across = torch.arange(N) - (N - 1) / 2
    disc = (across[:, None] ** 2 + across**2 < 13**2).float()
    hole = ((across[:, None] - 4) ** 2 + across**2 < 9).float()
    return (disc - 0.6 * hole).expand(SLICES, -1, -1).contiguous()


@pytest.fixture(scope="module")
def problem(truth):
    A = parallel_beam(np.arange(8) * math.pi / 8, columns=N)
    y = A(truth)
    return Problem(A, y + 0.02 * y.amax() * torch.randn(y.shape, generator=torch.Generator().manual_seed(0)))


@pytest.fixture
def told(problem, truth):
    return replace(condition_of(problem, truth, 1.0), measurement=scaled(problem, 1.0))


def test_untrained_it_is_a_data_step_from_the_field(told, truth):
    torch.manual_seed(0)
    fixer = UnrolledFixer(Unrolled(SMALL).eval().requires_grad_(False))
    wrong = 0.8 * truth
    data = told.measurement
    fixed = fixer(wrong[:, None], told)[:, 0]
    assert fixed.shape == truth.shape
    assert float(data.mean_square(fixed)) < 0.2 * float(data.mean_square(wrong))


def test_it_begins_at_the_slices_it_is_given(told, truth):
    fixer = UnrolledFixer(load_unrolled("unrolled-materials"))
    one, other = (fixer((factor * truth)[:, None], told) for factor in (0.7, 1.0))
    assert float((one - other).abs().max()) > 1e-3


def test_what_is_repaired_so_far_is_shown_stage_by_stage(told, truth):
    net = load_unrolled("unrolled-materials")
    begun, *shown = list(UnrolledFixer(net).answers(0.8 * truth[:, None], told))
    torch.testing.assert_close(begun, 0.8 * truth[:, None])
    assert len(shown) == net.config.stages + 8
    torch.testing.assert_close(shown[-1], UnrolledFixer(net)(0.8 * truth[:, None], told))


def test_turning_the_slices_changes_nothing_but_the_place(problem, truth):
    """The mean over the symmetries of a square, with views that a mirror maps onto themselves."""
    fixer = UnrolledFixer(load_unrolled("unrolled-materials"))
    A = parallel_beam((np.arange(8) + 0.5) * math.pi / 8, columns=N)

    def fixed(volume):
        here = Problem(A, A(volume))
        return fixer(0.7 * volume[:, None], replace(condition_of(here, volume, 1.0), measurement=scaled(here, 1.0)))

    torch.testing.assert_close(fixed(truth.flip(-1)), fixed(truth).flip(-1), atol=5e-3, rtol=0)


def test_it_is_chosen_by_what_the_weights_hold():
    assert isinstance(load_any_fixer("unrolled-materials"), UnrolledFixer)
    assert isinstance(load_any_fixer("fixer"), CompactFixer)
    assert DIFFNR_NAF.options().fixer == "unrolled-general"
    assert get_method("diffnr-paper").options().fixer == "fixer"  # the published network sees two projections


def test_the_conditions_of_some_slices_hold_their_measurement(told):
    some = told.part(torch.tensor([2, 0]))
    torch.testing.assert_close(some.measurement.y, told.measurement.y[[2, 0]])


def test_slices_on_another_grid_are_refused(problem):
    options = DIFFNR_NAF.options.parse({"enlarge": 2, "steps": 1, "smoothness": 0.0, "start": "fbp", "stop": False})
    with pytest.raises(OptionError, match="enlarged by 2"):
        list(DIFFNR_NAF.run(problem, options))


def test_memory_of_each_kind_is_foreseen():
    unrolled, compact = (DIFFNR_NAF.options(fixer=name) for name in ("unrolled-materials", "fixer"))
    assert repair_volumes(unrolled) > repair_volumes(compact)
    small, large = (Size(8, 24, side, side, "cpu", False) for side in (128, 256))
    assert repair_bytes(compact, large) == 4 * repair_bytes(compact, small)
    assert repair_bytes(compact.taking({"enlarge": 2}), small) == repair_bytes(compact, large)
