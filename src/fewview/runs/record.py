"""The record of a run: what was done to which data, by what, and what came out. Plain values, ready for JSON."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import math
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from .. import __version__

_PACKAGES = ("numpy", "scipy", "algotom", "h5py", "pydantic")
_WHERE_INSTALLED = ("tomopy", "astra-toolbox")  # whose methods may have made the volume


def versions() -> dict[str, str]:
    """Versions of fewview, Python, the system, and the libraries that a volume depends on."""
    import torch  # its package does not say for which CUDA it was built

    found = {"fewview": __version__, "python": platform.python_version(), "system": platform.platform()}
    found["torch"] = torch.__version__
    for name in _PACKAGES:
        found[name] = importlib.metadata.version(name)
    for name in _WHERE_INSTALLED:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def sha256(paths: Sequence[Path]) -> str:
    """SHA-256 of a file; of several files, of their names and digests in order.

    Two copies of a scan in different folders have the same value.
    """
    digests = []
    for path in paths:
        with path.open("rb") as file:
            digests.append((path.name, hashlib.file_digest(file, "sha256").hexdigest()))
    if len(digests) == 1:
        return digests[0][1]
    listing = "".join(f"{value}  {name}\n" for name, value in digests)
    return hashlib.sha256(listing.encode()).hexdigest()


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The files behind what the user named: a folder stands for the files in it."""
    files: list[Path] = []
    for path in paths:
        files += sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return list(dict.fromkeys(files))


def peak_memory_mb(device: str) -> float:
    """Peak memory so far in MB: of the process on a CPU, of torch's allocator on a GPU."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated() / 1e6
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6  # macOS counts bytes, Linux kB


def plain(value: Any) -> Any:
    """The value with numpy and torch scalars, arrays, paths and tuples turned into what JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON knows neither NaN nor infinity
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)
