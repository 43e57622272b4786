"""Write docs/benchmarks.md from benchmarks/results/*.json: `python docs/benchmark_tables.py`.

Nothing in that page is typed by hand; a test holds that the page is what the results say.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean, median
from typing import Any

from markdown_table import Rows, cell, table
from quality_compare import RIVALS, UNIMODAL, Difference, against_best, controls, guided, minus_others
from runs_live_table import runs_live

from fewview.benchmark.quality.data import UNSEEN
from fewview.benchmark.quality.rows import Rows as QualityRows
from fewview.benchmark.quality.rows import balanced, difference, row_name
from fewview.benchmark.quality.table import interval_text
from fewview.benchmark.rows_file import Row
from fewview.benchmark.statistics import Interval

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"

INTRODUCTION = """# Benchmarks

Written by `python docs/benchmark_tables.py` from the rows in `benchmarks/results/`; each section names the command that
measures its rows again. Times are of the machine named in the rows, which was shared with other work: compare ratios,
which were taken interleaved in one run.
"""


def operators(rows: Rows) -> str:
    """Speed of the projectors."""
    keys = ["backend", "beam", "size", "views", "slices", "threads"]
    keys += ["forward_ms", "back_ms", "forward_ratio", "back_ratio"]
    return (
        "## Operators\n\n`fewview benchmark operators --json benchmarks/results/operators.json`\n\n"
        "Milliseconds for all slices, and how many times faster than ASTRA's projectors on the CPU (`linear`, "
        "`line_fanflat`), measured in turn in the same process.\n\n"
        + table(keys, [[row.get(key) for key in keys] for row in rows])
    )


def axis(rows: Rows) -> str:
    """Error of the rotation axis against the number of views."""
    groups: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    silent: dict[tuple[Any, ...], int] = defaultdict(int)
    for row in rows:
        key = (row["finder"], row["views"], row["counts"])
        if row["error_px"] is None:
            silent[key] += 1
        else:
            groups[key].append(abs(row["error_px"]))
    keys = sorted({*groups, *silent}, key=lambda k: (k[0], -k[1], -(k[2] or 0)))
    body = [
        [*key, len(groups[key]) + silent[key], median(groups[key]), max(groups[key]), silent[key]]
        if groups[key]
        else [*key, silent[key], None, None, silent[key]]
        for key in keys
    ]
    header = ["finder", "views", "counts", "trials", "median error, px", "worst, px", "cannot tell"]
    return "## Rotation axis\n\n`python benchmarks/axis.py`\n\n" + table(header, body)


def wood_tv(rows: Rows) -> str:
    """Classical methods on the measured sinograms, and what the automatic weight of TV costs."""
    keys = ["data", "size", "views", "method", "psnr", "ssim", "weight", "sharpness", "iterations", "below_best_db"]
    return (
        "## Wood (neutrons) and tooth (X-rays), measured\n\n`python benchmarks/wood_tv.py ../shared/data --bin 2`\n\n"
        "Reference: FBP of all views. Settings marked `auto` were chosen by held-out detector pixels (steps of CGLS: "
        "by held-out views); `tv-best-on-grid` with the truth, as a yardstick only; `below_best_db` is how far auto "
        "stays below it (we want at most 0.3 dB). The rule of `auto` was settled on simulated samples; that TV's "
        "iterations were too few was suspected on these data, and their number settled on simulated ones.\n\n"
        + table(keys, [[row.get(key) for key in keys] for row in rows])
    )


def memory(rows: Rows) -> str:
    """What runs were said to need, and what they took."""
    keys = ["method", "size", "slices", "views", "forecast_mb", "measured_mb", "ratio"]
    return (
        "## Memory\n\n`python benchmarks/memory.py`\n\n"
        "MB above what the libraries take, at the peak of a run: as said before the start, and as measured. A run that "
        "would take more than 80 % of the free memory is cut into slabs of slices. The C library is told to give back "
        "what is free at once, as it does by itself with the arrays over 32 MB of real runs; of smaller ones it keeps "
        "up to 64 MB, which no forecast counts. Of Gaussians the forecast counts as many as an object takes that "
        "fills the volume; that of this measurement fills a quarter of it.\n\n"
        + table(keys, [[row[key] for key in keys] for row in rows])
    )


def chunks(rows: Rows) -> str:
    """CPU time of reading compressed files in the order of sinograms."""
    keys = ["filter", "megabytes", "h5py_s", "fewview_s", "ratio"]
    return (
        "## Reading compressed files\n\n`python benchmarks/chunks.py --json benchmarks/results/chunks.json`\n\n"
        "CPU seconds to read all frames of a file whose chunks hold all views of one detector row, and what plain h5py "
        "takes.\n\n" + table(keys, [[row[key] for key in keys] for row in rows])
    )


def live(rows: Rows) -> str:
    """The viewer under load."""
    keys = list(rows[0])
    return (
        "## Live view\n\n`fewview benchmark live --json benchmarks/results/live.json`\n\n"
        "128^3 float32 volumes, an engine that yields every 30 ms, a software-rendered virtual display.\n\n"
        + table(["figure", "value"], [[key, rows[0][key]] for key in keys])
    )


QUALITY = """## Quality

