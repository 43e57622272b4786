"""The presets of a method as buttons: Draft, Standard, Best."""

from __future__ import annotations

from typing import Any

from ...methods.interface import Method
from ...methods.presets import preset_options
from .form_entries import FormField, named

PRESETS = ("Draft", "Standard", "Best")
MEANING = {
    "Draft": "Little work: to see whether it is worth waiting.",
    "Standard": "The method's own settings.",
    "Best": "More work: for the final volume.",
}

KEPT: dict[str, Any] = {"compare": True}
"""Options that no preset changes, as they begin here: what one looks at is worth a second pass. Scripts go without."""


def start_values(fields: list[FormField], remembered: dict[str, Any]) -> dict[str, Any]:
    """Values that a form begins with: what was last used, over what the viewer switches on."""
    return {field.name: KEPT[field.name] for field in fields if field.name in KEPT} | remembered


def preset_values(method: Method[Any], fields: list[FormField], preset: str) -> dict[str, Any]:
    """Values of all fields under a preset.

    Parameters
    ----------
    method : Method
    fields : list of FormField
        Of the form.
    preset : str
        Draft, Standard or Best.

    Returns
    -------
    dict
        By name of the field.
    """
    wanted = named(method.options, preset_options(method, preset.lower()))
    return {field.name: field.default for field in fields} | wanted


def matching_preset(method: Method[Any], fields: list[FormField], values: dict[str, Any]) -> str:
    """The preset that gives these values, or "Custom".

    Parameters
    ----------
    method : Method
    fields : list of FormField
        Of the form.
    values : dict
        Of these, by name.

    Returns
    -------
    str
        Standard, Draft, Best or Custom.
    """
    for preset in ("Standard", "Draft", "Best"):
        wanted = preset_values(method, fields, preset)
        if all(values[name] == value for name, value in wanted.items() if name not in KEPT):
            return preset
    return "Custom"


def preset_help(method: Method[Any], preset: str) -> str:
    """What a preset means for a method, with the options that it changes."""
    changes = ", ".join(f"{name} {value}" for name, value in preset_options(method, preset.lower()).items())
    return f"{MEANING[preset]} Sets {changes}." if changes else MEANING[preset]
