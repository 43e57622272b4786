"""What the entries of a run record are called for people; their own names are those of the file. No Qt."""

from __future__ import annotations

from typing import Any

TITLES = {
    "kept": "What is kept",
    "holds": "It holds",
    "chosen": "Chosen by the run",
    "steps_planned": "Steps planned",
    "heldout_error": "Held-out error",
    "own_error": "Own held-out error",
    "data_residual": "Data residual",
    "psnr": "PSNR / dB",
    "ssim": "SSIM",
    "seconds": "Time / s",
    "timings": "Times / s",
    "peak_memory_mb": "Peak memory / MB",
    "memory_forecast_mb": "Memory forecast / MB",
    "slabs": "Parts that the volume was cut into",
    "operator": "Projector",
    "views_held_out": "Views held out",
    "angles_deg": "Angles / °",
    "axis": "Rotation axis / px",
    "axis_origin": "Axis from",
    "unit": "Unit of the values",
    "shape": "Voxels (z, y, x)",
    "extra_volumes": "Further volumes",
    "scalars": "Last values told",
    "masked": "Left out of the data",
    "provenance": "Where facts come from",
    "notes": "Notes",
    "input": "Files",
    "input_sha256": "SHA-256 of the files",
    "outside_training": "Unlike the training",
    "psnr_low": "PSNR, low / dB",
}
UNITS = {"_mb": " / MB", "_mm": " / mm", "_deg": " / °", "_s": " / s"}
ABBREVIATIONS = {"psnr": "PSNR", "ssim": "SSIM", "tv": "TV", "fbp": "FBP", "sha256": "SHA-256", "std": "Std"}


def title_of(name: str) -> str:
    """Words for an entry: "peak_memory_mb" is "Peak memory / MB"."""
    if name in TITLES:
        return TITLES[name]
    ending = next((end for end in UNITS if name.endswith(end)), "")
    words = name.removesuffix(ending).replace("_", " ").split() or [name]
    words = [ABBREVIATIONS.get(word, word) for word in words]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]]) + UNITS.get(ending, "")


def plain(value: Any) -> str:
    """A value as one reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == [] or value == {} or value == "":
        return "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
