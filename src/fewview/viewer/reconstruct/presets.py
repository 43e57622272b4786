"""The presets of a method as buttons: Draft, Standard, Best."""

from __future__ import annotations

from typing import Any

from ...methods.interface import Method
from ...methods.presets import preset_options
from .form_entries import FormEntry, named

PRESETS = ("Draft", "Standard", "Best")
MEANING = {
    "Draft": "Little work: to see whether it is worth waiting.",
    "Standard": "The method's own settings.",
    "Best": "More work: for the final volume.",
}

KEPT: dict[str, Any] = {"compare": True}
"""Options that no preset changes, as they begin here: what one looks at is worth a second pass. Scripts go without."""


def start_values(entries: list[FormEntry], remembered: dict[str, Any]) -> dict[str, Any]:
    """Values that a form begins with: what was last used, over what the viewer switches on."""
    return {entry.name: KEPT[entry.name] for entry in entries if entry.name in KEPT} | remembered


def preset_values(method: Method[Any], entries: list[FormEntry], preset: str) -> dict[str, Any]:
    """Values of all entries under a preset.

    Parameters
    ----------
    method : Method
    entries : list of FormEntry
        Of the form.
    preset : str
        Draft, Standard or Best.

    Returns
    -------
    dict
        By name of the entry.
    """
    wanted = named(method.options, preset_options(method, preset.lower()))
    return {entry.name: entry.default for entry in entries} | wanted


def matching_preset(method: Method[Any], entries: list[FormEntry], values: dict[str, Any]) -> str:
    """The preset that gives these values, or "Custom".

    Parameters
    ----------
    method : Method
    entries : list of FormEntry
        Of the form.
    values : dict
        Of these, by name.

    Returns
    -------
    str
        Standard, Draft, Best or Custom.
    """
    for preset in ("Standard", "Draft", "Best"):
        wanted = preset_values(method, entries, preset)
        if all(values[name] == value for name, value in wanted.items() if name not in KEPT):
            return preset
    return "Custom"


def preset_help(method: Method[Any], preset: str) -> str:
    """What a preset means for a method, with the options that it changes."""
    changes = ", ".join(f"{name} {value}" for name, value in preset_options(method, preset.lower()).items())
    return f"{MEANING[preset]} Sets {changes}." if changes else MEANING[preset]
