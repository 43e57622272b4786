"""The list of methods of a mode: those for a result, then a line, then those to compare with."""

import pytest

from fewview.viewer.common.settings import Settings
from fewview.viewer.reconstruct.method_picker import MethodPicker
from fewview.viewer.reconstruct.modes import all_methods


@pytest.fixture
def picker(qtbot):
    made = MethodPicker(Settings())
    qtbot.addWidget(made)
    made._on_methods(all_methods())
    return made


def test_published_methods_and_samplers_come_after_a_line(picker):
    picker.choose("d3ip")
    listed = [picker.method.itemData(place) for place in range(picker.method.count())]
    line = listed.index(None)
    names = [[method.name for method in part] for part in (listed[:line], listed[line + 1 :])]
    assert "d3ip" in names[0] and "cls-dm" in names[0]
    assert {"dds", "daps", "dps", "cls-dm-paper"} <= set(names[1])


@pytest.mark.parametrize("name", ["daps", "d3ip", "dinr-paper", "tv"])
def test_a_method_is_found_by_its_name_on_either_side_of_the_line(picker, name):
    picker.choose(name)
    assert picker.chosen.name == name and picker.summary.text() == picker.chosen.summary
