"""Preparation: raw counts to line integrals. Functions on arrays and angles; they know nothing of files or scans."""

from .chain import Prepared, line_integrals
from .options import PrepareOptions

__all__ = ["PrepareOptions", "Prepared", "line_integrals"]
