"""Put the tables of fields.json and fixer_conditions.json into docs/diffnr.md: `python docs/diffnr_tables.py`."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from fewview.benchmark.rows_file import Row
from fewview.benchmark.statistics import mean_interval

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "diffnr.md"
MARKS = ("<!-- measured -->\n", "<!-- end of measured -->\n")
RAW = {"smoothness": 0.0, "start": "fbp"}
FIELDS = {"naf": "diffnr-naf", "r2gaussian": "diffnr-gaussian"}
KINDS = ("microstructure", "foam", "grains", "fibres")
FIGURES = {
    "psnr": ("PSNR", 2),
    "ssim": ("SSIM", 3),
    "heldout_error": ("error of other views", 4),
    "dice_pores": ("Dice of pores", 3),
    "dice_aggregates": ("of bright phase", 3),
    "jitter": ("jitter", 4),
    "cpu_seconds": ("CPU s", 0),
}
PARTS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("r2gaussian", {}, "the field without repair"),
    ("diffnr-gaussian", {}, "as it is: one repair, at the end"),
    ("diffnr-gaussian", {"repairs": 1}, "one more on the way"),
    ("diffnr-gaussian", {"repairs": 1, "last_repair": False}, "only the one on the way"),
    ("diffnr-gaussian", {"repairs": 4}, "up to four on the way, and one at the end"),
    (
        "diffnr-gaussian",
        {"repairs": 1, "likeness": 1.0},
        "one on the way, with the published 3D SSIM, and one at the end",
    ),
    ("diffnr-gaussian", {"refuse": False}, "as it is, nothing is refused"),
    (
        "diffnr-gaussian",
        {"repairs": 0, "consistent": False, "refuse": False},
        "the same, slices as the fixer leaves them, not held against the data",
    ),
    ("diffnr-gaussian", {"fixer": "fixer"}, "the compact fixer, told two projections"),
    ("diffnr-gaussian", {"fixer": "fixer", "enlarge": 2}, "the same, slices enlarged twice and reduced"),
    ("diffnr-gaussian", {"fixer": "fixer", "refuse": False}, "the same, nothing is refused"),
    (
        "diffnr-gaussian",
        {"fixer": "fixer", "repairs": 0, "consistent": False, "refuse": False},
        "the same, slices as the compact fixer leaves them, not held against the data",
    ),
)


def table(head, rows):
    """A table in Markdown; numbers to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def chosen(rows, method, settings):
    """Rows of a method with exactly these settings."""
    return [row for row in rows if row["method"] == method and row["settings"] == settings]


def mean(rows, figure):
    """Mean of a figure over the volumes; None where no row has it."""
    values = [row[figure] for row in rows if figure in row]
    return float(np.mean(values)) if values else None


def cell(value, digits):
    """A number as text, a dash for none."""
    return "–" if value is None else f"{value:.{digits}f}"


