"""What a row measures: a method, with the options that it was given and the X-ray volume that it saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import OptionError, choices
from ...methods import get_method
from ...methods.presets import preset_options
from .xray import CONTROLS

NO_NEUTRON = "no-neutron"
BLIND = "blind"  # the option of a guided method that hides the neutron image from its guide


@dataclass(frozen=True)
class Variant:
    """A method as one row has it.

    Parameters
    ----------
    method : str
    label : str
        What tables call it.
    settings : mapping
        Options that differ from the defaults.
    control : str
        One of :data:`fewview.benchmark.quality.xray.CONTROLS`.
    """

    method: str
    label: str
    settings: Mapping[str, Any]
    control: str = "none"

    @property
    def guided(self) -> bool:
        """Whether it takes an X-ray volume."""
        return "aux" in get_method(self.method).needs

    @property
    def options(self) -> dict[str, Any]:
        """For the run: the settings, and what the control asks of the method itself."""
        return {**self.settings, BLIND: True} if self.control == NO_NEUTRON else dict(self.settings)


def variants(
    methods: Sequence[str],
    settings: Mapping[str, Any] | None = None,
    preset: str | None = None,
    label: str = "",
    controls: Sequence[str] = ("none",),
) -> list[Variant]:
    """The rows that a call asks for, method by method.

    Parameters
    ----------
    methods : sequence of str
    settings : mapping, optional
        Options of every one of the methods; before what the preset says.
    preset : str, optional
        draft, standard or best.
    label : str
        Names the settings in tables ("d3ip quick" of "quick"); without one, they are spelled out.
    controls : sequence of str
        For the methods that take an X-ray volume; the others are measured once.

    Returns
    -------
    list of Variant
        Each a method with its complete name, options and control.

    Raises
    ------
    OptionError
        An option that one of the methods does not have, or a value out of its bounds; an unknown preset or control.
    """
    unknown = [control for control in controls if control not in CONTROLS]
    if unknown:
        raise OptionError(f"There is no control '{unknown[0]}'.", choices(unknown[0], CONTROLS))
    found = []
    for name in methods:
        method = get_method(name)  # a name mistyped is told before the first hour
        given = {**(preset_options(method, preset) if preset else {}), **(settings or {})}
        complete = method.options.parse(given)
        kept = {key: complete.value(key) for key in given}
        words = label or preset or ""
        if not label:
            words = " ".join([words, *(f"{key}={complete.value(key)}" for key in settings or {})]).strip()
        for control in controls if "aux" in method.needs else ("none",):
            if control == NO_NEUTRON and BLIND not in method.options.model_fields:
                continue
            found.append(Variant(name, f"{name} {words}".strip(), kept, control))
    return found
