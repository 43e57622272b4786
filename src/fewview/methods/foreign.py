"""Methods that other packages bring: one that is broken must not take the rest along."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ..errors import MethodUnavailable
from ..options import Options
from .interface import Estimate, Method, Problem

GROUP = "fewview.methods"


def foreign() -> dict[str, EntryPoint]:
    """Where the methods of other packages are to be found, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def loaded(point: EntryPoint) -> Method[Any]:
    """The method that an entry point names; where there is none, one that cannot run and says why.

    Whatever the other package raises is told as the reason, so that lists of methods show it and go on.
    """
    try:
        method = point.load()
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".:")
        return _broken(point, f"loading it ends with {said}.")
    if not isinstance(method, Method):
        return _broken(point, f"that is a {type(method).__name__}, where a fewview.methods.Method is expected.")
    if method.name != point.name:
        return _broken(point, f"that method calls itself '{method.name}'; both names must be the same.")
    return method


def _broken(point: EntryPoint, reason: str) -> Method[Options]:
    package = "another package" if point.dist is None else f"the package '{point.dist.name}'"
    why = f"It comes from {package}, as {point.value}, and {reason} Mend or uninstall that package."

    def solve(problem: Problem, options: Options) -> Iterator[Estimate]:
        raise MethodUnavailable(f"The method '{point.name}' cannot run here: {why}")

    return Method(
        name=point.name,
        title=point.name,
        family="external",
        summary="A method of another package that cannot be loaded.",
        source=package,
        options=Options,
        solve=solve,
        missing=lambda: why,
    )
