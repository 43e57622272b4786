"""What the worker does with a recipe: FBP first, then the method; the copied script gives the same volume."""

import numpy as np
import pytest

from fewview.errors import Stopped
from fewview.io import read_volume
from fewview.runs.recipe import Recipe
from fewview.runs.worker.engine import FIRST_LOOK_STAGE, find_axis, run, try_axis
from fewview.samples import FOLDER

SHELL = str(FOLDER / "shell.h5")


class Hand:
    """Signals of a user who stops after a number of questions, or never."""

    def __init__(self, patience=None):
        self.patience, self.asked, self.stages = patience, 0, []

    def stopped(self):
        self.asked += 1
        return self.patience is not None and self.asked > self.patience

    def stage(self, text):
        self.stages.append(text)


def carry_out(engine, hand=None, **values):
    generator = engine({"recipe": {"scan": SHELL, "axis": 135.5, **values}}, hand or Hand())
    estimates = []
    while True:
        try:
            estimates.append(next(generator))
        except StopIteration as end:
            return estimates, end.value


def test_a_run_shows_fbp_first_and_ends_with_its_record():
    hand = Hand()
    estimates, record = carry_out(run, hand, method="sirt", options={"iterations": 4}, views=20, holdout=0.1)
    assert [estimate.step for estimate in estimates] == [0, 1, 2, 3, 4]
    assert estimates[0].stage == FIRST_LOOK_STAGE and hand.stages[0] == "reading the scan"
    assert estimates[0].volume.shape == estimates[-1].volume.shape == (1, 272, 272)
    assert record["views"] == 20 and record["axis"] == 135.5 and record["heldout_error"] > 0
    assert record["command"].startswith("fewview reconstruct")


class Watching(Hand):
    """Stops once an estimate of some kind has come."""

    def __init__(self, wanted):
        super().__init__()
        self.wanted, self.seen = wanted, False

    def stopped(self):
        return self.seen


def stop_at(wanted, **values):
    """The estimate at which a run was stopped, and what the record says of it."""
    hand, last = Watching(wanted), None
    generator = run({"recipe": {"scan": SHELL, "axis": 135.5, **values}}, hand)
    while True:
        try:
            estimate = next(generator)
        except StopIteration as end:
            return last, end.value
        assert not hand.seen  # it ends, and shows nothing more
        last, hand.seen = estimate, wanted(estimate)


@pytest.mark.parametrize(
    ("method", "wanted", "kept", "holds"),
    [
        ("tv", lambda e: e.stage == FIRST_LOOK_STAGE, "start", "starting image: FBP"),
        ("cgls", lambda e: e.step == 3, "intermediate", "CGLS while its number of steps was being chosen: "),
        ("tv", lambda e: e.step == 1, "intermediate", "Total variation while its weight was being chosen: weight 0."),
        ("sirt", lambda e: e.step == 5, "intermediate", "SIRT, stopped at step 5 of "),
    ],
)
def test_what_a_stopped_run_kept_is_in_its_record(method, wanted, kept, holds):
    last, record = stop_at(wanted, method=method, views=12)
    assert (record["kept"], record["stage"]) == (kept, last.stage) and record["holds"].startswith(holds)
    assert record["stopped"] and not record["made_of"] and record["method"] == method
    if last.shows:  # the figures of a trial would pass for the volume's
        assert record["data_residual"] is None


def test_a_stop_is_heard_while_the_axis_is_looked_for():
    hand = Hand(patience=20)
    with pytest.raises(Stopped):
        carry_out(run, hand, method="sirt", axis="auto", views=14)
    assert hand.stages[-1] == "preparing the projections" and hand.asked == 21


def test_a_finished_run_says_what_its_result_is_made_of():
    _, record = carry_out(run, method="cgls", views=12)
    assert record["kept"] == "result" and not record["holds"]
    steps = record["chosen"]["iterations"]
    assert record["made_of"] == f"CGLS, {steps} steps; chosen by held-out measurements: iterations {steps}."


def test_the_first_look_is_what_fbp_gives():
    first = carry_out(run, method="sirt", options={"iterations": 1})[0][0]
    fbp = carry_out(run, method="fbp")[0][-1]
    np.testing.assert_allclose(np.asarray(first.volume), fbp.volume, atol=2e-4 * float(np.abs(fbp.volume).max()))


def test_what_the_last_run_prepared_is_used_again_unless_something_changed(monkeypatch, tmp_path):
    import os
    import shutil

    from fewview.runs.worker import engine

    made = []
    real = engine.prepared
    monkeypatch.setattr(engine, "prepared", lambda *args, **more: made.append(1) or real(*args, **more))
    scan = str(shutil.copy(SHELL, tmp_path / "scan.h5"))
    first = carry_out(run, scan=scan, method="sirt", options={"iterations": 1})[0][-1].volume
    again = carry_out(run, scan=scan, method="sirt", options={"iterations": 1})[0][-1].volume
    assert len(made) == 1 and np.array_equal(first, again)
    carry_out(run, scan=scan, method="fbp", views=10)
    assert len(made) == 2
    os.utime(scan, ns=(1, 1))  # written anew
    carry_out(run, scan=scan, method="fbp", views=10)
    assert len(made) == 3
    monkeypatch.setattr(engine, "KEPT_BYTES", 10)
    carry_out(run, scan=scan, method="fbp", views=11)
    assert not engine._lines


def test_warming_up_runs_the_whole_chain():
    from fewview.runs.worker.engine import warm_up

    warm_up()


def test_the_copied_script_gives_the_same_volume(tmp_path):
    values = {"method": "sirt", "options": {"iterations": 3}, "views": 16, "seed": 3}
    recipe = Recipe(scan=SHELL, axis=135.5, **values)
    shown = carry_out(run, **values)[0][-1].volume
    output = tmp_path / "again.npy"
    exec(compile(recipe.as_python(str(output)), "pasted", "exec"), {})
    assert np.array_equal(read_volume(output).values, shown)


def test_the_axis_is_found_and_tried():
    estimates, record = carry_out(find_axis)
    assert not estimates and record["axis"] == pytest.approx(135.5, abs=1.0) and record["how"] == "found"
    columns, scores = record["curve"]
    assert max(scores) == 0 and abs(columns[int(np.argmax(scores))] - record["axis"]) < 4
    right = np.asarray(carry_out(try_axis, axis=135.5)[0][-1].volume)
    wrong = np.asarray(carry_out(try_axis, axis=130.0)[0][-1].volume)
    assert right.shape == wrong.shape and np.abs(right).max() > np.abs(wrong).max()  # a wrong axis smears the edges
