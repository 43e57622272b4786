"""What this machine has for fewview, and how to get what it lacks."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "optional", "broken"]
_REQUIRED = ("numpy", "scipy", "h5py", "tifffile", "zarr", "algotom", "scikit-image", "astropy", "pydantic", "typer")
# package -> (what it is for, how to get it)
_BACKENDS = {
    "astra-toolbox": ("ASTRA's projectors and methods", "pip install 'fewview[astra]'"),
    "tomopy": ("tomopy's gridrec and stripe filters", "conda install -c conda-forge tomopy (it is not on PyPI)"),
    "svmbir": ("a second MBIR to compare with", "pip install svmbir (needs a C compiler)"),
}
_VIEWER = ("napari", "magicgui", "qtpy", "superqt", "pyqtgraph")
_QT = ("PyQt6", "PySide6", "PyQt5")
LITTLE_MEMORY = 4 * 2**30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    name, found : str
        What was looked at, and what is there.
    state : {"ok", "optional", "broken"}
        There; not there but not needed; needed and not there.
    remedy : str
        How to get what is missing.
    """

    name: str
    found: str
    state: State = "ok"
    remedy: str = ""


def examine() -> list[Finding]:
    """Look at everything that fewview can use."""
    from . import __version__

    return [
        Finding("fewview", f"{__version__}, Python {platform.python_version()}, {platform.platform()}"),
        _libraries(),
        *_torch(),
        _memory(),
        *(_backend(name, *about) for name, about in _BACKENDS.items()),
        _weights(),
        _viewer(),
        _display(),
    ]


def version_of(name: str) -> str | None:
    """Installed version of a distribution, None where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _libraries() -> Finding:
    found = {name: version_of(name) for name in _REQUIRED}
    missing = [name for name, version in found.items() if version is None]
    if missing:
        return Finding("libraries", f"missing: {', '.join(missing)}", "broken", "pip install --upgrade fewview")
    return Finding("libraries", ", ".join(f"{name} {version}" for name, version in found.items()))


def _torch() -> list[Finding]:
    try:
        torch = importlib.import_module("torch")
    except (ImportError, OSError) as error:  # OSError: a shared library of torch that does not load
        return [Finding("torch", f"does not load: {error}", "broken", "pip install torch==2.13.0")]
    threads = "1 thread" if torch.get_num_threads() == 1 else f"{torch.get_num_threads()} threads"
    findings = [Finding("torch", f"{torch.__version__}, {threads}")]
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())]
        findings.append(Finding("GPU", f"{', '.join(names)} (CUDA {torch.version.cuda}); --device auto uses it"))
    else:
        findings.append(
            Finding(
                "GPU",
                "none that torch can use; everything runs on the CPU",
                "optional",
                "With an NVIDIA GPU: install its driver, then a CUDA build of torch (pip install torch).",
            )
        )
    return findings


def _memory() -> Finding:
    from .runs.memory import LIMIT_VARIABLE, available

    free = available("cpu")
    if free is None:
        return Finding("memory", "unknown on this system", "optional", f"Say what may be used with {LIMIT_VARIABLE}.")
    text = f"{free / 2**30:.1f} GiB free; longer volumes are reconstructed slab by slab"
    if free < LITTLE_MEMORY:
        return Finding("memory", text, "optional", "Close other programs, or bin large scans (--bin 2).")
    return Finding("memory", text)


def _backend(name: str, purpose: str, remedy: str) -> Finding:
    version = version_of(name)
    if version is None:
        return Finding(name, f"not installed; only for {purpose}", "optional", remedy)
    return Finding(name, f"{version}, for {purpose}")


def _weights() -> Finding:
    folder = Path(__file__).parent / "weights"
    names = sorted(path.stem for path in folder.glob("*.safetensors"))
    if not names:
        return Finding("weights", "none; only for the diffusion methods", "optional", "fewview train prior")
    return Finding("weights", ", ".join(names))


def has_viewer() -> bool:
    """Whether the viewer's libraries are installed."""
    return _viewer().state == "ok"


def _viewer() -> Finding:
    missing = [name for name in _VIEWER if version_of(name) is None]
    qt = next((f"{name} {version_of(name)}" for name in _QT if version_of(name)), None)
    if missing or qt is None:
        lacks = ", ".join([*missing, *([] if qt else ["Qt"])])
        return Finding(
            "viewer", f"not installed ({lacks}); the command line needs none", "optional", "pip install 'fewview[all]'"
        )
    return Finding("viewer", f"napari {version_of('napari')}, {qt}")


def _display() -> Finding:
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return Finding("display", os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or "yes")
    return Finding(
        "display",
        "none; the command line needs none",
        "optional",
        "For the viewer: log in with a desktop, ssh -X, or install xvfb for a virtual one.",
    )
