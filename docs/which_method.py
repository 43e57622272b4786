"""Write docs/which-method.md from benchmarks/results/quality.json: `python docs/which_method.py`."""

import json
from collections import defaultdict
from pathlib import Path

from fewview.errors import FewviewError
from fewview.methods.registry import get_method

HERE = Path(__file__).parent
RESULTS = HERE.parent / "benchmarks" / "results" / "quality.json"
PAGE = HERE / "which-method.md"
VARIANTS = {"d3ip-generic"}  # of a method that is in the same row, with one of its choices made by hand
CLEAR = 0.3  # dB over the second: less is a matter of the sample
Sample = tuple[str, int, float | None]
"""Data, size and counts."""

INTRODUCTION = """# Which method for how many views?

Written by `python docs/which_method.py` from the rows of the [benchmark](benchmarks.md) in
`benchmarks/results/quality.json`: methods with their default settings, mean PSNR over the volumes of a row. The winner
is the best of all that were measured there and need no X-ray volume; *margin* is its lead over the second. A lead under
0.3 dB is written in brackets: there the sample decides, so compare held-out errors on yours (`--holdout 0.1`). Where TV
or MBIR is within that of the winner, take it: it needs no training, and is quicker. Only methods that were measured on
the same volumes are compared, the largest set of them where there are several; with X-rays, the set that has them.
"""


def needs_xray(label):
    """Whether a method of this name is told an X-ray volume; None where the label is no method's name."""
    try:
        return "aux" in get_method(label).needs
    except FewviewError:
        return None


def groups(rows):
    """PSNR by sample, by views, by set of volumes, and by method, at its defaults and with the right X-ray volume."""
    found: dict[Sample, dict[int, dict[tuple[int, int], dict[str, float]]]]
    found = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
    for row in rows:
        own = row["label"] not in VARIANTS and needs_xray(row["label"]) is not None
        if own and row["control"] in (None, "none", "right"):
            key = (row["data"], row["size"], row["counts"])
            found[key][row["views"]][row["volumes"], row["slices"]][row["label"]] = row["psnr"]
    return {key: {views: _largest_first(sets) for views, sets in by_views.items()} for key, by_views in found.items()}


def _largest_first(sets):
    """What each set of volumes gave; a set with more volumes before one with fewer."""
    return [sets[key] for key in sorted(sets, reverse=True)]


def title(key):
    """Heading of a sample's table."""
    data, size, counts = key
    return f"{data.capitalize()}, {size} pixels, " + (f"{counts:.0f} counts" if counts else "as measured or noiseless")


def line(views, sets):
    """A row of the table, of the first set with enough methods; None where too little was measured."""
    parted = [_parted(psnr) for psnr in sets]
    alone = next((mine for mine, _ in parted if {"tv", "mbir"} <= set(mine) and len(mine) >= 3), None)
    if alone is None:
        return None
    best, second, *_ = sorted(alone, key=alone.get, reverse=True)
    lead = alone[best] - alone[second]
    margin = f"{lead:+.2f} over `{second}`"
    told = margin if lead >= CLEAR else f"({margin})"
    cells = [str(views), f"`{best}`", f"{alone[best]:.2f}", told]
    cells += [f"{alone[best] - alone[name]:+.2f}" for name in ("tv", "mbir")]
    xray = next((_over_the_best(*both) for both in parted if all(both)), "-")
    return "| " + " | ".join([*cells, xray, str(len(alone))]) + " |"


def _parted(psnr):
    """Methods that need no X-ray volume, and those that do."""
    guided = {name: value for name, value in psnr.items() if needs_xray(name)}
    return {name: value for name, value in psnr.items() if name not in guided}, guided


def _over_the_best(alone, guided):
    best = max(guided, key=guided.get)
    return f"`{best}` {guided[best] - max(alone.values()):+.2f}"


def page(rows):
    """The page as text."""
    parts = [INTRODUCTION]
    head = "| views | winner | PSNR, dB | margin, dB | over TV | over MBIR | best with X-rays | compared |"
    for key, by_views in sorted(groups(rows).items(), key=lambda item: str(item[0])):
        lines = [found for views in sorted(by_views) if (found := line(views, by_views[views]))]
        if lines:
            parts.append(f"\n## {title(key)}\n\n{head}\n|{'---|' * 8}\n" + "\n".join(lines) + "\n")
    return "".join(parts)


def write():
    """Write the page."""
    PAGE.write_text(page(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    write()
