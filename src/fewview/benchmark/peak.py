"""Peak memory of one part of a process."""

from __future__ import annotations

from pathlib import Path

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def forget_peak(device: str) -> bool:
    """Start measuring anew; False where this system cannot (then there is nothing to report)."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats()
        return True
    try:
        _CLEAR.write_text("5", encoding="ascii")  # Linux: the high-water mark falls to what is in use
    except OSError:
        return False
    return _STATUS.exists()


def peak_mb(device: str) -> float:
    """Peak since :func:`forget_peak`, in MB: of the process on a CPU, of torch's allocator on a GPU."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated() / 1e6
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6
