"""What can be the angles of a scan, whatever source they come from."""

import re

import numpy as np
import pytest

from fewview.io.checks.angles import judge, settle_unit

EVEN = 0.5 + 2.95 * np.arange(60)


@pytest.mark.parametrize(
    "angles",
    [EVEN, EVEN[::-1], EVEN - 90, 2 * EVEN, np.linspace(0, 360, 626), 111.246 * np.arange(60) % 180, [0.0, 90.0]],
)
def test_usual_angles_pass(angles):
    verdict = judge(np.asarray(angles))
    assert not verdict.question and not verdict.doubt and not verdict.notes


@pytest.mark.parametrize(
    ("angles", "said"),
    [
        (1 + 1e-4 * np.arange(30), "cover no more than 0.003 degrees"),
        (3000.0 * np.arange(60), "turns"),
        (np.r_[EVEN[:50], np.zeros(10)], "the last 10 views .50 to 59. all have the angle 0.*--exclude 50:60"),
        (np.r_[np.zeros(8), EVEN[8:]], "the first 8 views"),
        (
            np.r_[EVEN[:20], 999.0, EVEN[21:]],
            "the angle 999 of view 20 does not lie between its neighbours.*--exclude 20",
        ),
    ],
)
def test_what_is_next_to_certainly_wrong_is_a_question(angles, said):
    assert re.search(said, judge(np.asarray(angles)).question)


def test_what_may_be_right_is_a_doubt_or_a_note():
    assert "2.46 turns" in judge(15.0 * np.arange(60)).doubt
    assert "Each angle is there 2 times" in judge(np.repeat(EVEN, 2)).notes[0]
    assert "jumps by 20.65 degrees: 6 missing?" in judge(np.delete(EVEN, range(12, 18))).notes[0]
    assert "The last 2 views go back to 90, 0 degrees" in judge(np.r_[EVEN, 177.5, 90, 0]).notes[0]
    assert "cover 60 of 180 degrees" in judge(np.arange(60.0)).notes[0]
    assert "spread the views evenly" in judge(111.246 * np.arange(60)).notes[0]


def test_units_follow_from_half_a_turn_or_a_full_one():
    assert settle_unit(1000.0 * EVEN, None)[0] == "millidegrees"
    assert settle_unit(np.radians(EVEN) * 1000, None)[0] == "milliradians"
    for said, values, right in (("degrees", np.radians(EVEN), "radians"), ("radians", EVEN, "degrees")):
        unit, why = settle_unit(values, said)
        assert unit == right and f"said to be {said}" in why
    assert settle_unit(EVEN, "degrees") == ("degrees", "")
    assert settle_unit(np.radians(EVEN[:20]), "radians") == ("radians", "")
