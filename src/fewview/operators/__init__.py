"""Projectors: line integrals of slices, and the exact adjoint."""

from .fbp import filtered_backprojection
from .interface import Adjoint, Operator
from .parallel import parallel_beam

__all__ = ["Adjoint", "Operator", "filtered_backprojection", "parallel_beam"]
