"""Methods: what turns line integrals into a volume. Each is a generator of estimates."""

from .interface import Estimate, Method, Problem, Settled, Tuning, Views
from .registry import get_method, method_names, require_method

__all__ = [
    "Estimate",
    "Method",
    "Problem",
    "Settled",
    "Tuning",
    "Views",
    "get_method",
    "method_names",
    "require_method",
]
