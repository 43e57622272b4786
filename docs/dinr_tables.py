"""Put the tables of dinr.json into docs/dinr.md: `python docs/dinr_tables.py`."""

import json
from collections import defaultdict
from pathlib import Path

from markdown_table import table

from fewview.benchmark.rows_file import Row
from fewview.benchmark.statistics import paired

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "dinr.json"
PAGE = ROOT / "docs" / "dinr.md"
MARKS = ("<!-- measured -->\n", "<!-- end of measured -->\n")
METHODS = ("fbp", "tv", "mbir", "inr", "d3ip", "dinr")
SHARES = ("d3ip", "share 0", "share 0.25", "share 0.5", "share 0.75", "share 1")


def by_views(rows, part):
    """Rows of a part by views and method, each by volume."""
    found: dict[int, dict[str, dict[tuple[int, int], Row]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        if row["part"] == part:
            found[row["views"]][row["label"]][row["volume"], 0] = row
    return dict(sorted(found.items()))


def apart(group, method, other, value):
    """Mean difference of two methods over the volumes, with its interval."""
    first, second = ({key: value(row) for key, row in group.get(name, {}).items()} for name in (method, other))
    one = paired(first, second)
    if one is None:
        return None
    return f"{one.mean:+.2f}" + ("" if one.low is None else f" [{one.low:+.2f}, {one.high:+.2f}]")


def mean(group, method, value):
    """Mean over the volumes, None where there are none."""
    values = [value(row) for row in group.get(method, {}).values()]
    return sum(values) / len(values) if values else None


def figures(rows, part):
    """PSNR of all methods, DINR against three of them, SSIM and CPU seconds of it and D3IP."""
    body = []
    for views, group in by_views(rows, part).items():
        told = [f"{value:.2f}" if (value := mean(group, name, lambda row: row["psnr"])) else None for name in METHODS]
        over = [apart(group, "dinr", other, lambda row: row["psnr"]) for other in ("d3ip", "inr", "mbir")]
        similar = [round(mean(group, name, lambda row: row["ssim"]), 3) for name in ("d3ip", "dinr")]
        seconds = [round(mean(group, name, lambda row: row["cpu_seconds"])) for name in ("d3ip", "dinr")]
        body.append([views, *told, *over, "{} / {}".format(*similar), "{} / {}".format(*seconds)])
    head = ["views", *(f"`{name}`" for name in METHODS), "`dinr` over `d3ip`", "over `inr`", "over `mbir`"]
    return table([*head, "SSIM of `d3ip` / `dinr`", "CPU s"], body)


def regions(rows, part):
    """DINR less MBIR where the reference has most structure, by the size of the regions."""
    groups = by_views(rows, part)
    sizes = list(next(iter(next(iter(groups.values()))["dinr"].values()))["regions"])
    body = [
        [views, *(apart(group, "dinr", "mbir", lambda row, size=size: row["regions"][size]) for size in sizes)]
        for views, group in groups.items()
    ]
    return table(["views", *sizes], body)


def shares(rows):
    """Other parts of the field in the mean; and the part that the truth would choose for each volume."""
    body = []
    for views, group in by_views(rows, "share").items():
        told = [f"{mean(group, name, lambda row: row['psnr']):.2f}" for name in SHARES]
        best = {
            key: {"psnr": max(group[name][key]["psnr"] for name in SHARES if name != "d3ip")} for key in group["d3ip"]
        }
        told.append(apart(group | {"best": best}, "best", "d3ip", lambda row: row["psnr"]))
        body.append([views, len(best), *told])
    head = ["views", "volumes", "`d3ip`", *(f"{name.split()[1]}" for name in SHARES[1:])]
    return table([*head, "the best part of each volume, over `d3ip`"], body)


def draft(rows):
    """What the preset of that name takes."""
    (row,) = (row for row in rows if row["part"] == "draft")
    return (
        f"Draft, 16 slices of 128 pixels, {row['views']} views (`python benchmarks/dinr.py draft --volumes 1 --views\n"
        f"16`): {row['cpu_seconds']:.0f} s on one CPU core, the first estimate after {row['cpu_seconds_first']:.1f} s, "
        f"{row['psnr']:.2f} dB.\n"
    )


def page():
    """The page with its tables as the results have them."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))
    volumes = len({row["volume"] for row in rows if row["part"] == "test"})
    start, end = MARKS
    before, rest = PAGE.read_text(encoding="utf-8").split(start)
    _, after = rest.split(end)
    tables = [
        f"{volumes} test volumes of microstructures, 64 pixels, 8 slices, 2000 counts (`python benchmarks/dinr.py\n"
        f"test --volumes {volumes}`). Every method with its defaults; PSNR in dB, differences with their 95 %\n"
        "interval:\n",
        figures(rows, "test"),
        "The same in regions where the reference has most structure. PSNR of `dinr` less that of `mbir`, by rows and\n"
        "columns of the region: higher at every size and number of views.\n",
        regions(rows, "test"),
        "Two neutron scans of wood, one slice of 128 pixels each; the reference is the FBP of all views (`python\n"
        "benchmarks/dinr.py wood --views 5 9 17 33`):\n",
        figures(rows, "wood"),
        "In regions, `dinr` less `mbir`:\n",
        regions(rows, "wood"),
        "How much the field counts in the mean of the samples, on validation volumes, without a share of a classical\n"
        "method (`python benchmarks/dinr.py share --volumes 2 --views 8 16 32`):\n",
        shares(rows),
        draft(rows),
    ]
    return before + start + "\n" + "\n".join(tables) + "\n" + end + after


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