`fewview benchmark quality --json benchmarks/results/quality.json`, with `--data`, `--methods`, `--views`, `--size`,
`--counts`, `--volumes`, `--seeds` and `--slices` as the tables say; `python benchmarks/quality_plan.py` lists the
commands by importance and runs them for as long as there is time.

Every method runs with its default options, so whatever it chooses, it chooses by views held out from the views it is
given; no setting was chosen by the reference. Wood and shell are not quite blind, though: that the result should take
a share of TV was suspected on them; that it may be MBIR, and how much, was settled on validation samples
(`methods/ensemble/partner.py`). A name with more words is the method with those options or that preset. Simulated
samples grow from test seeds, which no training may draw, and are measured at twice the resolution by another
discretisation. The reference of wood and tooth is the FBP of all their views, made at the
detector's resolution and averaged over pixels, its noise and rings included; these data have the noise they were
measured with, and their seeds choose other views. The shell is measured, its
projections are simulated from the slice. PSNR in dB is that of the volume (range of the whole reference), in brackets
the 95 % interval of the mean over volumes, by Student's t: with two volumes it is wide, as it must be; none of a
single volume. Means are over the measurements that all methods of a comparison share, n of them. "minus tv" is the
paired difference, measurement by measurement. "held out" is the relative error of predicting views that no method was
given. "calls" are passes through the network in the diffusion steps, the search for settings and the adaptation not
counted; seconds are of the whole run, the search included, "first" those until the first estimate, and "in networks"
the part of them spent within networks; in rows measured since December 2026 they are those of the processor, before
those of the clock. "covers" is the part of the object's pixels whose 90 % interval, from the
standard deviation that a method gives, holds the reference; "at structure" of the fifth of them where the reference
is steepest. "invented" are the bodies per slice, dark or bright, that the volume shows without a body in the
reference (`benchmark/quality/bodies.py`), of so many "bodies" that it shows. Plots: `python docs/benchmark_plots.py`
(without FBP, which lies far below).
"""


def quality(rows: Rows) -> str:
    """Comparisons first, then a table per data set, and one of PSNR against the size of the region."""
    rows = balanced(rows)
    groups: dict[tuple[Any, ...], Rows] = defaultdict(list)
    for row in rows:
        if row["control"] == "none":  # the others have a table of their own
            groups[row["data"], row["size"], row["slices"], row["counts"], row["device"]].append(row)
    parts = [QUALITY, _learned(rows), _parts(rows), *_xray(rows)]
    for (data, size, slices, counts, device), group in groups.items():
        many = f"{slices} slices" if slices > 1 else "1 slice"
        parts.append(f"### {data.capitalize()}: {size} pixels, {many}{_noise(data, counts)}, {device}\n")
        if data in UNSEEN:
            parts.append("No shipped reconstruction network was trained on this family.\n")
        level = f"{counts:g}" if counts else "0"
        picture = f"images/quality-{data}-{size}-{level}-{slices}-{device}.png"
        if (PAGE.parent / picture).is_file():  # drawn by docs/benchmark_plots.py
            parts.append(f"![PSNR of {data} against views and region]({picture})\n")
        parts.append(_quality_table(group))
        parts.append(_scales(group))
    return "\n".join(part for part in parts if part)


def _noise(data: str, counts: float | None) -> str:
    return "" if data in ("wood", "tooth") else f", {counts:g} counts" if counts else ", no noise"


def _sample(row: Row) -> str:
    return f"{row['data']}, {row['size']} px{_noise(row['data'], row['counts'])}"


def _differences(found: list[Difference]) -> list[list[object]]:
    """Sample, views, name, difference of PSNR and of SSIM, and n."""
    return [
        [_sample(row), row["views"], row_name(row), interval_text(psnr), interval_text(ssim, 3), psnr.n]
        for row, psnr, ssim in found
    ]


def _learned(rows: Rows) -> str:
    found = against_best(rows)
    if not found:
        return ""
    header = ["data", "views", "method", "PSNR", "SSIM", "n"]
    return LEARNED + table(header, _differences(found))


LEARNED = """### Learned methods minus the best of TV and MBIR

