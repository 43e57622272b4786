"""Put the tables of the results into docs/unrolled.md: `python docs/unrolled_tables.py`."""

import json
from pathlib import Path

from markdown_table import table

from fewview.methods.supervised.finetune import ENOUGH as TUNING_GAIN
from fewview.methods.supervised.network_choice import NETWORKS

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "unrolled.md"
FAMILIES = ("microstructure", "foam", "grains", "fibres")
SHOWN = {"unrolled": "`unrolled`", "unrolled finetune=24": "fine-tuned to the scan"}
VIEWS = (8, 16, 32)
SIDE, COUNTS, MANY = 128, 2000, 8
BESIDE = (("unrolled-x", "right"), ("unrolled-x", "other"))


def families(rows):
    """Gains over the better of TV and MBIR of each volume: the mean, and the worst volume."""
    body = []
    for data in FAMILIES:
        for label, name in SHOWN.items():
            told = [_over_the_better(rows, data, label, views) for views in VIEWS]
            if any(told):
                body.append([data, name, *told])
    return table(["mean gain, dB (worst volume)", "", *(f"{views} views" for views in VIEWS)], body)


def _over_the_better(rows, data, label, views):
    cells = {row["label"]: _cells(row) for row in rows if _asked(row, data, views)}
    if not all(name in cells for name in (label, "tv", "mbir")):
        return None
    gains = [value - max(cells["tv"][key], cells["mbir"][key]) for key, value in cells[label].items()]
    return f"{sum(gains) / len(gains):+.2f} ({min(gains):+.2f})"


def _asked(row, data, views):
    place = (row["data"], row["views"], row["size"], row["counts"], row["control"])
    return place == (data, views, SIDE, COUNTS, "none") and row["volumes"] >= MANY


def _cells(row):
    return {(cell["volume"], cell["seed"]): cell["psnr"] for cell in row["cells"]}


def choice(rows):
    """What the second network would bring, and what the held-out views said of it."""
    first, second = NETWORKS
    body = []
    for row in sorted(rows, key=lambda row: (row["kind"], row["views"], row["volume"])):
        one, two = row["networks"][first], row["networks"][second]
        gain = 1 - (two["heldout_error"] / one["heldout_error"]) ** 0.5
        apart = f"{two['psnr'] - one['psnr']:+.2f}"
        body.append([_name(row), f"{one['psnr']:.2f}", apart, f"{100 * gain:+.0f} %", f"`{row['chosen']}`"])
    return table(["sample", f"`{first}`", f"`{second}`", "held-out views", "taken"], body)


def tuning(rows):
    """What fine-tuning brings to the network that was taken, and what the held-out views said of it."""
    body = []
    for row in sorted(rows, key=lambda row: (row["kind"], row["views"], row["volume"])):
        before, after = row["networks"][row["chosen"]], row["tuned"]
        kept = "yes" if after["gain"] >= TUNING_GAIN else "no"
        apart, gain = f"{after['psnr'] - before['psnr']:+.2f}", f"{100 * after['gain']:.1f} %"
        body.append([_name(row), f"{before['psnr']:.2f}", apart, after["steps"], gain, kept])
    return table(["sample", "PSNR", "by fine-tuning", "steps", "held-out views", "kept"], body)


def _name(row):
    return f"{row['kind']} {row['volume']}, {row['views']} views"


def asphalt(rows):
    """PSNR and SSIM of each crop of a measured image."""
    labels = [key for key, value in rows[0].items() if isinstance(value, list)]
    body = [
        [f"crop {row['crop'] + 1}, {row['views']} views", *(f"{row[key][0]:.2f} / {row[key][1]:.3f}" for key in labels)]
        for row in rows
    ]
    return table(["", *(f"`{label}`" for label in labels)], body)


def xray(rows):
    """Mean gains over `unrolled` by kind of sample, and the worst one; how often the X-ray volume was used."""
    plain = {_place(row): row["psnr"] for row in rows if row["method"] == "unrolled"}
    body = []
    for kind, views in sorted({(row["kind"], row["views"]) for row in rows}):
        mine = [row for row in rows if (row["kind"], row["views"]) == (kind, views)]
        told = [_gained([row for row in mine if asked == (row["method"], row["shown"])], plain) for asked in BESIDE]
        before = [plain[_place(row)] for row in mine if row["method"] == "unrolled"]
        body.append([f"{kind}, {views} views", len(before), f"{sum(before) / len(before):.2f}", *told])
    heads = [f"`{method}`" + (", X-ray volume of another" if shown == "other" else "") for method, shown in BESIDE]
    return table(["sample", "samples", "`unrolled`, dB", *heads], body)


def _place(row):
    return row["kind"], row["sample"], row["views"]


def _gained(rows, plain):
    if not rows:
        return None
    gains = [row["psnr"] - plain[_place(row)] for row in rows]
    return f"{sum(gains) / len(gains):+.2f} ({min(gains):+.2f}), used in {sum(row['used'] for row in rows)}"


def sister(rows):
    """A line for each sister sample and method, those with the highest PSNR first."""
    body = []
    for case in sorted({(row["data"], row["volume"], row["views"]) for row in rows}):
        mine = [row for row in rows if (row["data"], row["volume"], row["views"]) == case]
        others = [row["psnr"] for row in mine if "taught" not in row["label"]]
        for row in sorted(mine, key=lambda row: -row["psnr"]):
            more = row["psnr"] - max(others) if "taught" in row["label"] else None
            name = f"{row['data']}, sample {row['volume'] + 1}, {row['views']} views"
            body.append(
                [name, row["label"], f"{row['psnr']:.2f}", row["ssim"], more and f"{more:+.2f}", row["invented"]]
            )
    return table(["sample", "method", "PSNR, dB", "SSIM", "over the best other", "invented bodies per slice"], body)


def page():
    """The page with its tables as the results have them."""
    choices = _read("unrolled_choices")
    text = PAGE.read_text(encoding="utf-8")
    for name, drawn in {
        "families": families(_read("quality")),
        "choice": choice(choices),
        "tuning": tuning(choices),
        "asphalt": asphalt(_read("asphalt")),
        "xray": xray(_read("unrolled_xray")),
        "sister": sister(_read("sister")),
    }.items():
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        before, rest = text.split(start)
        text = before + start + "\n" + drawn + "\n" + end + rest.split(end)[1]
    return text


def _read(name):
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
