"""Networks that learnt a sample of the user's: kept beside the scan, each with its card."""

from __future__ import annotations

from pathlib import Path

from .places import folder_of, place_of

ENDING = ".safetensors"


def networks_of(scan: str) -> list[tuple[str, str]]:
    """Name and path of the networks that lie beside a scan."""
    return [(path.stem, str(path)) for path in sorted(place_of(scan).glob(f"*{ENDING}"))] if scan else []


def file_of_network(scan: str, name: str) -> Path:
    """Where a network of this name is kept."""
    return folder_of(scan) / f"{name}{ENDING}"