The better of the two at each measurement, which no user could know, so this is the least that a learned method brings.
Wanted: at least 1.5 dB for `d3ip` and 0.3 dB for `d3ip-generic` on the microstructure at 8, 16 and 32 views.

"""


def _parts(rows: Rows) -> str:
    """What the loop, the prior and the options of our method are worth."""
    found = minus_others(rows)
    if not found:
        return ""
    body = []
    for row, other, psnr, ssim in found:
        name = f"minus {row_name(other)}"
        body.append([_sample(row), row["views"], name, interval_text(psnr), interval_text(ssim, 3), psnr.n])
    intro = f"### `{UNIMODAL}` minus other learned methods, and minus itself with other options\n\n"
    return intro + table(["data", "views", "difference", "PSNR", "SSIM", "n"], body)


def _xray(rows: Rows) -> list[str]:
    """What the X-ray volume brings, cell by cell and in the mean; and what wrong ones do."""
    found = guided(rows)
    if not found:
        return []
    parts = [f"### With the X-ray volume of the sample: minus `{UNIMODAL}`, which has none\n"]
    names = [one.row["label"] for one in found] + [f"{one.row['method']}, all settings" for one in found]
    told: set[tuple[int, ...]] = set()
    for name in dict.fromkeys(names):
        method = name.removesuffix(", all settings")
        same = "label" if name == method else "method"
        cells = tuple(k for k, one in enumerate(found) if one.row[same] == method)
        if cells in told:
            continue  # a method with one setting
        told.add(cells)
        apart = [found[k].unimodal for k in cells]
        alike = [one.ssim.mean for one in apart if one.ssim is not None]
        similar = f", {fmean(alike):+.3f} SSIM" if alike else ""
        mean, worst = fmean(one.psnr.mean for one in apart), min(one.psnr.mean for one in apart)
        parts.append(f"`{name}`: mean of {len(apart)} cells {mean:+.2f} dB{similar}; worst cell {worst:+.2f} dB.\n")
    header = ["data", "views", "method", "PSNR", "SSIM", "n", "minus zeroed X-ray"]
    header += [*(f"minus {name}" for name in RIVALS), "guide's part of the time"]
    body = []
    for one, line in zip(found, _differences([one.unimodal for one in found]), strict=True):
        others = [interval_text(interval) for interval in (one.zeroed, *one.rivals.values())]
        body.append([*line, *others, one.row.get("guide_share")])
    parts.append(table(header, body))
    wrong = controls(rows)
    if wrong:
        parts.append(WRONG + table(["data", "views", "X-ray volume", "PSNR", "SSIM", "n"], _differences(wrong)))
    return [*parts, PUBLISHED_GUIDE]


WRONG = f"""### With wrong X-ray volumes: minus `{UNIMODAL}`

