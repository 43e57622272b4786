from dataclasses import replace

import pytest

from fewview.errors import MethodUnavailable, OptionError
from fewview.methods import Method, get_method, method_names, registry, require_method
from fewview.methods.external import tomopy


def test_every_method_describes_itself():
    for name in method_names():
        method = get_method(name)
        assert isinstance(method, Method)
        assert method.name == name
        assert method.summary.endswith(".") and method.source
        schema = method.options.model_json_schema()
        for field in schema.get("properties", {}).values():
            assert field["title"] and field["description"].endswith(".")
        method.options()  # defaults are valid


def test_other_toolboxes_are_listed_and_say_how_to_get_them(monkeypatch):
    assert {"astra-fbp", "astra-sirt", "astra-cgls", "tomopy-gridrec"} <= set(method_names())
    assert all(get_method(n).family == "external" for n in ("astra-fbp", "tomopy-gridrec"))
    monkeypatch.setattr(tomopy.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MethodUnavailable, match="conda-forge"):
        require_method("tomopy-gridrec")


def test_weights_of_ones_own_do_without_those_that_are_missing(monkeypatch):
    bare = replace(get_method("unrolled-x"), missing=lambda: "There are no weights 'unrolled-x'.")
    monkeypatch.setattr(registry, "get_method", lambda name: bare)
    for options in (None, {}, {"weights": "unrolled-x"}, {"symmetries": False}):
        with pytest.raises(MethodUnavailable, match="unrolled-x"):
            require_method("unrolled-x", options)
    assert require_method("unrolled-x", {"weights": "mine.safetensors"}) is bare


def test_an_unknown_name_gets_a_near_one():
    with pytest.raises(OptionError, match="'sirt'"):
        get_method("srit")
