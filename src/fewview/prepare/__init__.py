"""Raw counts to line integrals, and the rotation axis. Functions on arrays; they know nothing of files or scans."""

from .axis import AxisEstimate, find_axis
from .chain import Prepared, line_integrals
from .options import PrepareOptions

__all__ = ["AxisEstimate", "PrepareOptions", "Prepared", "find_axis", "line_integrals"]
