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

INTRODUCTION = """# Which method for how many views?

Written by `python docs/which_method.py` from the rows of the [benchmark](benchmarks.md) in
`benchmarks/results/quality.json`: methods with their default settings, mean PSNR over the volumes of a row. The winner
is the best of all that were measured there and need no X-ray volume; *margin* is its lead over the second. A lead under
0.3 dB is written in brackets: there the sample decides, so compare held-out errors on yours (`--holdout 0.1`). Where TV
or MBIR is within that of the winner, take it: it needs no training, and is quicker.
"""


def needs_xray(label):
    """Whether a method of this name is told an X-ray volume; None where the label is no method's name."""
    try:
        return "aux" in get_method(label).needs
    except FewviewError:
        return None


def groups(rows):
    """PSNR by sample, then by views, then by method, of methods at their defaults that saw the right X-ray volume."""
    found = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        own = row["label"] not in VARIANTS and needs_xray(row["label"]) is not None
        if own and row["control"] in (None, "none", "right"):
            key = (row["data"], row["size"], row["counts"])
            found[key][row["views"]][row["label"]] = row["psnr"]
    return found


def title(key):
    """Heading of a sample's table."""
    data, size, counts = key
    return f"{data.capitalize()}, {size} pixels, " + (f"{counts:.0f} counts" if counts else "as measured or noiseless")


def line(views, psnr):
    """A row of the table; None where too little was measured to name a winner."""
    alone = {name: value for name, value in psnr.items() if not needs_xray(name)}
    if not {"tv", "mbir"} <= set(alone) or len(alone) < 3:
        return None
    best, second, *_ = sorted(alone, key=alone.get, reverse=True)
    lead = alone[best] - alone[second]
    margin = f"{lead:+.2f} over `{second}`"
    told = margin if lead >= CLEAR else f"({margin})"
    cells = [str(views), f"`{best}`", f"{alone[best]:.2f}", told]
    cells += [f"{alone[best] - alone[name]:+.2f}" for name in ("tv", "mbir")]
    guided = {name: value for name, value in psnr.items() if needs_xray(name)}
    xray = max(guided, key=guided.get, default=None)
    cells.append(f"`{xray}` {guided[xray] - alone[best]:+.2f}" if xray else "-")
    return "| " + " | ".join([*cells, str(len(alone))]) + " |"


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
