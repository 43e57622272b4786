"""What the user says about a scan file: the flags that `info` and `reconstruct` share."""

from __future__ import annotations

from typing import Annotated, Any

from ..runs.recipe import ReaderChoices
from .shared_flags import flag


def reading(
    angles: Annotated[str | None, flag(ReaderChoices, "angles")] = None,
    layout: Annotated[str | None, flag(ReaderChoices, "layout")] = None,
    kind: Annotated[str | None, flag(ReaderChoices, "kind")] = None,
    pixel: Annotated[float | None, flag(ReaderChoices, "pixel")] = None,
    flats: Annotated[str | None, flag(ReaderChoices, "flats")] = None,
    darks: Annotated[str | None, flag(ReaderChoices, "darks")] = None,
    dataset: Annotated[str | None, flag(ReaderChoices, "dataset")] = None,
    exclude: Annotated[str | None, flag(ReaderChoices, "exclude")] = None,
    reverse_angles: Annotated[bool, flag(ReaderChoices, "reverse_angles", "--reverse-angles")] = False,
    mirror: Annotated[bool, flag(ReaderChoices, "mirror", "--mirror")] = False,
    horizontal_axis: Annotated[bool, flag(ReaderChoices, "horizontal_axis", "--horizontal-axis")] = False,
    geometry: Annotated[str | None, flag(ReaderChoices, "geometry")] = None,
) -> dict[str, Any]:
    """What the flags say of it, checked: the keywords of :func:`fewview.read_scan`."""
    return ReaderChoices.parse({k: v for k, v in locals().items() if v is not None and v is not False}).given()
