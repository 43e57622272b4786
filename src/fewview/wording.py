"""Words of messages that several rooms need."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """So many of something: "1 view", "2 views"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
