"""What file and folder names tell: natural order, flats and darks, series, angles."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

Role = Literal["projection", "flat", "dark", "opposite"]

# "ff", "flatfield", "openBeam", "refHST", "flats_before"; not "flatworm"
_ENDING = r"(s|fields?|beams?|images?|img|frames?|currents?|end|hst|avg|mean)?"
_FLAT = re.compile(rf"(flat|ff|ob|open|white|bright){_ENDING}")
_DARK = re.compile(rf"(dark|df|dc|di){_ENDING}")
# Of flats, of another sample, or of the sample itself: an iron beam, a blank of wood
_REFERENCE = re.compile(r"ref|refs|refhst|references?|beam|empty|blank|gain|air|shading|noobject|nosample")
_OFFSET = re.compile(r"bias|bg|bkg|background|offset|beamoff|nobeam|black")
# Folders of what was made from the scan, and is none itself.
_RESULT = {
    *("recon", "recons", "reco", "reconstruction", "reconstructions", "reconstructed", "rec", "slices", "slice"),
    *("result", "results", "output", "out", "preview", "previews", "thumbnails", "thumbs"),
}
_OPPOSITE = re.compile(r"(?<!\d)180 ?_?-?deg(ree)?s?", re.IGNORECASE)


def natural(path: Path) -> list[tuple[int, int | str]]:
    """Sort key by which ``p_2`` comes before ``p_10``."""
    parts = re.split(r"(\d+)", f"{path.parent.name}/{path.name}".lower())
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]


def words(name: str) -> list[str]:
    """Lower-case words of a name: runs of letters, also cut at a change to capitals."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def role(name: str) -> Role:
    """What the images with this name (of a file without its extension, or of a folder) are."""
    if _OPPOSITE.search(name):
        return "opposite"
    found = words(name)
    if any(_DARK.fullmatch(word) or _OFFSET.fullmatch(word) for word in found):
        return "dark"
    if any(_FLAT.fullmatch(word) or _REFERENCE.fullmatch(word) for word in found):
        return "flat"
    return "flat" if "i0" in re.split(r"[^a-z0-9]+", name.lower()) else "projection"


def sure(name: str) -> bool:
    """Whether a name says flat or dark, and not only "reference" or "beam", which a sample may be called, too."""
    return any(_FLAT.fullmatch(word) or _DARK.fullmatch(word) for word in words(name))


def result_folder(name: str) -> bool:
    """Whether a folder holds reconstructed slices or previews, by its name."""
    return any(word in _RESULT for word in words(name))


def flat_time(name: str) -> float | None:
    """0 for a flat taken before the scan, 1 for one taken after it, None when the name does not say."""
    found = set(words(name))
    if found & {"before", "pre"}:
        return 0.0
    return 1.0 if found & {"after", "post"} else None


def series(name: str) -> str:
    """Name without its numbers: equal for the images of one series."""
    return re.sub(r"[-+]*\d+([.,p]\d+)?", "#", name)


def matches(path: Path, pattern: str) -> bool:
    """Whether a user's pattern (``ob_*``, or just ``ob``) means this file, by its name or its folder's."""
    return any(fnmatch(name, pattern) or fnmatch(name, f"{pattern}*") for name in (path.name, path.parent.name))