def gains(rows):
    """PSNR of fields as published, stopped, smoothed and repaired, by sample and views."""
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["data"].split()[0], row["views"]].append(row)
    body: list[list[str]] = []
    found: dict[str, dict[int, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    for (data, views), group in sorted(groups.items(), key=lambda item: (item[0][0] != "microstructure", item[0])):
        for field, repaired in FIELDS.items():
            kinds = [(field, RAW | {"stop": False}), (field, RAW), (field, {}), (repaired, {})]
            psnr = [mean(chosen(group, *kind), "psnr") for kind in kinds]
            if None in psnr:
                continue
            count = len(chosen(group, repaired, {}))
            others = [mean(chosen(group, name, {}), "psnr") for name in ("mbir", "unrolled")]
            told = [cell(value, 2) for value in (*psnr, *others)]
            for volume in {row["volume"] for row in chosen(group, repaired, {})}:
                single = [row for row in group if row["volume"] == volume]
                each = [mean(chosen(single, *kind), "psnr") for kind in kinds]
                found[f"{data}, mean of all views, `{repaired}`"][volume].append(
                    [each[3] - value for value in each[:3]]
                )
            over = [f"{psnr[3] - value:+.2f}" for value in psnr[:3]]
            body.append([f"{data}, {views} views, `{repaired}`", str(count), *told[:4], *over, *told[4:]])
    for repaired in FIELDS.values():
        titles = [f"{data}, mean of all views, `{repaired}`" for data in KINDS]
        seen = {len(some) for title in titles for some in found[title].values()}
        if len(seen) == 1 and seen != {1}:  # all kinds at all views
            every = [some for title in titles for some in found[title].values()]
            found[f"all four, mean of all views, `{repaired}`"] = dict(enumerate(every))
    for title, volumes in found.items():
        gained = np.array([np.mean(some, axis=0) for some in volumes.values()])  # (volumes, 3)
        if len(gained) > 1 and max(map(len, volumes.values())) > 1:
            intervals = [mean_interval({(k, 0): value for k, value in enumerate(values)}) for values in gained.T]
            over = [f"{one.mean:+.2f} [{one.low:+.2f}, {one.high:+.2f}]" for one in intervals]
            body.append([title, str(len(gained)), *[""] * 4, *over, "", ""])
    head = ["sample", "volumes", "as published", "stopped early", "the same, smoothed (ours)", "repaired"]
    head += ["over published", "over stopped", "over ours", "`mbir`", "`unrolled`"]
    return table(head, body)


def figures(rows):
    """All figures of fields and their repairs, means over everything that both were measured on."""
    body = []
    for data in KINDS:
        of_data = [row for row in rows if row["data"].startswith(data)]
        for field, repaired in FIELDS.items():
            places = {(row["volume"], row["views"]) for row in chosen(of_data, repaired, {})}
            for method, settings, words in (
                (field, RAW | {"stop": False}, ", as published"),
                (field, RAW, ", stopped early"),
                (field, {}, ""),
                (repaired, {}, ""),
            ):
                group = [row for row in chosen(of_data, method, settings) if (row["volume"], row["views"]) in places]
                if group:
                    told = [cell(mean(group, name), digits) for name, (_, digits) in FIGURES.items()]
                    body.append([f"{data}, `{method}`{words}", str(len(group)), *told])
    return table(["sample, method", "runs", *(title for title, _ in FIGURES.values())], body)


def worst(rows):
    """What a repair costs at worst, and brings at best, of all runs."""
    body = []
    for data in KINDS:
        of_data = [row for row in rows if row["data"].startswith(data)]
        for field, repaired in FIELDS.items():
            before = {(row["volume"], row["views"]): row for row in chosen(of_data, field, {})}
            after = {(row["volume"], row["views"]): row for row in chosen(of_data, repaired, {})}
            pairs = [(before[at], after[at]) for at in before.keys() & after.keys()]
            if pairs:
                gained = [new["psnr"] - old["psnr"] for old, new in pairs]
                ratios = [new["heldout_error"] / old["heldout_error"] for old, new in pairs]
                told = [f"{min(gained):+.2f}", f"{max(gained):+.2f}", f"{max(ratios):.3f}", f"{min(ratios):.3f}"]
                body.append([f"{data}, `{repaired}`", str(len(pairs)), *told])
    head = ["sample, method", "runs", "PSNR, worst", "best", "error of other views over the field's, worst", "best"]
    return table(head, body)


def ablation(rows):
    """With one part left out or put in."""
    body = []
    for method, settings, words in PARTS:
        group = chosen(rows, method, settings)
        if group:
            body.append([words, *(cell(mean(group, name), digits) for name, (_, digits) in FIGURES.items())])
    return table(["`diffnr-gaussian`", *(title for title, _ in FIGURES.values())], body)


def conditions(rows):
    """PSNR after a repair by the compact fixer, with one of its conditions taken away."""
    pairs = list(dict.fromkeys(row["pairs"] for row in rows))
    head = ["the compact fixer is told", *(f"{kind}: before" for kind in pairs), *(f"{kind}: after" for kind in pairs)]
    body = []
    for told in dict.fromkeys(row["told"] for row in rows):
        by_pairs = {row["pairs"]: row for row in rows if row["told"] == told}
        values = [cell(by_pairs[kind][at], 2) for at in ("before", "after") for kind in pairs]
        body.append([told, *values])
    return table(head, body)


def page():
    """The page with its tables as the results have them."""
    fields = json.loads((RESULTS / "fields.json").read_text(encoding="utf-8"))
    told = json.loads((RESULTS / "fixer_conditions.json").read_text(encoding="utf-8"))
    parts = fields.get("ablation", [])
    start, end = MARKS
    before, rest = PAGE.read_text(encoding="utf-8").split(start)
    _, after = rest.split(end)
    tables = [
        "PSNR in dB; mean over the volumes.\n",
        gains(fields["diffnr"]),
        "Means over views and volumes. *Jitter*: mean absolute difference of neighbouring slices where the truth has\n"
        "none, in parts of its range. *Error of other views*: of views between the given ones, relative.\n",
        figures(fields["diffnr"]),
        "Each repaired field against the same field without repair, over all runs (where refusals do what they\n"
        "are for, the error of other views is not larger than the field's; on foam, which neither network has seen,\n"
        "some slices of one volume were taken that should not have been):\n",
        worst(fields["diffnr"]),
        *(["Parts left out or put in, microstructure, 24 views:\n", ablation(parts)] if parts else []),
        "What the compact fixer heeds (validation pairs, one repair, no data step, dB):\n",
        conditions(told),
    ]
    return before + start + "\n" + "\n".join(tables) + "\n" + end + after


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
