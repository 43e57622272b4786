"""Units of length and angle as files write them."""

from __future__ import annotations

from typing import Any, Literal

AngleUnit = Literal["degrees", "radians"]

_LENGTHS = {  # to mm
    "nm": 1e-6, "nanometer": 1e-6, "nanometre": 1e-6,
    "um": 1e-3, "µm": 1e-3, "μm": 1e-3, "micron": 1e-3, "micrometer": 1e-3, "micrometre": 1e-3,
    "mm": 1.0, "millimeter": 1.0, "millimetre": 1.0,
    "cm": 10.0, "centimeter": 10.0, "centimetre": 10.0,
    "m": 1e3, "meter": 1e3, "metre": 1e3,
    "inch": 25.4,
}  # fmt: skip


def text(value: Any) -> str:
    """A string of an HDF5 attribute or MATLAB cell: bytes, str, or an array with one of them."""
    while hasattr(value, "__len__") and not isinstance(value, (str, bytes)) and len(value) == 1:
        value = value[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def millimetres(unit: str) -> float | None:
    """Factor from this unit to mm; None for an unknown unit."""
    name = unit.strip().lower()
    return _LENGTHS.get(name) or _LENGTHS.get(name.removesuffix("s"))


def angle_unit(name: str) -> AngleUnit | None:
    """Unit named in an attribute, a column title or a variable name; None where there is none."""
    lower = name.lower()
    if "deg" in lower or "°" in lower:
        return "degrees"
    if "rad" in lower:  # "anglesRad", "radian", "rad"
        return "radians"
    return None
