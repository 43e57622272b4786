"""The pages about the settings search and the tuned constants say what the code and the results say."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))  # pages share modules


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_constants_is_what_the_code_says():
    made = loaded("constants_page")
    assert made.PAGE.read_text(encoding="utf-8") == made.page(), "run: python docs/constants_page.py"


@pytest.mark.parametrize("room", ["methods", "prepare", "registration", "quality"])
def test_every_number_is_on_the_page_or_changes_no_result(room):
    made, text = loaded("constants_page"), (DOCS / "constants.md").read_text(encoding="utf-8")
    found = list(loaded("constants_in_code").constants(room))
    assert len(found) > 10
    for one in found:
        row = f"| {' | '.join(made.cells(one))} | "
        assert (row in text) != made.without_effect(one), f"{one.name} of {one.place}: docs/constants_page.py"


def test_what_is_said_of_numbers_is_said_of_numbers_that_there_are():
    made = loaded("constants_page")
    there = {(one.place, one.name) for room in made.ROOMS for one in made.constants(room)}
    lists = [made.CHOSEN, *made.NO_RESULT.values()]
    said = [(place, name) for places in lists for place, names in places.items() for name in names]
    assert set(said) <= there
    assert len(set(said)) == len(said), "in two lists"


def test_the_page_of_the_settings_search_is_what_was_measured():
    made = loaded("settings_table")
    rows = json.loads(made.RESULTS.read_text(encoding="utf-8"))
    assert (DOCS / "settings-search.md").read_text(encoding="utf-8") == made.page(rows), "run: docs/settings_table.py"


def test_the_page_of_large_slices_is_what_was_measured():
    made = loaded("large_slices")
    rows = json.loads(made.RESULTS.read_text(encoding="utf-8"))
    assert made.PAGE.read_text(encoding="utf-8") == made.page(rows), "run: python docs/large_slices.py"


@pytest.mark.parametrize("name", ["share", "guide_rejection", "tv_steps"])
def test_what_chose_a_constant_is_committed(name):
    assert len(loaded("constants_page").rows_of(name)) >= 3
