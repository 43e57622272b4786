"""What was measured: a scan as it lies on disk, and the line integrals made of it. Both immutable."""

from .line_integrals import AXIS_ROWS, LineIntegrals
from .measured import Kind, Scan
from .selectable import Selectable

__all__ = ["AXIS_ROWS", "Kind", "LineIntegrals", "Scan", "Selectable"]
