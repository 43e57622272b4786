"""Raw counts to line integrals, and the rotation axis: functions on arrays and angles."""

from .axis import AxisEstimate, find_axis
from .chain import Prepared, line_integrals
from .options import PrepareOptions

__all__ = ["AxisEstimate", "PrepareOptions", "Prepared", "find_axis", "line_integrals"]
