"""What a card says of how good weights are, measured when they are safe: a stop meanwhile loses no weights."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ..models.weights import Storable, save_network
from .trainer import Report


class Measuring:
    """Tells of each part of the measuring as it begins, and writes the weights and what their card holds by then.

    Parameters
    ----------
    net : Storable
    path : Path
        Of the weights, which ends with ``.safetensors``.
    card : dict
        To which the figures are added one by one.
    parts : int
        Of the measuring.
    report : callable
        Takes lines of progress, the first of them when the weights are there.
    """

    def __init__(self, net: Storable, path: Path, card: dict[str, Any], parts: int, report: Report) -> None:
        self._net, self._path, self._card = net, path, card
        self._parts, self._report = parts, report
        self._begun, self._since = 0, time.monotonic()

    def __call__(self, part: str) -> None:
        """A part begins."""
        so_far = f"stopped at part {self._begun + 1} of {self._parts}"
        save_network(self._net, self._path, {**self._card, "measuring": so_far})
        left = ""
        if self._begun:
            each = (time.monotonic() - self._since) / self._begun
            left = f", about {max(1, round(each * (self._parts - self._begun) / 60))} min left"
        self._begun += 1
        self._report(f"measuring for the card, {self._begun} of {self._parts}: {part}{left}")
