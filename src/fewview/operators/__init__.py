"""Projectors: line integrals of slices, and the exact adjoint."""

from .beams import fan_beam, parallel_beam, projector
from .fbp import filtered_backprojection
from .interface import Adjoint, Operator

__all__ = ["Adjoint", "Operator", "fan_beam", "filtered_backprojection", "parallel_beam", "projector"]
