"""Folders of images, and single image files that hold several: projections or sinograms, flats, darks, angles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ScanError
from . import names, scanner_log
from .angle_log import is_angle_log, read_angle_file
from .edf import EDF
from .fits import FITS
from .folder_roles import files_in_words, one_series, sort_images
from .image_numbers import numbers
from .images import ImageFormat, ImageStack
from .name_angles import angles_in_names
from .scan_facts import Angles, Found, layout_of_name
from .tiff import TIFF

FORMATS = (TIFF, FITS, EDF)
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
    name = path.name.lower()
    return next((one for one in FORMATS if name.endswith(one.extensions)), None)


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
    if what in ("flat", "dark") and names.sure(path.stem):
        name = "an open-beam (flat)" if what == "flat" else "a beam-off (dark)"
        refusal = ScanError(
            f"{path.name} is {name} frame by its name: there are no projections in it.",
            "Name the folder with the projections beside it.",
        )
    return Found(
        form.title,
        (path,),
        stack,
        layout_of_name(path.name),
        _in_headers(stack),
        notes=stack.files[0].notes,
        refusal=refusal,
    )


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
    made = sort_images(path, groups, patterns)
    one_series(made, path)
    stack = read_files(made.projections)
    form = image_format(stack.files[0].path)
    assert form is not None  # read_files refuses files of no known format
    sources, faults = _sources(stack, made.folder, path)
    flats = read_files(made.flats) if made.flats else None
    darks = read_files(made.darks) if made.darks else None
    if (
        flats is None
        and path.name.lower() in _WRAPPERS
        and any(names.role(f.stem) == "flat" for f in _images(path.parent))
    ):
        made.notes.append(f"Flats lie in the folder above: name {path.parent} to use them.")
    single = all(file.count == 1 for file in stack.files)
    scanner = scanner_log.beside(path) or scanner_log.beside(made.folder)
    return Found(
        f"folder of {form.title} images",
        (path, *(file.path for file in stack.files)),
        stack,
        layout_of_name(made.folder.name) or layout_of_name(made.projections[0].name),
        sources[0] if sources else None,
        flats=flats,
        darks=darks,
        flat_times=None if flats is None else _flat_times(flats, stack),
        pixel=None if scanner is None else scanner.pixel,
        fan=None if scanner is None else scanner.fan,
        notes=(*made.notes, *(faults if sources else ()), *stack.files[0].notes),
        more_angles=tuple(sources[1:]),
        names=tuple(file.path.name for file in stack.files) if single else (),
        other_names=tuple(file.name for file in (*made.flats, *made.darks)),
        no_angles=faults[0] if faults else "",
    )


def _images(folder: Path) -> list[Path]:
    files = (file for file in folder.iterdir() if image_format(file) and not file.name.startswith("."))
    return sorted((file for file in files if file.is_file()), key=names.natural)


def _subfolders(path: Path) -> list[Path]:
    """Sub-folders, without those of results and previews; a Zarr store is a folder, too."""
    folders = (f for f in path.iterdir() if f.is_dir() and not f.name.startswith(".") and f.suffix != ".zarr")
    return sorted((f for f in folders if not names.result_folder(f.name)), key=names.natural)


def _no_images(path: Path) -> ScanError:
    others = [file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")]
    if others:
        return ScanError(
            f"The folder {path} holds no TIFF or FITS images ({files_in_words(others)}).", "Name the scan file itself."
        )
    return ScanError(f"The folder {path} is empty.", "Name the folder that holds the images.")


def _flat_times(flats: ImageStack, stack: ImageStack) -> NDArray[np.float64] | None:
    """When each flat was taken: by words of its name ("before"), else by a number that goes on in the projections."""
    times = [names.flat_time(f"{file.path.parent.name} {file.path.stem}") for file in flats.files]
    if None not in times and len(set(times)) == 2:
        return np.array([time for time, file in zip(times, flats.files, strict=True) for _ in range(file.count)])
    of_views = numbers([file.path.name for file in stack.files])
    of_flats = numbers([file.path.name for file in flats.files], least=1)
    if of_views is None or of_flats is None or np.intersect1d(of_views, of_flats).size:
        return None
    before = np.searchsorted(of_views, of_flats)
    inside = bool(np.any((before > 0) & (before < len(of_views)))) or set(before.tolist()) == {0, len(of_views)}
    return before / len(of_views) if inside and all(file.count == 1 for file in flats.files) else None


def _in_headers(stack: ImageStack) -> Angles | None:
    """Angles in the headers of the files."""
    stored = [angle for file in stack.files for angle in file.angles]
    if len(stored) != stack.shape[0] or len(stored) < 2 or len(set(stored)) == 1:  # else the stage stands still
        return None
    first = stack.files[0]
    where = first.path.name if len(stack.files) == 1 else f"header of each file in {first.path.parent.name}"
    return Angles(np.array(stored, dtype=np.float64), "degrees", f"{where}, {first.angle_from}".rstrip(", "))


def _sources(stack: ImageStack, *folders: Path) -> tuple[list[Angles], list[str]]:
    """Angles by the headers, by logs and by the names; and why a log could not be read."""
    headers = _in_headers(stack)
    found = [] if headers is None else [headers]
    faults = []
    for folder in dict.fromkeys(folders):
        for file in sorted(folder.iterdir(), key=names.natural):
            if file.is_file() and is_angle_log(file):
                try:
                    found.append(read_angle_file(file))
                except ScanError as error:
                    faults.append(error.problem)
    if all(file.count == 1 for file in stack.files):
        named = angles_in_names([file.path.stem for file in stack.files])
        if named is not None:
            found.append(Angles(named.values, "degrees", "the file names", doubt=named.doubt))
    return sorted(found, key=lambda one: len(one.values) != stack.shape[0]), faults  # those that fit first
