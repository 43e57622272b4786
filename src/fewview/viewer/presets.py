"""Draft, Standard and Best: one word for how much work a method may do."""

from __future__ import annotations

from typing import Any

from .form_fields import FormField

PRESETS = ("Draft", "Standard", "Best")
# The number of steps is what trades time for quality in every method; its name differs.
STEPS = ("iterations", "steps", "epochs", "inner_iterations")
FACTOR = {"Draft": 0.3, "Standard": 1.0, "Best": 3.0}
HELP = {
    "Draft": "About a third of the steps: to see whether it is worth waiting.",
    "Standard": "The method's own settings.",
    "Best": "Three times the steps: for the final volume.",
}


def preset_values(fields: list[FormField], preset: str) -> dict[str, Any]:
    """Values of all fields under a preset."""
    return {field.name: _value(field, FACTOR[preset]) for field in fields}


def matching_preset(fields: list[FormField], values: dict[str, Any]) -> str:
    """The preset that gives these values, or "Custom"."""
    for preset in ("Standard", "Draft", "Best"):
        if preset_values(fields, preset) == values:
            return preset
    return "Custom"


def _value(field: FormField, factor: float) -> Any:
    if field.name not in STEPS or field.kind != "int" or not isinstance(field.default, int):
        return field.default
    value = max(1, round(field.default * factor))
    if field.low is not None:
        value = max(value, int(field.low))
    return value if field.high is None else min(value, int(field.high))
