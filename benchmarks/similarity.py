"""PSNR in dB and SSIM as rows of the results keep them."""

from typing import Any

from fewview.quality import psnr, ssim


def similarity(volume: Any, reference: Any) -> dict[str, float]:
    """Both under their names, rounded; a slice of under 7 pixels has no SSIM."""
    alike = ssim(volume, reference)
    return {"psnr": round(psnr(volume, reference), 3)} | ({} if alike is None else {"ssim": round(alike, 4)})
