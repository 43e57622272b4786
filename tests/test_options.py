"""Options: "auto" beside a bounded number, and messages that name what is wrong."""

import pytest

from fewview.errors import OptionError
from fewview.options import Auto, Options, option


class Some(Options):
    weight: float | Auto = option("auto", "Weight", "Larger is smoother.", gt=0, le=10)
    steps: int = option(5, "Steps", "More is sharper.", ge=1)


@pytest.mark.parametrize("make", [lambda v: Some(weight=v), lambda v: Some.parse({"weight": v})])
def test_auto_by_name_is_not_held_against_the_bounds(make):
    assert make("auto").weight == "auto"
    assert make(3).weight == 3.0


@pytest.mark.parametrize("value", ["0", "-1", "11", "outo", ""])
def test_other_values_are(value):
    with pytest.raises(OptionError, match="Option weight"):
        Some.parse({"weight": value})


def test_auto_only_where_it_is_allowed():
    with pytest.raises(OptionError, match="Option steps='auto'"):
        Some.parse({"steps": "auto"})


def test_what_a_record_keeps_can_be_parsed_again():
    assert Some.parse(Some().model_dump()) == Some()
