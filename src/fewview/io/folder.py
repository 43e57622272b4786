"""Folders of images, and single image files that hold several: projections or sinograms, flats, darks, angles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import ScanError
from . import names
from .angle_log import is_angle_log, read_angle_file
from .fits import FITS
from .images import ImageFormat, ImageStack
from .scan_facts import Angles, Found, layout_of_name
from .tiff import TIFF

FORMATS = (TIFF, FITS)
_WRAPPERS = {
    "projections",
    "projection",
    "proj",
    "tomo",
    "raw",
    "data",
    "sample",
    "ct",
    "scan",
    "images",
    "radiographs",
}


def image_format(path: Path) -> ImageFormat | None:
    """The image format that this file name says it has."""
    return next((one for one in FORMATS if path.suffix.lower() in one.extensions), None)


def read_files(files: Sequence[Path]) -> ImageStack:
    """These image files as one source, in natural order.

    Raises
    ------
    ScanError
        Mixed formats, or a file that cannot be read.
    """
    formats = {image_format(path) for path in files}
    if len(formats) != 1 or None in formats:
        kinds = ", ".join(sorted({path.suffix for path in files}))
        raise ScanError(f"{files[0].parent.name} mixes files of the kinds {kinds}.", "Keep one format per folder.")
    form = formats.pop()
    assert form is not None
    return ImageStack(tuple(form.describe(path) for path in sorted(files, key=names.natural)), form.read)


def read_image_file(path: Path, form: ImageFormat) -> Found:
    """A single image file, one image or many."""
    stack = ImageStack((form.describe(path),), form.read)
    refusal = None
    what = names.role(path.stem)
    if what in ("flat", "dark"):
        name = "an open-beam (flat)" if what == "flat" else "a beam-off (dark)"
        refusal = ScanError(
            f"{path.name} is {name} frame by its name: there are no projections in it.",
            "Name the folder with the projections beside it.",
        )
    return Found(form.title, (path,), stack, layout_of_name(path.name), _angles(stack, path), refusal=refusal)


def read_folder(path: Path, patterns: Mapping[names.Role, str]) -> Found:
    """A folder of images, with or without sub-folders.

    Parameters
    ----------
    path : Path
    patterns : mapping
        The user's name patterns for "flat" and "dark" files; they come before what the names suggest.

    Raises
    ------
    ScanError
        No images, several scans, or files that do not belong together.
    """
    groups = {folder: _images(folder) for folder in [path, *_subfolders(path)]}
    groups = {folder: files for folder, files in groups.items() if files}
    if not groups:
        raise _no_images(path)
    projections: dict[Path, list[Path]] = {}
    flats: list[Path] = []
    darks: list[Path] = []
    notes: list[str] = []
    unsure: list[Path] = []  # flats or darks by their names, but not by the user's pattern
    for folder, files in groups.items():
        of_folder: names.Role = "projection" if folder == path else names.role(folder.name)
        for file in files:
            given = next((what for what, pattern in patterns.items() if names.matches(file, pattern)), None)
            what = given or (names.role(file.stem) if of_folder == "projection" else of_folder)
            if given is None and what in patterns:
                unsure.append(file)
            elif what == "opposite":
                notes.append(f"{file.relative_to(path)} (the view at 180 degrees for alignment) is left out.")
            elif what == "projection":
                projections.setdefault(folder, []).append(file)
            else:
                (flats if what == "flat" else darks).append(file)
    if unsure and not projections:  # the sample's name sounds like a flat: the user's pattern tells better
        projections[path] = unsure
    elif unsure:
        notes.append(f"{files_in_words(unsure)}: left out, not of the pattern given.")
    if not projections:
        raise ScanError(
            f"{path} holds only flats and darks by their names ({files_in_words(flats + darks)}).",
            "Name the folder of the projections, or say which of them are flats with --flats PATTERN.",
        )
    if len(projections) > 1:
        listed = ", ".join(str(folder.relative_to(path.parent)) for folder in projections)
        raise ScanError(f"{path} holds several scans: {listed}.", "Name one of these folders.")
    folder, files = projections.popitem()
    _one_series(path, files)
    stack = read_files(files)
    found = Found(
        f"folder of {stack_format(stack)} images",
        (path, *(file.path for file in stack.files)),
        stack,
        layout_of_name(folder.name) or layout_of_name(files[0].name),
        _angles(stack, folder) or _log(folder) or _log(path),
        flats=read_files(flats) if flats else None,
        darks=read_files(darks) if darks else None,
        notes=tuple(notes),
    )
    if flats:
        times = [names.flat_time(f"{file.parent.name} {file.stem}") for file in sorted(flats, key=names.natural)]
        if len({time for time in times if time is not None}) == 2 and None not in times:
            assert isinstance(found.flats, ImageStack)
            per_image = [time for time, file in zip(times, found.flats.files, strict=True) for _ in range(file.count)]
            found = replace(found, flat_times=np.array(per_image, dtype=np.float64))
    elif path.name.lower() in _WRAPPERS and any(names.role(file.stem) == "flat" for file in _images(path.parent)):
        found = replace(found, notes=(*found.notes, f"Flats lie in the folder above: name {path.parent} to use them."))
    return found


def stack_format(stack: ImageStack) -> str:
    """Title of the format of its files."""
    form = image_format(stack.files[0].path)
    return form.title if form else "image"


def files_in_words(files: Sequence[Path]) -> str:
    """A few names, and how many more."""
    shown = ", ".join(file.name for file in files[:3])
    return shown if len(files) <= 3 else f"{shown} and {len(files) - 3} more"


def _images(folder: Path) -> list[Path]:
    files = (file for file in folder.iterdir() if image_format(file) and not file.name.startswith("."))
    return sorted((file for file in files if file.is_file()), key=names.natural)


def _subfolders(path: Path) -> list[Path]:
    return sorted((f for f in path.iterdir() if f.is_dir() and not f.name.startswith(".")), key=names.natural)


def _no_images(path: Path) -> ScanError:
    others = [file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")]
    if others:
        return ScanError(
            f"The folder {path} holds no TIFF or FITS images ({files_in_words(others)}).", "Name the scan file itself."
        )
    return ScanError(f"The folder {path} is empty.", "Name the folder that holds the images.")


def _one_series(path: Path, files: list[Path]) -> None:
    """Refuse a folder whose images are not one numbered series."""
    found: dict[str, list[Path]] = {}
    for file in files:
        found.setdefault(names.series(file.stem), []).append(file)
    if len(found) > 1:
        listed = "; ".join(
            group[0].name if len(group) == 1 else f"{len(group)} like {group[0].name}"
            for group in list(found.values())[:6]
        )
        what = "several scans" if min(len(group) for group in found.values()) > 1 else "images of several names"
        raise ScanError(
            f"{path} holds {what}, not one numbered series of projections: {listed}.",
            "Keep one scan per folder, or name a single file.",
        )


def _angles(stack: ImageStack, where: Path) -> Angles | None:
    """From the headers, else from the names."""
    if all(file.angle is not None and file.count == 1 for file in stack.files) and len(stack.files) > 1:
        values = np.array([file.angle for file in stack.files], dtype=np.float64)
        return Angles(values, "degrees", f"header of each file in {where.name}")
    if all(file.count == 1 for file in stack.files):
        named = names.angles_in_names([file.path.stem for file in stack.files])
        if named is not None:
            return Angles(named, "degrees", "the file names")
    return None


def _log(folder: Path) -> Angles | None:
    logs = [file for file in sorted(folder.iterdir(), key=names.natural) if file.is_file() and is_angle_log(file)]
    return read_angle_file(logs[0]) if len(logs) == 1 else None
