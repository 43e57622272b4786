"""What a stopped run goes on from: a state that a moment more brings, or the slabs that are finished."""

import numpy as np
import pytest

from fewview.runs import slabs
from fewview.runs.recipe import Recipe
from fewview.runs.session import RecipeSession

NAF = {"steps": 3, "inner": 2, "smoothness": 1e-3, "stop": False, "start": "cgls", "start_iterations": 5}
UNROLLED = {"symmetries": False, "samples": 1, "scale": 1.0, "weights": "unrolled-general"}


@pytest.fixture
def session(tmp_path, lines):
    """A run of four slices, in such slabs."""
    np.save(tmp_path / "scan.npy", lines.values)

    def make(method, options, pieces, *, resume=False, stop=lambda: False):
        reader = {"angles": "0:180", "kind": "attenuation", "layout": "projections"}
        values = {"scan": str(tmp_path / "scan.npy"), "rows": (0, 4), "axis": 17.0, "reader": reader}
        recipe = Recipe.parse(values | {"method": method, "options": options})
        made = RecipeSession(recipe, tmp_path / "out.npy", resume=resume, stop=stop)
        made.reconstruction.slabs = pieces
        return made

    return make


def goes_on(session, method, options, pieces, where, looks=0) -> tuple[int, int]:
    """Stop at the first estimate that fits, ``looks`` later; tells the estimates before it, and those left out."""
    asked: list[int] = []

    def stop() -> bool:
        if asked:
            asked[0] += 1
        return bool(asked) and asked[0] > looks

    run, shown = session(method, options, pieces, stop=stop), 0
    for estimate in run:
        shown += not asked
        if not asked and where(estimate):
            asked.append(0)
    assert asked and run.stopped
    run.finish()
    assert run.checkpoint.path.exists()
    again = session(method, options, pieces, resume=True)
    assert again.resumed
    whole = [estimate.volume.copy() for estimate in session(method, options, pieces)]
    resumed = [estimate.volume.copy() for estimate in again]
    assert np.array_equal(resumed[-1], whole[-1])
    return shown, len(whole) - len(resumed)


def test_a_field_stopped_between_two_fits_goes_on_to_the_next_state(session, monkeypatch):
    monkeypatch.setattr(slabs, "GRACE", 1e6)
    seen = []

    def between(estimate) -> bool:
        seen.append(estimate)
        return estimate.stage == "fitting the field" and estimate.step == 1 and estimate.state is None

    shown, left_out = goes_on(session, "naf", NAF, [(0, 4)], between)
    assert left_out > shown


def in_the_second_slab(estimate) -> bool:
    return "rows 2 to 3" in estimate.stage


def test_a_step_cut_short_in_a_slab_keeps_the_slabs_before(session, monkeypatch):
    monkeypatch.setattr(slabs, "GRACE", 0.0)
    options = {"iterations": 4, "weight": 1e-3}
    shown, left_out = goes_on(session, "tv", options, [(0, 2), (2, 4)], in_the_second_slab, looks=1)
    assert 0 < left_out < shown


def test_a_method_without_states_keeps_the_slabs_that_are_finished(session):
    shown, left_out = goes_on(session, "unrolled", UNROLLED, [(0, 2), (2, 4)], in_the_second_slab)
    assert 0 < left_out < shown
