"""Draft, standard and best: one word for how much work a method may do.

A method declares what it makes of these words (:attr:`Method.presets`); of one that does not, the number of steps is
scaled: in every iterative method that is what trades time for quality.
"""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo

from ..errors import OptionError, choices
from .budget import STEPS
from .interface import Method

PRESETS = ("draft", "standard", "best")
FACTOR = {"draft": 0.3, "best": 3.0}  # of the steps, where a method says nothing of its own


def preset_options(method: Method[Any], preset: str) -> dict[str, Any]:
    """Options that differ from the method's defaults under a preset; "standard" is the defaults.

    Raises
    ------
    OptionError
        There is no such preset.
    """
    if preset not in PRESETS:
        raise OptionError(f"There is no preset '{preset}'.", choices(preset, PRESETS))
    if preset == "standard":
        return {}
    if preset in method.presets:
        return dict(method.presets[preset])
    fields = {name: method.options.model_fields[name] for name in STEPS if name in method.options.model_fields}
    return {
        name: _scaled(field, FACTOR[preset])
        for name, field in fields.items()
        if type(field.default) is int and _scaled(field, FACTOR[preset]) != field.default
    }


def _scaled(field: FieldInfo, factor: float) -> int:
    """The default times a factor, within the bounds of the field."""
    bounds = {key: getattr(item, key) for item in field.metadata for key in ("ge", "le") if hasattr(item, key)}
    value = max(1, round(field.default * factor))
    return int(min(max(value, bounds.get("ge", value)), bounds.get("le", value)))
