"""Options that many methods share, declared once."""

from __future__ import annotations

from typing import Any

from ..options import option


def positivity_option() -> Any:
    """Declare ``positivity: bool``."""
    return option(
        True,
        "Positivity",
        "The volume is kept free of negative attenuation. Switch it off only for data that may be negative, such as "
        "phase.",
    )


def weighted_option() -> Any:
    """Declare ``weighted: bool``, of every method that may take all rays for equally precise."""
    return option(
        True,
        "Statistical weights",
        "Bright rays, which are measured more precisely, count more than dark ones.",
        advanced=True,
    )


def scale_option() -> Any:
    """Declare ``scale: float | Auto``, of every method whose network wants images of a maximum near 1."""
    return option(
        "auto",
        "Scale",
        "The attenuation that the network takes for 1, in the unit of the volume. Auto takes it from a first "
        "reconstruction.",
        gt=0,
        advanced=True,
        rule="from a first reconstruction",
    )


def start_iterations_option() -> Any:
    """Declare ``start_iterations: int | Auto``, of every method that starts from CGLS."""
    return option(
        "auto",
        "Start: iterations",
        "The number of steps of CGLS that make the start; more make it sharper and noisier. Auto takes what predicts "
        "held-out views best.",
        ge=1,
        advanced=True,
    )
