"""Images in the right order: projections or sinograms, detector first or last, and an angle for each view."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..provenance import Provenance
from . import angles as rules
from .angle_log import read_angle_file
from .kind import sample
from .rearranged import Rearranged
from .request import Draft, Request
from .scan_facts import Angles, Layout

Span = tuple[float, float, bool]  # start and stop in degrees, and whether stop is a view


def arrange(made: Draft, request: Request) -> None:
    """Decide the layout and the angles of a draft; their number tells sinograms from projections."""
    images = made.found.images
    stored, span = _chosen_angles(made, request)
    if images is not None:
        layout, how, turned = _layout(made, request, stored, span)
        made.provenance["layout"] = how
        if layout is None:
            _refuse_single_image(made)
            return
        order = (0, 1, 2) if layout == "projections" else ((2, 0, 1) if turned else (1, 0, 2))
        made.frames = images if order == (0, 1, 2) else Rearranged(images, order)
        made.layout = layout
        if layout == "sinogram" and turned:
            made.notes.append(f"The file has the detector first {images.shape[1:]}: transposed to (angle, column).")
    views = None if made.frames is None else made.frames.shape[0]
    if span is not None and views is not None:
        made.angles = rules.spread(*span, views)
        said = f"--angles {span[0]:g}:{span[1]:g}{':endpoint' if span[2] else ''}"
        made.provenance["angles"] = Provenance("given", f"{said}, {views} equal steps")
        _note_radians(made, said, span[1] - span[0])
    elif stored is not None:
        made.angles = _fit(made, stored, views, given=request.angles is not None)
    else:
        made.provenance["angles"] = Provenance("missing", "the file says nothing")
        _refuse_without_angles(made)
    _refuse_holes(made)


def _chosen_angles(made: Draft, request: Request) -> tuple[Angles | None, Span | None]:
    choice = request.angles
    if choice is None:
        return made.found.angles, None
    if isinstance(choice, (str, Path)):
        span = rules.parse_range(str(choice))
        return (None, span) if span else (read_angle_file(Path(choice)), None)
    return Angles(np.asarray(choice, dtype=np.float64).reshape(-1), "radians", "the angles given"), None


def _layout(
    made: Draft, request: Request, stored: Angles | None, span: Span | None
) -> tuple[Layout | None, Provenance, bool]:
    """Layout, how it is known, and whether the detector comes first in each sinogram."""
    images, hint = made.found.images, made.found.layout
    assert images is not None
    n, height, width = images.shape
    count = None if stored is None else len(stored.values)
    turned = count is not None and count == width != height
    if request.layout is not None:
        return request.layout, Provenance("given", f"--layout {request.layout}"), turned
    if hint is not None and hint[1].how == "read":
        return *hint, turned
    if stored is not None and n > 1 and (count == n or rules.trim_repeats(stored.values, n) is not None):
        return "projections", Provenance("found", f"{count} angles for {n} images"), False
    if count is not None and count in (height, width):
        return "sinogram", Provenance("found", f"{count} angles for images of {height} x {width}"), turned
    if hint is not None:
        return *hint, False
    if n > 1 or count == 1:
        return "projections", Provenance("assumed", f"{n} images"), False
    if stored is not None or span is not None:
        return "sinogram", Provenance("assumed", "a single image with angles"), False
    return None, Provenance("missing", "a single image without angles"), False


def _refuse_single_image(made: Draft) -> None:
    assert made.found.images is not None
    _, height, width = made.found.images.shape
    if made.found.flats is not None:
        made.refuse(
            f"{made.path.name} holds a single projection of {height} x {width} pixels beside its flats: "
            "a radiograph, not a scan.",
            "Name the folder with all projections.",
            hopeless=True,
        )
        return
    made.refuse(
        f"{made.path.name} holds a single image of {height} x {width} pixels and no angles: "
        "a radiograph, a reconstructed slice or a sinogram.",
        "If its rows are views, say --layout sinogram --angles START:STOP. "
        "A slice or volume is given as --reference or --aux.",
        hopeless=True,
    )


def _fit(made: Draft, stored: Angles, views: int | None, *, given: bool) -> NDArray[np.float64] | None:
    """Stored angles in radians, one per view; what does not fit is refused, unless it explains itself."""
    values, unit, reason = stored.values, stored.unit, ""
    if views is not None and len(values) != views:
        trimmed = rules.trim_repeats(values, views)
        if trimmed is None:
            made.provenance["angles"] = Provenance("missing", f"{len(values)} angles for {views} projections")
            made.refuse(
                f"{stored.where} holds {len(values)} angles for the {views} projections of {made.path.name}.",
                "Flats and darks may have lines of their own, or frames may be missing: leave the lines of the "
                "projections in the log, or give --angles START:STOP.",
            )
            return None
        total = len(values)
        values, before, after = trimmed
        made.notes.append(
            f"{stored.where} holds {total} angles for {views} projections: the first {before} and "
            f"the last {after} repeat the end positions (flats and darks) and are left out."
        )
    if unit is None and np.all(np.isfinite(values)):
        unit, reason = rules.decide_unit(values)
    how = Provenance("given" if given else "read", f"{stored.where}, {unit or 'no unit'}")
    if reason:
        how = Provenance("assumed", f"{stored.where}, taken for {unit}: {reason}")
    made.provenance["angles"] = how
    if unit == "degrees" and len(values) > 1:
        _note_radians(made, stored.where, float(np.ptp(values)) * len(values) / (len(values) - 1))
    return values if unit == "radians" else np.deg2rad(values)


def _note_radians(made: Draft, said: str, arc: float) -> None:
    if rules.like_radians(arc):
        made.notes.append(f"{said}: an arc of {arc:.4g} degrees. Are the angles in radians?")


def _refuse_without_angles(made: Draft) -> None:
    if made.frames is None:
        made.refuse(f"{made.path.name} says no angles.", rules.FLAG)
        return
    views, rows, columns = made.frames.shape
    if views == 1:
        made.refuse(
            f"{made.path.name} holds a single projection of {rows} x {columns} pixels: a radiograph, not a scan.",
            "Name the folder or file with all projections.",
            hopeless=True,
        )
    elif np.isin(sample(made.frames), (0, 1)).all():
        made.refuse(
            f"{made.path.name} ({views} x {rows} x {columns}) holds only 0 and 1: a segmented volume, not a scan.",
            "Give it as --reference or --aux.",
            hopeless=True,
        )
    else:
        made.refuse(f"{made.path.name} says no angles for its {views} views.", rules.FLAG)


def _refuse_holes(made: Draft) -> None:
    """Angles that are not numbers, or that were reserved and never written: all the same, mostly 0."""
    if made.angles is None:
        return
    where = made.provenance["angles"].where
    bad = np.flatnonzero(~np.isfinite(made.angles))
    if len(bad):
        made.refuse(f"{where}: the angle of view {bad[0]} is not a number ({len(bad)} such).", rules.FLAG)
    elif len(made.angles) > 1 and np.ptp(made.angles) == 0:
        same = f"all {len(made.angles)} views have the same angle ({np.degrees(made.angles[0]):g} degrees)"
        made.refuse(f"{where}: {same}.", rules.FLAG)
