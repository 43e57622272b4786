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
        "How several flat fields become one: by their mean, by their median, which ignores outliers, or "
        "interpolated in time between those taken before and after each view. Auto interpolates where they were "
        "taken at several times, and takes the mean elsewhere. Darks are combined in the same way.",
    )
    dose: Literal["auto", "none", "edges", "region", "monitor"] = option(
        "auto",
        "Dose correction",
        "Each view is divided by the brightness of the beam during it: edges measures that at the open edges of "
        "the detector, region in the open region, and monitor takes the counts of the beam monitor. Auto uses the "
        "monitor where the scan has its counts, and corrects nothing elsewhere; none never corrects.",
    )
    open_region: tuple[int, int, int, int] | None = option(
        None,
        "Open region",
        "The window of the detector that the sample never enters: first row, last row, first column and last "
        "column, where the last ones are no longer part of it. A larger window measures the beam with less noise.",
        unit="px",
        advanced=True,
    )
    zingers: float | None = option(
        None,
        "Zinger threshold",
        "A pixel that is brighter than the median of its neighbours by more than this fraction is left out; 0.3 "
        "suits the spots of gamma rays. A smaller value leaves out more pixels, and an empty one none.",
        gt=0,
        le=100,
    )
    saturation: float | None = option(
        None,
        "Saturation",
        "A pixel with this many counts or more is saturated and is left out. A smaller value leaves out more "
        "pixels, and an empty one none.",
        gt=0,
        advanced=True,
    )
    phase: float | None = option(
        None,
        "Phase filter",
        "The strength of a phase retrieval from one distance (Paganin), for X-rays that show bright and dark "
        "edges: pi x wavelength x distance x delta/beta / pixel^2. A larger value smooths more, and an empty one "
        "switches it off.",
        unit="px^2",
        gt=0,
        le=1e8,
        advanced=True,
    )
    tilt: float = option(
        0.0,
        "Axis tilt",
        "The angle between the rotation axis and the columns of the detector, by which the projections are turned "
        "back. It is positive where the axis moves to larger columns from the first row to the last.",
        unit="deg",
        ge=-15,
        le=15,
        advanced=True,
    )
    stripes: Stripes = option(
        "none",
        "Stripe removal",
        "The method that removes rings from the volume by cleaning stripes out of the sinograms. All of them rely "
        "on many views: below 90 views they do more harm than good.",
    )
    stripes_anyway: bool = option(
        False,
        "Stripes below 90 views",
        "Stripes are removed even though the scan has fewer than 90 views, where this may do more harm than good.",
        advanced=True,
    )
