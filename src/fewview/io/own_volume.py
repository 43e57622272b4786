"""Volumes that fewview wrote: known by their record, so that none is taken for a scan."""

from __future__ import annotations

from pathlib import Path

from ..errors import ScanError
from .hdf5 import open_hdf5, reach


def written_by_fewview(path: Path) -> bool:
    """Whether a file or folder has the record of a run: in it, or beside it where the format has no room."""
    ending = path.suffix.lower()
    if ending == ".npy":
        return path.with_name(f"{path.name}.json").is_file()
    if ending == ".zarr":
        about = path / "zarr.json"
        return about.is_file() and '"fewview"' in about.read_text(encoding="utf-8", errors="replace")
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        head = handle.read(1 << 20)
    if ending == ".h5" and head.startswith(b"\x89HDF"):
        with open_hdf5(path) as file:
            volume = reach(file, "volume")
            return reach(file, "record") is not None and volume is not None and volume.attrs.get("axes") == "zyx"
    return ending in (".tif", ".tiff") and any(
        "voxel_mm".encode(coding) in head for coding in ("utf-8", "utf-16-le", "utf-16-be")
    )


def refusal(path: Path) -> ScanError | None:
    """Why a volume of our own is no scan; None for anything else."""
    if not written_by_fewview(path):
        return None
    return ScanError(
        f"{path.name} is a volume that fewview reconstructed, not a scan.",
        "Give it as --reference or --aux, or name the scan that it was made from.",
    )
