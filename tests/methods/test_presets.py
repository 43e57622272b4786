"""One word for how much work a method may do."""

from typing import Literal

import pytest

from fewview.errors import OptionError
from fewview.methods.interface import Method
from fewview.methods.presets import PRESETS, preset_options
from fewview.methods.registry import get_method, method_names
from fewview.options import Options, option


class Knobs(Options):
    iterations: int = option(100, "Iterations", "More are sharper.", ge=1, le=250)
    steps: int | Literal["auto"] = option("auto", "Steps", "Inner ones.", ge=1)
    weight: float = option(0.1, "Weight", "Larger is smoother.", ge=0)


def method(**more):
    return Method("tv", "TV", "classical", "", "", Knobs, lambda p, o: iter(()), **more)


def test_the_steps_are_scaled_within_their_bounds():
    assert preset_options(method(), "draft") == {"iterations": 30}
    assert preset_options(method(), "best") == {"iterations": 250}
    assert preset_options(method(), "standard") == {}


def test_what_a_method_declares_goes_before_the_rule():
    own = method(presets={"draft": {"weight": 1.0}})
    assert preset_options(own, "draft") == {"weight": 1.0}
    assert preset_options(own, "best") == {"iterations": 250}


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(OptionError, match="draft, standard, best"):
        preset_options(method(), "quick")


def test_the_samplers_trade_samples_and_steps():
    for name in ("d3ip", "d3ip-generic"):
        draft = preset_options(get_method(name), "draft")
        assert draft == {"samples": 2, "steps": 4, "trust": 0.7}
        assert preset_options(get_method(name), "best") == {"samples": 16, "steps": 24}


def test_every_preset_of_every_method_is_valid():
    for name in method_names():
        found = get_method(name)
        for preset in PRESETS:
            found.options.parse(preset_options(found, preset))