All zeros; another sample; moved along x by so many pixels; turned by so many degrees; and the right one for a guide
that does not see the neutron image. Wanted: no more than 0.2 dB lost with another sample.

"""


PUBLISHED_GUIDE = """### The published guide

`fewview train guide -o FOLDER --minutes 22 --set network=pix2pix --set rate=2e-4` trains Pix2Pix as published: 32.0 M
parameters, eleven times ours, and a PatchGAN. After its 22 minutes (1684 steps) on one core, with the right X-ray
slices it improves first reconstructions of validation slices from 14.6 to 15.8 dB; ours, of 88 minutes, to 18.9 dB.
In the loop it lowers a validation microstructure (16 views) from 19.3 to 17.4 dB as published (`--set guide=FILE
--set guide_step=overwrite --set guide_start=false --set guide_weight=1`); left on "auto", held-out views reject it
and the volume is that of the neutrons alone. Hours on a GPU would do it justice; it is not shipped.
"""


def _quality_table(rows: Rows) -> str:
    body = []
    for views in sorted({row["views"] for row in rows}):
        alike = sorted((row for row in rows if row["views"] == views), key=lambda row: -row["psnr"])
        tv = next((row for row in alike if row["label"] == "tv"), None)
        for row in alike:
            mean = Interval(row["psnr"], row["psnr_low"], row["psnr_high"], len(row["cells"]))
            apart = None if tv is None or tv is row else interval_text(difference(row, tv))
            figures = [row.get(key) for key in FIGURES]
            body.append([views, row_name(row), interval_text(mean), apart, *figures, len(row["cells"])])
    return table(["views", "method", "PSNR", "minus tv", *FIGURES.values(), "n"], body)


FIGURES = {
    "ssim": "SSIM",
    "heldout_error": "held out",
    "coverage90": "covers",
    "structure90": "at structure",
    "invented": "invented",
    "bodies": "bodies",
    "seconds": "seconds",
    "first_seconds": "first",
    "network_share": "in networks",
    "network_calls": "calls",
    "peak_memory_mb": "memory, MB",
}


def _scales(rows: Rows) -> str:
    """PSNR against the size of the region, at the middle one of the numbers of views."""
    every = sorted({row["views"] for row in rows})
    views = every[len(every) // 2]
    alike = [row for row in rows if row["views"] == views and row["label"] == row["method"]]
    if not alike:
        return ""
    curves = [[{(y, x): value for y, x, value, _ in c["curve"]} for c in row["cells"]] for row in alike]
    every_cell = [curve for row in curves for curve in row]  # a small object has no large regions
    scales = [size for size in every_cell[0] if all(size in curve for curve in every_cell)]
    if not scales:
        return ""
    body = [
        [row["method"], *(f"{fmean(curve[size] for curve in cells):.2f}" for size in scales)]
        for row, cells in zip(alike, curves, strict=True)
    ]
    intro = f"PSNR at {views} views in regions of so many pixels, nested, where the reference is richest:\n\n"
    return intro + table(["method", *(f"{y}x{x}" for y, x in scales)], body)


def probe(rows: Rows) -> str:
    """Voids added and removed."""
    groups: dict[tuple[Any, ...], Rows] = defaultdict(list)
    for row in rows:
        groups[row["views"], row["method"], row["kind"], row["size"], row["counts"]].append(row)
    body = []
    for (views, method, kind, size, counts), alike in sorted(groups.items(), key=lambda group: group[0][:3]):
        each = [value for row in alike for value in row["contrasts"]]
        amount = fmean(row["amount"] for row in alike)
        body.append([views, method, kind, fmean(each), min(each), amount, len(each), f"{size} px, {counts:g} counts"])
    header = ["views", "method", "void", "contrast", "lowest", "amount", "voids", "measured at"]
    return PROBE + table(header, body)


PROBE = """## Does it invent?

