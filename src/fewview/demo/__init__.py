"""The demonstration without a viewer."""

from .compare import classical_demo, table

__all__ = ["classical_demo", "table"]
