"""Quality: metrics against a reference, and truth-free numbers from held-out measurements."""

from .coverage import coverage, crps, honest_factor
from .heldout import FEW_VIEWS, heldout_error, heldout_pixels, split_views
from .mask import field_of_view, object_mask
from .metrics import data_range, psnr, ssim
from .region import Region
from .regions import SCALES, RegionRow, region_row, scale_curve
from .residual import noise_across_rows, noise_level
from .sharpness import edge_width, noise

__all__ = [
    "FEW_VIEWS",
    "SCALES",
    "Region",
    "RegionRow",
    "coverage",
    "crps",
    "data_range",
    "edge_width",
    "field_of_view",
    "heldout_error",
    "heldout_pixels",
    "honest_factor",
    "noise",
    "noise_across_rows",
    "noise_level",
    "object_mask",
    "psnr",
    "region_row",
    "scale_curve",
    "split_views",
    "ssim",
]
