"""What may be done to the data before they are line integrals; one options model for form, flags, recipe and record."""

from __future__ import annotations

from typing import Literal

from ..options import Options, option

Algotom = Literal["sorting", "filtering", "fitting", "wavelet-fft", "large", "dead", "all"]
Tomopy = Literal["tomopy-fw", "tomopy-ti", "tomopy-sf"]
Stripes = Literal["none"] | Algotom | Tomopy


class PrepareOptions(Options):
    """Options of the preparation."""

    flat: Literal["auto", "mean", "median", "interpolate"] = option(
        "auto",
        "Flats and darks",
        "How several flat fields become one: mean; median, which ignores outliers; or interpolated in time "
        "between those taken before and after each view. Auto interpolates where they were taken at several "
        "times, else takes the mean.",
    )
    dose: Literal["auto", "none", "edges", "region", "monitor"] = option(
        "auto",
        "Dose correction",
        "Scale each view by the beam it had: so that open beam reads 1 at the open edges of the detector or in the "
        "open region, or by the counts of the beam monitor. Auto uses the monitor where the scan has its counts, else "
        "nothing.",
    )
    open_region: tuple[int, int, int, int] | None = option(
        None,
        "Open region",
        "Detector window that the sample never enters: first row, last row, first column, last column (exclusive).",
        unit="px",
        advanced=True,
    )
    zingers: float | None = option(
        None,
        "Zinger threshold",
        "Pixels brighter than the median of their neighbours by this fraction are masked; 0.3 suits gamma spots. "
        "Off when empty.",
        gt=0,
    )
    saturation: float | None = option(
        None, "Saturation", "Counts from which a pixel is saturated, and masked. Off when empty.", gt=0, advanced=True
    )
    phase: float | None = option(
        None,
        "Phase filter",
        "Single-distance phase retrieval (Paganin), strength pi x wavelength x distance x delta/beta / pixel^2; larger "
        "smooths more. Off when empty.",
        unit="px^2",
        gt=0,
        advanced=True,
    )
    tilt: float = option(
        0.0,
        "Axis tilt",
        "Angle between the rotation axis and the detector's columns, by which the projections are turned back; "
        "positive where the axis moves to larger columns from the first row to the last.",
        unit="deg",
        ge=-15,
        le=15,
        advanced=True,
    )
    stripes: Stripes = option(
        "none",
        "Stripe removal",
        "The method that removes ring artefacts by cleaning the sinograms. All of them rely on many views: "
        "below 90 views they do more harm than good.",
    )
    stripes_anyway: bool = option(
        False,
        "Stripes below 90 views",
        "Stripes are removed even though the scan has few views, where this may do harm.",
        advanced=True,
    )
