"""What every method must hold: for fewview's own tests, and for those of plug-ins."""

from .check import check_method

__all__ = ["check_method"]
