"""From what a file says and what the user adds to a scan, or to the list of what is still missing.

``read_scan`` raises the first thing that is missing; ``inspect`` shows them all. Both stand on the same draft.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ScanError
from ..frames import ArrayFrames, FrameSource
from ..origins import Origin
from ..scan import Kind
from . import angles as angle_rules
from . import kind as kind_rules
from .angle_log import read_angle_file
from .found import Angles, Found, Layout
from .names import Role
from .numpy_files import as_images
from .rearranged import Rearranged
from .registry import find

AngleChoice = str | Path | ArrayLike
FieldChoice = str | Path | NDArray


@dataclass(frozen=True, eq=False)
class Request:
    """What the user says about a scan; the keywords of :func:`fewview.read_scan`."""

    angles: AngleChoice | None = None
    layout: Layout | None = None
    kind: Kind | None = None
    pixel: float | None = None
    flats: FieldChoice | None = None
    darks: FieldChoice | None = None
    axis: float | None = None
    dataset: str | None = None


@dataclass(eq=False)
class Draft:
    """A scan in the making. ``lacks`` names what keeps it from being one, the gravest first."""

    path: Path
    found: Found
    frames: FrameSource | None = None
    angles: NDArray[np.float64] | None = None
    flats: FrameSource | None = None
    darks: FrameSource | None = None
    flat_times: NDArray[np.float64] | None = None
    kind: Kind = "counts"
    pixel: float | None = None
    axis: float | None = None
    origins: dict[str, Origin] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    lacks: list[ScanError] = field(default_factory=list)


def draft(path: str | Path, request: Request) -> Draft:
    """Read the headers and decide.

    Raises
    ------
    ScanError
        Nothing can be said about the file at all: missing, damaged, unknown.
    """
    path = Path(path)
    patterns: dict[Role, str] = {}
    for role, choice in (("flat", request.flats), ("dark", request.darks)):
        if isinstance(choice, str) and path.is_dir() and not Path(choice).exists():
            patterns[role] = choice  # type: ignore[index]  # the two roles above
    found = find(path, request.dataset, patterns)
    made = Draft(path, found, notes=list(found.notes), flat_times=found.flat_times)
    if found.refusal is not None:
        made.lacks.append(found.refusal)
    _angles_and_layout(made, request)
    _fields(made, request, set(patterns))
    _numbers(made, request)
    if made.frames is not None:
        _kind(made, request)
    return made


def _angles_and_layout(made: Draft, request: Request) -> None:
    """Angles first: their number tells sinograms from projections."""
    images = made.found.images
    stored, span = _chosen_angles(made, request)
    count = None if stored is None else len(stored.values)
    if images is not None:
        layout, how, transposed = _layout(made, request, stored, span is not None)
        if layout is None:
            return
        order = {"projections": (0, 1, 2), "sinogram": (2, 0, 1) if transposed else (1, 0, 2)}[layout]
        made.frames = images if order == (0, 1, 2) else Rearranged(images, order)
        if transposed:
            made.notes.append(
                f"The detector comes first in the file {images.shape[1:]}: transposed to (angle, column)."
            )
        made.origins["layout"] = how
    views = count if made.frames is None else made.frames.shape[0]
    if span is not None and views is not None:
        made.angles = angle_rules.spread(*span, views)
        said = f"--angles {span[0]:g}:{span[1]:g}{':endpoint' if span[2] else ''}"
        made.origins["angles"] = Origin("given", f"{said}, {views} equal steps")
    elif stored is not None:
        made.angles = _fit(made, stored, views, given=request.angles is not None)
    if made.angles is None:
        made.origins["angles"] = Origin("missing", "the file says nothing")
        if not made.lacks:
            made.lacks.append(_no_angles(made))
    elif not np.all(np.isfinite(made.angles)):
        bad = np.flatnonzero(~np.isfinite(made.angles))
        name = made.origins["angles"].where
        made.lacks.append(
            ScanError(f"{name}: the angle of view {bad[0]} is not a number ({len(bad)} such).", angle_rules.FLAG)
        )


def _chosen_angles(made: Draft, request: Request) -> tuple[Angles | None, tuple[float, float, bool] | None]:
    choice = request.angles
    if choice is None:
        return made.found.angles, None
    if isinstance(choice, (str, Path)):
        span = angle_rules.parse_range(str(choice))
        return (None, span) if span else (read_angle_file(Path(choice)), None)
    return Angles(np.asarray(choice, dtype=np.float64).reshape(-1), "radians", "by the user"), None


def _layout(made: Draft, request: Request, stored: Angles | None, spread: bool) -> tuple[Layout | None, Origin, bool]:
    """Layout, how it is known, and whether the detector comes first in each sinogram."""
    images = made.found.images
    assert images is not None
    n, height, width = images.shape
    count = None if stored is None else len(stored.values)
    turned = count is not None and count == width != height
    if request.layout is not None:
        return request.layout, Origin("given", f"--layout {request.layout}"), turned
    hint = made.found.layout
    if hint is not None and hint[1].how == "read":
        return *hint, turned
    if stored is not None and n > 1 and (count == n or angle_rules.trim_repeats(stored.values, n) is not None):
        return "projections", Origin("found", f"{count} angles for {n} images"), False
    if count is not None and count in (height, width):
        return "sinogram", Origin("found", f"{count} angles for images of {height} x {width}"), turned
    if hint is not None:
        return *hint, False
    if n > 1 or count == 1:
        return "projections", Origin("assumed", f"{n} images"), False
    if count is not None:  # angles that fit neither side: the count check reports it
        return "sinogram", Origin("assumed", "a single image with angles"), False
    if spread:
        return "sinogram", Origin("assumed", "a single image and a range of angles"), False
    if not made.lacks:
        made.lacks.append(
            ScanError(
                f"{made.path.name} holds a single image of {height} x {width} pixels and no angles: "
                "a radiograph, a reconstructed slice or a sinogram.",
                "If its rows are views, say --layout sinogram --angles START:STOP. "
                "A slice or volume is given as --reference or --aux.",
            )
        )
    return None, Origin("missing", ""), False


def _fit(made: Draft, stored: Angles, views: int | None, *, given: bool) -> NDArray[np.float64] | None:
    """Stored angles in radians, one per view; what does not fit is refused, unless it explains itself."""
    values, unit, reason = stored.values, stored.unit, ""
    if views is not None and len(values) != views:
        trimmed = angle_rules.trim_repeats(values, views)
        if trimmed is None:
            made.lacks.append(
                ScanError(
                    f"{stored.where} holds {len(values)} angles for {views} projections in {made.path.name}.",
                    "Flats and darks may have angle lines too, or frames are missing: take the lines of the "
                    "projections only, or give --angles START:STOP.",
                )
            )
            return None
        values, before, after = trimmed
        made.notes.append(
            f"{stored.where} holds {before + after + views} angles for {views} projections: the first {before} and "
            f"the last {after} repeat the end positions (flats and darks) and are left out."
        )
    if unit is None and np.all(np.isfinite(values)):
        unit, reason = angle_rules.decide_unit(values)
    how = Origin("given" if given else "read", f"{stored.where}, {unit}")
    if reason:
        how = Origin("assumed", f"{stored.where}, taken for {unit}: {reason}")
    made.origins["angles"] = how
    return np.deg2rad(values) if unit == "degrees" else values


def _no_angles(made: Draft) -> ScanError:
    images = made.found.images
    if images is None:
        return ScanError(f"{made.path.name} says no angles.", angle_rules.FLAG)
    n, height, width = images.shape
    if n == 1 and made.origins["layout"].where != "--layout sinogram" and height > 1 and made.frames is images:
        return ScanError(
            f"{made.path.name} holds a single projection of {height} x {width} pixels: a radiograph, not a scan.",
            "Name the folder or file with all projections.",
        )
    values = kind_rules.sample(images)
    if np.isin(values, (0, 1)).all():
        return ScanError(
            f"{made.path.name} ({n} x {height} x {width}) holds only 0 and 1: a segmented volume, not a scan.",
            "Give it as --reference or --aux.",
        )
    views = n if made.frames is None else made.frames.shape[0]
    return ScanError(f"{made.path.name} says no angles for its {views} views.", angle_rules.FLAG)


def _fields(made: Draft, request: Request, by_pattern: set[Role]) -> None:
    roles: tuple[tuple[Role, str, Any, FrameSource | None], ...] = (
        ("flat", "flats", request.flats, made.found.flats),
        ("dark", "darks", request.darks, made.found.darks),
    )
    for role, name, choice, found in roles:
        source, how = found, Origin("read", made.found.format)
        if role in by_pattern:
            how = Origin("given", f"--{name} {choice}")
            if found is None:
                raise ScanError(
                    f"--{name} {choice}: no file of {made.path.name} has such a name.", "Check the pattern."
                )
        elif choice is not None:
            source, how = _given_frames(choice), Origin("given", f"--{name}")
            if role == "flat":
                made.flat_times = None
        setattr(made, name, source)
        if source is None:
            made.origins[name] = Origin("missing", f"no {name} in the file")
            continue
        made.origins[name] = how
        if made.frames is not None and source.shape[1:] != made.frames.shape[1:]:
            made.lacks.append(
                ScanError(
                    f"The {name} are {source.shape[1]} x {source.shape[2]} pixels, the projections of "
                    f"{made.path.name} {made.frames.shape[1]} x {made.frames.shape[2]}.",
                    f"Give {name} of the same detector window with --{name}.",
                )
            )
    if made.flats is not None:
        first = made.flats.read(np.array([0]), (0, made.flats.shape[1]), (0, made.flats.shape[2]))
        zeros = int(np.sum(~(first > 0)))
        if zeros:
            made.notes.append(f"{zeros} pixels of the first flat are zero: dead pixels, masked in the preparation.")


def _given_frames(choice: FieldChoice) -> FrameSource:
    if isinstance(choice, (str, Path)):
        found = find(Path(choice), patterns={"projection": "*"})
        if found.images is None:
            raise found.refusal or ScanError(f"{choice} holds no frames.", "Name a file or folder of frames.")
        return found.images
    return ArrayFrames(as_images(np.asarray(choice), "the array given"))


def _numbers(made: Draft, request: Request) -> None:
    given: tuple[tuple[str, float | None, tuple[float, Origin] | None, str], ...] = (
        ("pixel", request.pixel, made.found.pixel, "unknown: values are per pixel; give --pixel MM"),
        ("axis", request.axis, made.found.axis, "not in the file: found from the data when reconstructing"),
    )
    for name, choice, found, missing in given:
        if choice is not None:
            setattr(made, name, float(choice))
            made.origins[name] = Origin("given", f"--{name} {choice:g}")
        elif found is not None:
            setattr(made, name, found[0])
            made.origins[name] = found[1]
        else:
            made.origins[name] = Origin("missing", missing)


def _kind(made: Draft, request: Request) -> None:
    assert made.frames is not None
    values = kind_rules.sample(made.frames)
    if kind_rules.swapped(values, made.frames.dtype):
        made.lacks.append(
            ScanError(
                f"The pixels of {made.path.name} look byte-swapped: they are smooth only in the other byte order.",
                "Save the file again with the right byte order (endian).",
            )
        )
    if request.kind is not None:
        made.kind, made.origins["kind"] = request.kind, Origin("given", f"--kind {request.kind}")
    elif made.found.kind is not None:
        made.kind, made.origins["kind"] = made.found.kind, Origin("read", made.found.format)
    else:
        made.kind, reason = kind_rules.guess_kind(values, made.frames.dtype, made.flats is not None)
        made.origins["kind"] = Origin("assumed", reason)
    note = kind_rules.scale_note(values, made.kind)
    if note is not None:
        made.notes.append(note)
