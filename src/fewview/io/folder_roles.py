"""Which images of a folder are projections, flats and darks, and which belong to something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ScanError
from . import names
from .own_volume import written_by_fewview

_FEW = 3  # images that make a series


@dataclass(eq=False)
class Sorted:
    """Images of a folder and its sub-folders by what they are.

    ``folder`` is the one that holds the projections.
    """

    folder: Path
    projections: list[Path] = field(default_factory=list)
    flats: list[Path] = field(default_factory=list)
    darks: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def sort_images(path: Path, groups: Mapping[Path, list[Path]], patterns: Mapping[names.Role, str]) -> Sorted:
    """Sort images by the user's patterns, the names of their folders and their own.

    Parameters
    ----------
    path : Path
        The folder that the user named.
    groups : mapping of Path to list of Path
        Images of it and of its sub-folders.
    patterns : mapping
        The user's name patterns for "flat" and "dark" files; they come before what the names suggest.

    Returns
    -------
    Sorted
        Projections of one folder, flats and darks, and notes on what was left out.

    Raises
    ------
    ScanError
        Only flats and darks, or several scans.
    """
    projections: dict[Path, list[Path]] = {}
    found = Sorted(path)
    unsure: list[Path] = []  # flats or darks by their names, but not by the user's pattern
    weak: list[Path] = []  # "beam" or "reference": flats, or what the sample is called
    for folder, files in groups.items():
        of_folder: names.Role = "projection" if folder == path else names.role(folder.name)
        views = _named_by_angle(files)
        for file in files:
            given = next((what for what, pattern in patterns.items() if names.matches(file, pattern)), None)
            what = given or (names.role(file.stem) if of_folder == "projection" else of_folder)
            if given is None and what in patterns:
                unsure.append(file)
            elif what == "opposite" and file not in views:
                found.notes.append(f"{file.relative_to(path)} (the view at 180 degrees for alignment) is left out.")
            elif what in ("projection", "opposite"):
                projections.setdefault(folder, []).append(file)
            else:
                (found.flats if what == "flat" else found.darks).append(file)
                if given is None and not names.sure(file.stem) and not names.sure(folder.name):
                    weak.append(file)
    if unsure and not projections:  # the sample's name sounds like a flat: the user's pattern tells better
        projections[path] = unsure
    elif unsure:
        found.notes.append(f"{files_in_words(unsure)}: left out, not of the pattern given.")
    if not projections and weak:  # as for a file by itself: beside projections only, such a name means a flat
        projections = _by_folder(weak)
        found.flats = [file for file in found.flats if file not in weak]
        found.darks = [file for file in found.darks if file not in weak]
    elif set(found.flats) - set(weak) and set(found.flats) & set(weak):
        _leave_out(found, [file for file in found.flats if file in weak], path)
    if not projections:
        raise ScanError(
            f"{path} holds only flats and darks by their names ({files_in_words(found.flats + found.darks)}).",
            "Name the folder of the projections, or give a pattern that fits the flats alone, with --flats PATTERN.",
        )
    _choose_folder(found, path, projections)
    return found


def files_in_words(files: Sequence[Path]) -> str:
    """A few names, and how many more."""
    shown = ", ".join(file.name for file in files[:3])
    return shown if len(files) <= 3 else f"{shown} and {len(files) - 3} more"


def _named_by_angle(files: list[Path]) -> set[Path]:
    """Files whose name differs by its numbers only from at least two others: of a series "12deg", "180deg"."""
    series: dict[str, list[Path]] = {}
    for file in files:
        series.setdefault(names.series(file.stem), []).append(file)
    return {file for group in series.values() if len(group) >= _FEW for file in group}


def _by_folder(files: list[Path]) -> dict[Path, list[Path]]:
    found: dict[Path, list[Path]] = {}
    for file in files:
        found.setdefault(file.parent, []).append(file)
    return found


def _leave_out(found: Sorted, doubtful: list[Path], path: Path) -> None:
    """Images that a folder called "reference" holds beside real flats: of another sample, as far as names can tell."""
    found.flats = [file for file in found.flats if file not in doubtful]
    where = ", ".join(str(folder.relative_to(path.parent)) for folder in _by_folder(doubtful))
    found.notes.append(
        f"{len(doubtful)} images in {where} ({files_in_words(doubtful)}) are left out: there are flats beside them. "
        "If these are the flats, name them with --flats."
    )


def _choose_folder(found: Sorted, path: Path, projections: dict[Path, list[Path]]) -> None:
    """The folder's own images go before those of its sub-folders."""
    if path in projections and len(projections) > 1:
        others = ", ".join(str(folder.relative_to(path.parent)) for folder in projections if folder != path)
        found.notes.append(f"The images in {others} are left out: another scan, or made from this one.")
        projections = {path: projections[path]}
    if len(projections) > 1:
        listed = ", ".join(str(folder.relative_to(path.parent)) for folder in projections)
        raise ScanError(f"{path} holds several scans: {listed}.", "Name one of these folders.")
    found.folder, found.projections = projections.popitem()


def one_series(found: Sorted, path: Path) -> None:
    """Leave out of a folder's projections what was made from them, and refuse what is no numbered series.

    Raises
    ------
    ScanError
        Images of several series.
    """
    groups: dict[str, list[Path]] = {}
    for file in found.projections:
        groups.setdefault(names.series(file.stem), []).append(file)
    largest = max(groups.values(), key=len)
    for group in list(groups.values()):
        made = names.result_folder(group[0].stem) or (len(group) == 1 and written_by_fewview(group[0]))
        if group is not largest and len(largest) >= _FEW and made:
            found.notes.append(f"{files_in_words(group)}: left out, made from the scan by its name or its header.")
            found.projections = [file for file in found.projections if file not in group]
            del groups[names.series(group[0].stem)]
    if len(groups) > 1:
        listed = "; ".join(
            group[0].name if len(group) == 1 else f"{len(group)} like {group[0].name}"
            for group in list(groups.values())[:6]
        )
        what = "several scans" if min(len(group) for group in groups.values()) > 1 else "images of several names"
        raise ScanError(
            f"{path} holds {what}, not one numbered series of projections: {listed}.",
            "Keep one scan per folder, or name a single file.",
        )
