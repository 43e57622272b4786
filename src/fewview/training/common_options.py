"""Options that many trainings share, each with a default of its own, declared once."""

from __future__ import annotations

from typing import Any

from ..options import option


def minutes_option(minutes: float) -> Any:
    """Declare ``minutes: float``."""
    text = (
        "The time that the training may take in all, breaks not counted. More is better. What the card of the "
        "weights says is measured afterwards, which takes some minutes more."
    )
    return option(minutes, "Minutes", text, unit="min", gt=0)


def start_option(name: str = "") -> Any:
    """Declare ``start: str``."""
    text = "The weights to start from, by name or path; empty starts from scratch, which takes longer."
    return option(name, "Start from", text)


def rate_option(highest: float) -> Any:
    """Declare ``rate: float``."""
    return option(
        highest,
        "Learning rate",
        "The highest learning rate, which is reached after the warm-up. A larger one learns faster, until it diverges.",
        gt=0,
        advanced=True,
    )


def save_option(minutes: float) -> Any:
    """Declare ``save_every: float``."""
    return option(
        minutes,
        "Save every",
        "The time between two checkpoints, from which an interrupted training goes on. A shorter one loses less.",
        unit="min",
        gt=0,
        advanced=True,
    )


def validate_option(minutes: float) -> Any:
    """Declare ``validate_every: float``."""
    return option(
        minutes,
        "Validate every",
        "The time between two validations, each a point of the learning curve. A shorter one takes more of the "
        "training's time.",
        unit="min",
        gt=0,
        advanced=True,
    )
