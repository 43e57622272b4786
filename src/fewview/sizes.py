"""Sizes that a number of any option may have: what overflows on the way comes out as a volume without numbers."""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticCustomError

SIZES = (1e-12, 1e12)  # of numbers other than 0: beyond, single precision loses them or their squares
MOST = 1_000_000  # of anything counted whose declaration has no upper bound of its own


def require_sensible(value: Any, *, bounded: bool) -> None:
    """Refuse a number of an absurd size, within the validation of an option.

    Raises
    ------
    PydanticCustomError
    """
    if isinstance(value, float) and value != 0 and not SIZES[0] <= abs(value) <= SIZES[1]:
        raise PydanticCustomError(
            "size", "it must be 0 or of a size from {low} to {high}", {"low": f"{SIZES[0]:g}", "high": f"{SIZES[1]:g}"}
        )
    if isinstance(value, int) and not bounded and abs(value) > MOST:
        raise PydanticCustomError("size", "it must be at most {most}", {"most": MOST})