`fewview benchmark probe --json benchmarks/results/probe.json`

Voids of three pixels are added to the measured sample, or grown ones of about that size are filled; the sample is
reconstructed before and after with the same noise, the same seed and the settings chosen before. "contrast" is what
the reconstructions differ by within the void over what the samples differ by: 1 is all of it, 0 an invention; wanted
are 0.7. "amount" is the same of the sums over the void and four pixels around it, which blur does not lower: where the
contrast is low and the amount is not, the method blurs and does not invent.

"""

REGISTRATION = """## Registration of the X-ray volume

`python benchmarks/registration.py ../shared/data --seeds 11 21 31 41 51 61 --views 0 32 16 8 --poses 2`

X-ray volumes of other voxels and fields of view, turned by any angle about the vertical, tilted by up to 5 degrees,
scaled by up to 3 %, 3 % noise; "views": the neutron side is the truth (-) or a CGLS reconstruction of so many views
of 2000 counts. Error: largest distance over the sample, in neutron voxels. "found": within 1 voxel. "refused": the
figure of quality called it a failure; "found, refused" is a false alarm, "missed, used" would be the dangerous one.
"other": the X-ray volume of another sample, or of the shell's mirror image: there is nothing to find. The shell's
pair is measured; known transforms of its X-ray slice are on top of the one that registers the pair, for as published
it is turned: the row "as published" holds how far. Pearson's r of that pair rises from {before} to {after} by the
registration (`r_before`, `r_after`). The limits of the figure of quality were set on seeds 11 and 21 and on the
shell.
"""


def registration(rows: Rows) -> str:
    """Errors of known transforms, and failures that were told."""
    groups: dict[tuple[Any, ...], Rows] = defaultdict(list)
    for row in rows:
        groups[row["data"], row["size"], row["views"], row["control"]].append(row)
    body = []
    for key, group in groups.items():
        error, angle = ([row[name] for row in group] for name in ("error_px", "error_deg"))
        near = [row["error_px"] < 1 for row in group]
        told = [not row["good"] for row in group]
        counts: list[int | None] = [
            sum(a == found and b == refused for a, b in zip(near, told, strict=True))
            for found, refused in ((True, False), (True, True), (False, True), (False, False))
        ]
        if key[3] == "as published":
            counts = [None] * 4
        shown = key[3] != "other"
        figures = [median(error), max(error), median(angle), max(angle)] if shown else [None] * 4
        halves = [median(row["halves_px"] for row in group), median(row["distinction"] for row in group)]
        body.append([*key, len(group), *figures, *halves, *counts])
    header = ["data", "size", "views", "X-ray", "n", "median error, px", "worst", "median, deg", "worst", "halves, px"]
    header += ["distinction", "found, used", "found, refused", "missed, refused", "missed, used"]
    pair = next(row for row in rows if row["control"] == "as published")
    intro = REGISTRATION.format(before=cell(pair["r_before"]), after=cell(pair["r_after"]))
    return intro + "\n" + table(header, body)


SECTIONS = {
    "operators": operators,
    "axis": axis,
    "registration": registration,
    "wood_tv": wood_tv,
    "memory": memory,
    "chunks": chunks,
    "live": live,
    "runs_live": runs_live,
    "quality": quality,
    "probe": probe,
}


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for name, render in SECTIONS.items():
        path = RESULTS / f"{name}.json"
        if path.is_file():
            rows = list(QualityRows(path)) if name == "quality" else json.loads(path.read_text(encoding="utf-8"))
            parts.append(render(rows if isinstance(rows, list) else [rows]))
    return "\n".join(parts)


if __name__ == "__main__":
    import which_method  # the page on views is of the same rows

    PAGE.write_text(page(), encoding="utf-8")
    which_method.write()
