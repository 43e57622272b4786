"""The six modes of the Reconstruct dock, and which methods stand behind each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...methods.interface import Method


@dataclass(frozen=True)
class Mode:
    """One mode.

    Parameters
    ----------
    name, title : str
    help : str
        When to choose it, in one sentence.
    belongs : callable
        Whether a method is of this mode.
    """

    name: str
    title: str
    help: str
    belongs: Callable[[Method[Any]], bool]


def _unimodal(method: Method[Any]) -> bool:
    learned = method.family in ("diffusion", "supervised")
    return learned and "aux" not in method.needs and not _dinr(method)


def _dinr(method: Method[Any]) -> bool:
    return method.name.partition("-")[0] == "dinr"  # and its published settings, "dinr-paper"


def _repaired(method: Method[Any]) -> bool:
    return method.name.partition("-")[0] == "diffnr"


def _crossmodal(method: Method[Any]) -> bool:
    return method.family in ("diffusion", "supervised") and "aux" in method.needs


MODES = (
    Mode(
        "unimodal",
        "Unimodal",
        "A diffusion prior fills in what few neutron views leave open; no other scan is needed.",
        _unimodal,
    ),
    Mode(
        "crossmodal",
        "Cross-modal",
        "As Unimodal, guided by an X-ray volume of the same sample.",
        _crossmodal,
    ),
    Mode(
        "dinr",
        "DINR",
        "Diffusion proposals made consistent with the measurement by a neural field.",
        _dinr,
    ),
    Mode(
        "diffnr",
        "DiffNR",
        "A neural field fitted to the views, its slices repaired by a diffusion model.",
        _repaired,
    ),
    Mode(
        "fields",
        "Neural fields",
        "A network or Gaussians fitted to the views, smooth in all three directions: no training.",
        lambda method: method.family == "fields" and not _repaired(method),
    ),
    Mode(
        "classical",
        "Classical",
        "Filtered back-projection, iterative and total-variation methods: no training, nothing invented.",
        lambda method: method.family in ("classical", "external"),
    ),
)


@dataclass(frozen=True)
class ModeState:
    """A mode as it stands on this machine.

    Parameters
    ----------
    mode : Mode
    methods : tuple of Method
        That can run here.
    reason : str
        Why the mode is greyed; empty when it is not.
    """

    mode: Mode
    methods: tuple[Method[Any], ...]
    reason: str

    @property
    def enabled(self) -> bool:
        """Whether it can be chosen."""
        return not self.reason


def mode_states(methods: list[Method[Any]]) -> list[ModeState]:
    """State of every mode, given all methods; a method that lacks something tells what."""
    states = []
    for mode in MODES:
        own = [method for method in methods if mode.belongs(method)]
        missing = {method.name: method.missing() for method in own}
        usable = tuple(method for method in own if missing[method.name] is None)
        reason = ""
        if not own:
            reason = "Not in this version."
        elif not usable:
            reason = " ".join(f"{method.title}: {missing[method.name]}" for method in own)
        states.append(ModeState(mode, usable, reason))
    return states


def all_methods() -> list[Method[Any]]:
    """Every method of the registry; imports torch, so call it off the thread of the screen."""
    from ...methods.registry import get_method, method_names

    return [get_method(name) for name in method_names()]
