"""Methods of other packages: what is broken is listed with its reason, and takes nothing else along."""

from importlib.metadata import EntryPoint

import pytest

from fewview.cli.methods import described
from fewview.errors import MethodUnavailable
from fewview.methods import foreign, get_method, method_names, require_method
from fewview.viewer.reconstruct.modes import all_methods

TV = "fewview.methods.classical.tv"
BROKEN = {
    "missing": ("no_such_package:METHOD", "loading it ends with ModuleNotFoundError"),
    "faulty": ("faulty_plugin:METHOD", "TypeError: a message of two lines. Mend"),
    "solver": (f"{TV}:solve", "that is a function, where a fewview.methods.Method is expected"),
    "other": (f"{TV}:METHOD", "that method calls itself 'tv'"),
}


@pytest.fixture
def plugins(monkeypatch, tmp_path):
    (tmp_path / "faulty_plugin.py").write_text("raise TypeError('a message\\n  of two lines')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    points = {name: EntryPoint(name, where, foreign.GROUP) for name, (where, _) in BROKEN.items()}
    monkeypatch.setattr(foreign, "entry_points", lambda group: list(points.values()))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_method_says_why_when_it_is_asked_for(plugins, name):
    where, why = BROKEN[name]
    with pytest.raises(MethodUnavailable, match="Mend or uninstall that package") as raised:
        require_method(name)
    assert why in str(raised.value) and where in str(raised.value)


def test_lists_show_broken_methods_beside_the_others(plugins):
    assert set(BROKEN) <= set(method_names())
    rows = {row["name"]: row for row in described()}
    assert rows["tv"]["available"]
    assert all(BROKEN[name][1] in rows[name]["why_not"] for name in BROKEN)
    assert {method.name for method in all_methods()} == set(method_names())


def test_a_method_that_loads_is_that_method(monkeypatch):
    point = EntryPoint("tv", f"{TV}:METHOD", foreign.GROUP)
    assert foreign.loaded(point) is get_method("tv")
