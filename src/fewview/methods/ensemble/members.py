"""The members of an ensemble: which can run here, what each runs with, and how much each counts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ...errors import OptionError
from ...options import Options
from ..interface import Method

FINE_TUNED: dict[str, dict[str, Any]] = {"unrolled": {"finetune": 24}}
"""Members that learn on the scan first: of foams and grains, unlike all that the network had seen, it gained 0.3 to 1.0
dB by that, and nothing is lost where held-out pixels do not agree."""


def member(name: str) -> Method[Any]:
    """The method of a member.

    Raises
    ------
    OptionError
        There is no such method, or it is the ensemble.
    """
    from ..registry import get_method

    if name == "ensemble":
        raise OptionError("The ensemble cannot be a member of itself.", "Name other methods.")
    return get_method(name)


def members(names: str) -> list[Method[Any]]:
    """Those of the names, with commas between, that can run here.

    Raises
    ------
    OptionError
        None of them can.
    """
    found = [member(name.strip()) for name in names.split(",") if name.strip()]
    able = [method for method in found if method.missing() is None]
    if not able:
        raise OptionError(f"None of the members {names} can run here.", "Name others; see `fewview methods`.")
    return able


def shares_of(text: str) -> dict[str, float]:
    """How much each member counts, by name; those that do not are left out.

    Raises
    ------
    OptionError
        The text is not like "unrolled=0.7,mbir=0.3".
    """
    shares = {}
    for pair in text.split(","):
        name, _, value = pair.partition("=")
        try:
            shares[name.strip()] = float(value)
        except ValueError:
            shares = {}
            break
    if not shares or not all(0 <= part < math.inf for part in shares.values()) or sum(shares.values()) <= 0:
        raise OptionError(f"shares={text} is not understood.", "Write, for instance, shares=unrolled=0.7,mbir=0.3.")
    return {name: part for name, part in shares.items() if part > 0}


def options_of(method: Method[Any], settings: str) -> Any:
    """The options of a member, its defaults where the settings do not name it.

    Raises
    ------
    OptionError
        The settings are not like '{"tv": {"iterations": 100}}', or name options that the member has not.
    """
    if settings == "auto":
        return method.options.parse(FINE_TUNED.get(method.name, {}))
    try:
        found = json.loads(settings)
        own = dict(found.get(method.name, FINE_TUNED.get(method.name, {})))
    except (ValueError, AttributeError, TypeError):
        raise OptionError(
            f"settings={settings} is not understood.", 'Write, for instance, settings={"tv": {"iterations": 100}}.'
        ) from None
    return method.options.parse(own)


def as_settings(options: Mapping[str, Options]) -> str:
    """The text that :func:`options_of` reads, of the options of each member."""
    return json.dumps({name: own.changes() for name, own in options.items()})
