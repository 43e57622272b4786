"""fewview: few-view tomography at the beamline, headless or in napari.

Importing the package is cheap: torch, h5py and the rest load when first used.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# name -> module that defines it; resolved on first access so that `import fewview` does not import torch.
_PUBLIC = {
    "read_scan": "fewview.io",
    "read_volume": "fewview.io",
    "write_volume": "fewview.io",
    "reconstruct": "fewview.runs",
    "Scan": "fewview.scan",
    "LineIntegrals": "fewview.scan",
    "Estimate": "fewview.methods",
    "Problem": "fewview.methods",
    "FewviewError": "fewview.errors",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'fewview' has no attribute '{name}'")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
