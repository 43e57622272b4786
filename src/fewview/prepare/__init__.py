"""Raw counts to line integrals, and the rotation axis. Functions on arrays; they know nothing of files or scans."""

from .axis import AxisEstimate, find_axis
from .chain import Prepared, line_integrals
from .options import PrepareOptions
from .registration import Registration, RegistrationFailed, RegistrationOptions, register, registered
from .registration_transform import Grid

__all__ = [
    "AxisEstimate",
    "Grid",
    "PrepareOptions",
    "Prepared",
    "Registration",
    "RegistrationFailed",
    "RegistrationOptions",
    "find_axis",
    "line_integrals",
    "register",
    "registered",
]
