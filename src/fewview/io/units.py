"""Units of length and angle as files write them."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

AngleUnit = Literal["degrees", "radians", "millidegrees", "milliradians", "microradians", "arcminutes", "arcseconds"]

RADIANS: dict[AngleUnit, float] = {
    "degrees": math.pi / 180,
    "radians": 1.0,
    "millidegrees": math.pi / 180e3,
    "milliradians": 1e-3,
    "microradians": 1e-6,
    "arcminutes": math.pi / 180 / 60,
    "arcseconds": math.pi / 180 / 3600,
}
_ANGLE_UNITS: tuple[tuple[AngleUnit, str], ...] = (  # the first that is a word of the name
    ("millidegrees", r"m ?deg|milli ?deg(ree)?s?|m°"),
    ("milliradians", r"m ?rad|milli ?rad(ian)?s?"),
    ("microradians", r"[uµμ] ?rad|micro ?rad(ian)?s?"),
    ("arcminutes", r"arc ?min(ute)?s?"),
    ("arcseconds", r"arc ?sec(ond)?s?"),
    ("degrees", r"deg|degs|degrees?|grad|°"),
    ("radians", r"rads?|radians?"),
)
_GLUED = re.compile(r"(angles?|theta|rotation|omega|phi)(deg|degrees?|rad|radians?)$")

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
    """Unit named in an attribute, a column title or a variable name, as a word of it; None where there is none.

    "anglesRad" and "theta_deg" name one, "radiography" does not.
    """
    words = re.sub(r"(?<=[a-z]{2})(?=[A-Z][a-z])", " ", name)  # anglesRad, but not mDeg
    words = _GLUED.sub(r"\1 \2", re.sub(r"[^\w°]+|_", " ", words).lower().strip())
    for unit, pattern in _ANGLE_UNITS:
        if re.search(rf"(?<![^\W\d_])(?:{pattern})(?![^\W\d_])", words):
            return unit
    return None
