"""Options of the preparation: what is done to the frames between the detector and the line integrals."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import field_validator

from ..options import Options, option

FieldMethod = Literal["mean", "median", "interpolate"]
StripeMethod = Literal[
    "off", "sorting", "filtering", "fitting", "interpolation", "wavelet", "all", "tomopy-fw", "tomopy-ti", "tomopy-sf"
]
_BOX = re.compile(r"^(\d+):(\d+),(\d+):(\d+)$")


class PrepareOptions(Options):
    """From raw counts to line integrals."""

    flat: FieldMethod = option(
        "mean",
        "Flat frames",
        "How flats are combined: mean; median, which ignores outliers; or interpolated between before and after.",
    )
    dark: Literal["mean", "median"] = option(
        "mean", "Dark frames", "How darks are combined: mean, or median, which ignores outliers."
    )
    dose: str = option(
        "off",
        "Dose correction",
        "Scale each view so that an open region shows full transmission: off, edges (open detector edges, found by "
        "themselves) or a box ROW:ROW,COLUMN:COLUMN.",
    )
    saturation: float = option(
        65535.0, "Saturation", "Counts from which a pixel is taken as saturated and masked.", unit="counts", gt=0
    )
    dead: float = option(
        0.02,
        "Dead pixel level",
        "A pixel whose flat is below this part of the median flat is masked; larger masks more of a dim beam edge.",
        ge=0,
        le=1,
        advanced=True,
    )
    zingers: Literal["off", "bright", "both"] = option(
        "off", "Zingers", "Find single outlying pixels in counts; bright ones only (gamma hits), or dark ones too."
    )
    zinger_threshold: float = option(
        6.0, "Zinger threshold", "Standard deviations over the local median; larger finds fewer.", gt=0
    )
    zinger_size: int = option(
        5, "Zinger window", "Side of the window of the median; must exceed the largest zinger.", unit="px", ge=3,
        advanced=True,
    )  # fmt: skip
    stripes: StripeMethod = option(
        "off", "Stripe removal", "Remove stripes of the sinogram, which make rings; see algotom and tomopy."
    )
    stripe_size: int = option(
        21, "Stripe window", "Window of the stripe filters; larger removes wider stripes.", unit="px", ge=1,
        advanced=True,
    )  # fmt: skip
    stripe_views: int = option(
        90,
        "Fewest views for stripes",
        "With fewer views stripe removal is left out: it takes the object's own features for stripes.",
        unit="views",
        ge=1,
        advanced=True,
    )
    paganin: float = option(
        0.0,
        "Paganin strength",
        "Phase retrieval: pi x wavelength x distance x delta/beta / pixel^2. Larger is smoother; 0 is off.",
        unit="px^2",
        ge=0,
    )

    @field_validator("dose")
    @classmethod
    def _known_dose(cls, value: str) -> str:
        if value in ("off", "edges"):
            return value
        match = _BOX.match(value.replace(" ", ""))
        if match is None or int(match[1]) >= int(match[2]) or int(match[3]) >= int(match[4]):
            raise ValueError("give off, edges, or a box like 0:100,5:25")
        return match[0]

    @property
    def dose_box(self) -> tuple[int, int, int, int] | None:
        """First and last row, first and last column (exclusive) of the open region, or None."""
        match = _BOX.match(self.dose)
        return None if match is None else (int(match[1]), int(match[2]), int(match[3]), int(match[4]))
