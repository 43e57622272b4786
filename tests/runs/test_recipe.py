"""Recipes: the same run as a file, a command and a script."""

import ast
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fewview.cli import reconstruct as command
from fewview.cli.main import run
from fewview.cli.recipe_flags import RECIPES
from fewview.errors import OptionError
from fewview.runs import ReaderChoices, Recipe
from fewview.runs.recipe import flag_value, parse_flag_value

words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
paths = words.filter(lambda text: not text.startswith("-") and not text.lower().endswith(RECIPES))
numbers = st.floats(1e-6, 1e6)


def maybe(strategy):
    return st.none() | strategy


readers = st.builds(
    ReaderChoices,
    angles=maybe(st.just("-88.2:91.8:endpoint") | paths),
    layout=maybe(st.sampled_from(["projections", "sinogram"])),
    kind=maybe(st.sampled_from(["counts", "transmission", "attenuation"])),
    pixel=maybe(numbers),
    flats=maybe(paths),
    darks=maybe(paths),
    dataset=maybe(paths),
    exclude=maybe(st.just("3,7,10:20")),
    reverse_angles=st.booleans(),
    mirror=st.booleans(),
    horizontal_axis=st.booleans(),
)
recipes = st.builds(
    Recipe,
    scan=paths,
    reader=readers,
    prepare=st.dictionaries(st.sampled_from(["zingers", "flat"]), paths | numbers | st.booleans(), max_size=2),
    axis=st.just("auto") | numbers,
    views=maybe(st.integers(1, 999)),
    rows=maybe(st.tuples(st.integers(0, 9), st.integers(10, 99))),
    bin=st.integers(1, 8),
    method=st.sampled_from(["tv", "fbp"]),
    options=st.dictionaries(
        st.sampled_from(["weight", "filter"]), numbers | st.integers() | st.lists(st.integers(), max_size=2), max_size=2
    ),
    auxiliary=maybe(paths),
    reference=maybe(paths),
    holdout=st.just(0.0) | st.floats(1e-6, 0.5),
    device=st.sampled_from(["auto", "cpu", "cuda"]),
    seed=st.integers(0, 2**31),
)


@settings(max_examples=50)
@given(recipes)
def test_plain_values_come_back(recipe):
    assert Recipe.parse(recipe.compact()) == recipe
    assert Recipe.parse(recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize("name", ["run.yaml", "run.json"])
def test_files_come_back(tmp_path, name):
    recipe = Recipe(
        scan="a b.h5", rows=(3, 5), options={"weight": 0.1}, reader=ReaderChoices(pixel=0.02), prepare={"zingers": 0.3}
    )
    recipe.save(tmp_path / name)
    assert Recipe.load(tmp_path / name) == recipe


@settings(max_examples=50)
@given(recipes)
def test_the_command_is_the_recipe(recipe):
    caught = []

    class Enough(BaseException):  # the command line turns exceptions into messages
        pass

    def catch(recipe, *arguments, **named):
        caught.append(recipe)
        raise Enough

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "carry_out", catch)
        with pytest.raises(Enough):
            run(shlex.split(recipe.as_command("out.npy"))[1:])
    assert as_text(caught[0]) == as_text(recipe)


def as_text(recipe):
    """Options are text on a command line, and numbers again for the options model."""
    values = recipe.model_dump(mode="json")
    for key in ("options", "prepare"):
        values[key] = {name: flag_value(value) for name, value in values[key].items()}
    return values


@settings(max_examples=50)
@given(recipes)
def test_the_script_is_python(recipe):
    tree = ast.parse(recipe.as_python())
    calls = {node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and hasattr(node.func, "attr")}
    assert calls >= {"read_scan", "line_integrals", "reconstruct", "write_volume"}
    assert ("sparse" in calls) == (recipe.views is not None)
    assert ("bin" in calls) == (recipe.bin > 1)


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, None, [0.5, None]])
def test_structured_values_of_flags(value):
    assert parse_flag_value(flag_value(value)) == value


def test_unknown_entries_are_refused():
    with pytest.raises(OptionError, match="no option 'colour'"):
        Recipe.parse({"scan": "a.h5", "colour": "red"})
    with pytest.raises(OptionError, match="holdout"):
        Recipe.parse({"scan": "a.h5", "holdout": 0.9})
