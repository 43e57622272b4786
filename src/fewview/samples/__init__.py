"""Measured scans that travel with the package; README.md beside them says where they are from."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
TOOTH = FOLDER / "tooth.h5"

__all__ = ["FOLDER", "TOOTH"]
