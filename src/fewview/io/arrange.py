"""Images in the right order: projections or sinograms, detector first or last, and an angle for each view."""

from __future__ import annotations

from ..errors import ScanError
from ..frames import FrameSource
from ..provenance import Provenance
from . import angles as rules
from .fit_angles import Span, chosen_angles, fit_angles
from .oriented import Oriented
from .rearranged import Rearranged
from .request import Draft, Request
from .scan_facts import Angles, Layout


def arrange(made: Draft, request: Request) -> None:
    """Decide the layout and the angles of a draft; their number tells sinograms from projections."""
    images = made.found.images
    stored, span = chosen_angles(made, request)
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
        if layout == "projections":
            made.frames = turned_frames(made.frames, request)
        elif request.horizontal_axis:
            raise ScanError(
                f"{made.path.name} holds sinograms: their rows are angles, so no axis can be horizontal.",
                "Leave --horizontal-axis out, or say --layout projections.",
            )
        elif request.mirror:
            made.frames = Oriented(made.frames, mirror=True)
    fit_angles(made, request, stored, span)


def turned_frames(frames: FrameSource, request: Request) -> FrameSource:
    """Detector frames with the axis upright and not mirrored, as the user says."""
    if not (request.horizontal_axis or request.mirror):
        return frames
    return Oriented(frames, horizontal=request.horizontal_axis, mirror=request.mirror)


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
