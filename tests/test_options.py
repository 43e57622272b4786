"""Options: "auto" beside a bounded number, choices among models, and messages that name what is wrong."""

import importlib
import json
import pkgutil
from typing import Annotated, ClassVar, Literal, get_args

import pytest
from pydantic import Discriminator, Tag, ValidationError

import fewview
from fewview.errors import OptionError
from fewview.options import Auto, Options, choice_of, kind_of, option


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


class Few(Options):
    finer: Literal[1, 2, 4] = option(1, "Finer", "More show the field between the voxels.")


def test_a_number_that_is_one_of_a_few_may_come_as_text():
    assert Few.parse({"finer": "2"}).finer == 2 == Few.parse({"finer": 2}).finer
    with pytest.raises(OptionError, match="Option finer='3' does not exist"):
        Few.parse({"finer": "3"})


def test_what_a_record_keeps_can_be_parsed_again():
    assert Some.parse(Some().model_dump()) == Some()


class Plain(Options):
    kind: Literal["plain"] = "plain"
    count: int = option(3, "Count", "More is longer.", ge=1)


class Weighed(Options):
    kind: Literal["weighed"] = "weighed"
    count: int = option(5, "Count", "More is longer.", ge=1)
    trust: float | Auto = option("auto", "Trust", "Larger believes more.", gt=0)


Step = Annotated[Annotated[Plain, Tag("plain")] | Annotated[Weighed, Tag("weighed")], Discriminator(kind_of)]


class Nested(Options):
    short_names: ClassVar = {"step_kind": "step.kind", "trust": "step.trust"}
    step: Step = choice_of(Weighed(count=9), "Step", "plain or weighed.")
    steps: int = option(5, "Steps", "More is sharper.", ge=1)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, Weighed(count=9)),
        ({"step.trust": "0.7"}, Weighed(count=9, trust=0.7)),
        ({"step": {"trust": 2}}, Weighed(count=9, trust=2.0)),
        ({"step": "plain"}, Plain(count=9)),  # what both have goes over
        ({"step.kind": "plain", "step.count": 4}, Plain(count=4)),
        ({"trust": 0.5}, Weighed(count=9, trust=0.5)),
        ({"step_kind": "plain", "trust": 0.5}, Plain(count=9)),  # as when it did nothing there
        ({"step": {"kind": "plain", "count": 1}}, Plain(count=1)),
    ],
)
def test_a_choice_is_given_as_a_whole_by_path_or_by_short_name(given, expected):
    assert Nested.parse(given).step == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"step.kind": "round"}, "step.kind='round' does not exist. Choose one of plain, weighed"),
        ({"step.trust": -1}, "Option step.trust=-1"),
        ({"step.kind": "plain", "step.trust": 1}, "no option 'step.trust'. step=plain has: count"),
        ({"step.turst": 1}, "no option 'step.turst'. Did you mean 'trust'\\? step=weighed has: count, trust"),
        ({"trusty": 1}, "no option 'trusty'. The options are: step, steps"),
    ],
)
def test_what_is_wrong_within_a_choice_is_named_by_its_path(given, message):
    with pytest.raises(OptionError, match=message):
        Nested.parse(given)


def test_values_go_out_and_come_back_by_path():
    options = Nested.parse({"step": "plain", "steps": 7})
    assert options.changes() == {"step.kind": "plain", "steps": 7} and Nested.parse(options.changes()) == options
    assert Nested.parse(json.loads(options.model_dump_json())) == options
    assert Nested().undecided() == ["step.trust"] and options.undecided() == []
    assert options.value("trust") is None and options.value("step") == "plain" and Nested().value("trust") == "auto"
    assert Nested().taking({"trust": 0.5, "unknown": 1}).step == Weighed(count=9, trust=0.5)
    assert Nested(trust=0.5).taking({"step": "plain"}).step == Plain(count=9)


def test_the_values_of_a_choice_say_with_which_kind_they_matter():
    leaves = {leaf.path: leaf for leaf in Nested.leaves()}
    assert list(leaves) == ["step.kind", "step.count", "step.trust", "steps"]
    assert leaves["step.kind"].kinds == ("plain", "weighed") and leaves["step.count"].default == 9
    assert leaves["step.trust"].when == ("step.kind", ("weighed",))


def all_options(base=Options):
    """Every options model of the package."""
    for info in pkgutil.walk_packages(fewview.__path__, "fewview."):
        if info.name.split(".")[1] not in ("viewer", "benchmark", "cli"):
            importlib.import_module(info.name)
    found = list(base.__subclasses__())
    for model in found:
        found += model.__subclasses__()
    return [model for model in found if model.__module__.startswith("fewview.")]


def test_no_number_of_an_absurd_size_passes_anywhere():
    """1e308 of anything would overflow on the way, and end as a volume without numbers."""
    numbers = [
        (model, name, kind)
        for model in all_options()
        for name, field in model.model_fields.items()
        for kind in (float, int)
        if kind in (field.annotation, *get_args(field.annotation))
    ]
    assert len(numbers) > 100
    for model, name, kind in numbers:
        for value in (1e300, 1e-300, -1e300) if kind is float else (10**30,):
            with pytest.raises(ValidationError) as caught:
                model.model_validate({name: value})
            assert name in {error["loc"][0] for error in caught.value.errors()}, (model, name, value)
    with pytest.raises(OptionError, match=r"Option weight=1e-300: it must be 0 or of a size from 1e-12 to 1e\+12"):
        Some.parse({"weight": 1e-300})
