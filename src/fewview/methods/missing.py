"""Weights that a method needs and that are not there: said before a run, with the command that makes them."""

from __future__ import annotations

from collections.abc import Callable

from ..models.weights import WeightsError, find_weights


def missing_weights(name: str, train: str) -> Callable[[], str | None]:
    """For :attr:`Method.missing`: whether weights are not there, and how to get them.

    Parameters
    ----------
    name : str
        Of the weights.
    train : str
        What makes them.
    """

    def missing() -> str | None:
        try:
            find_weights(name)
        except WeightsError as error:
            return f"{error.problem} Train them with {train}."
        return None

    return missing
