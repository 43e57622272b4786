"""Registration of a volume of the same sample (X-ray) to the grid of the reconstruction."""

from .register import RegistrationOptions, register
from .result import Registration, RegistrationFailed, registered
from .transform import Grid

__all__ = ["Grid", "Registration", "RegistrationFailed", "RegistrationOptions", "register", "registered"]
