"""What a record says of options, as far as this version knows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import FewviewError
from ...methods.interface import Method
from ..common.notify import complain

DEFAULTS = "The defaults are in the form instead: look at them before you run."


def possible(method: Method[Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a record without those that this version does not know or allow, each of which is told."""
    found, told = {}, []
    for name, value in options.items():
        try:
            method.options.parse({name: value})
        except FewviewError as error:
            told.append(error.problem)
        else:
            found[name] = value
    if told:
        complain(FewviewError(f"The record holds what this version does not take: {' '.join(told)}", DEFAULTS))
    return found
