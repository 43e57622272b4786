"""Flags that several commands share, declared once: those of a function whose answer a command takes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

import typer

from ..options import Options

Answer = TypeVar("Answer")


def flag(options: type[Options], name: str, *names: str) -> Any:
    """A flag for one of the options, whose help is what the option says of itself.

    Parameters
    ----------
    options : type of Options
    name : str
        Of the option.
    *names : str
        "--bin", where it is not that of the parameter.

    Returns
    -------
    OptionInfo
        Of typer.
    """
    return typer.Option(*names, help=options.model_fields[name].description)


def takes(parameter: str, flags: Callable[..., Any]) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """Give a command the flags of a function in the place of one parameter, which gets what the function makes of them.

    Typer passes by name, so that parameters without a default may follow others: the order is that of ``--help``.
    """
    shared = inspect.signature(flags).parameters

    def decorated(command: Callable[..., Answer]) -> Callable[..., Answer]:
        @functools.wraps(command)
        def from_flags(**given: Any) -> Answer:
            made = flags(**{name: given.pop(name) for name in shared})
            return command(**{parameter: made}, **given)

        hints = get_type_hints(command, include_extras=True) | get_type_hints(flags, include_extras=True)
        found: list[inspect.Parameter] = []
        for one in inspect.signature(command).parameters.values():
            found += shared.values() if one.name == parameter else [one]
        keyword = inspect.Parameter.KEYWORD_ONLY
        found = [one.replace(kind=keyword, annotation=hints[one.name]) for one in found]
        from_flags.__signature__ = inspect.Signature(found)  # type: ignore[attr-defined]
        from_flags.__annotations__ = {one.name: one.annotation for one in found} | {"return": hints["return"]}
        return from_flags

    return decorated
