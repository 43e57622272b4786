"""`fewview tune`: what is settled is told, kept as a recipe, and used by `fewview reconstruct`."""

import numpy as np
import pytest
import yaml

from fewview.cli.tune import report

AXIS = 17.0


def test_a_settled_recipe_gives_the_volume_of_the_run_that_chose(fewview, reconstruct, scan_file, tmp_path):
    whole, record = reconstruct("--method", "cgls")
    done = fewview("tune", scan_file, "-o", "settled.yaml", "--axis", AXIS, "--method", "cgls")
    assert done.status == 0, done.err
    steps = record["chosen"]["iterations"]
    assert f"iterations = {steps}" in done.out and "held-out error" in done.out
    recipe = yaml.safe_load((tmp_path / "settled.yaml").read_text())
    assert recipe["options"] == {"iterations": steps} and recipe["axis"] == AXIS
    again = fewview("reconstruct", "settled.yaml", "-o", "again.npy", "--report", "again.json")
    assert again.status == 0, again.err
    assert "choosing" not in again.err
    np.testing.assert_array_equal(np.load("again.npy"), whole)


def test_flags_go_on_top_of_what_was_settled(fewview, scan_file, tmp_path):
    (tmp_path / "recipe.yaml").write_text(
        yaml.safe_dump({"scan": str(scan_file), "axis": AXIS, "method": "cgls", "options": {"iterations": 4}})
    )
    done = fewview("tune", "recipe.yaml", "-o", "more.json", "--set", "positivity=true", "--views", 8)
    assert done.status == 0, done.err
    recipe = yaml.safe_load((tmp_path / "more.json").read_text())
    assert recipe["options"] == {"iterations": 4, "positivity": True} and recipe["views"] == 8


@pytest.mark.parametrize(("name", "says"), [("settled.txt", "not the name of a recipe"), ("", "not the name")])
def test_a_recipe_has_the_name_of_one(fewview, scan_file, name, says):
    assert says in fewview("tune", scan_file, "-o", name or "settled", "--axis", AXIS).error


def test_a_recipe_that_cannot_be_written_is_told_before_the_work(fewview, scan_file, tmp_path):
    done = fewview("tune", scan_file, "-o", "nowhere/settled.yaml", "--axis", AXIS)
    assert "nowhere does not exist" in done.error and "choosing" not in done.err


def test_held_out_errors_are_told_with_the_digits_that_count():
    assert report({"weight": 0.0014, "weight_curve": [[0.0031622776601683794, 0.00278012], [1, 0.5]]}) == [
        "weight = 0.0014",
        "    0.00316: held-out error 0.00278",
        "    1: held-out error 0.5",
    ]


def test_errors_of_steps_are_told_with_their_number():
    assert report({"iterations": 2, "iterations_curve": [0.5, 0.25]})[1:] == [
        "    1: held-out error 0.5",
        "    2: held-out error 0.25",
    ]
