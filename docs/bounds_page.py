"""Write docs/bounds.md from benchmarks/results, bounds.json and quality.json: `python docs/bounds_page.py`."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from markdown_table import table

from fewview.benchmark.rows_file import Row

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "bounds.json"
PAGE = ROOT / "docs" / "bounds.md"
QUALITY = ROOT / "benchmarks" / "results" / "quality.json"

INTRODUCTION = """# How far from the best possible

Written by `python docs/bounds_page.py` from `benchmarks/results/bounds.json`, which `python
benchmarks/bounds.py` measures.

A few views do not determine a sample. Of all methods that know the same kind of samples and see the same
measurement, one has the least squared error on average: the mean of all samples that agree with the
measurement, each weighed by how likely it is (the posterior mean). No cleverness passes it; only more views,
more counts or more knowledge of the sample do. How far a method is below it cannot be read off a comparison
with total variation. Four tests say something about it. All figures are of validation samples, which no
training has seen; each table says of how many, and that is few.
"""
VARIANCE = """## What the samples say

`unrolled` and `d3ip` can draw samples: objects that agree with the measurement. If they are drawn from the true
posterior, then the mean errs by the variance of the samples, and one sample errs by twice as much as the mean.
So three figures must agree: the error of the mean, the variance of the samples, and half of the error of one
sample. The last is the bound: the PSNR of one sample plus 3.01 dB.

Where the variance is smaller than the error of the mean ("variance over error" below 1), the samples lie too
near to each other: the method is surer of itself than it may be, and says nothing about what is possible. Where
it is larger, the samples err more than they need, and the bound lies below what is possible. "covers" is the
part of the object's pixels that an interval of 90 % holds (the mean and 1.645 standard deviations on either
side, of eight samples), "at structure" that of the fifth of them where the sample changes most, "to be honest"
what the standard deviation has to be multiplied by so that 90 % are held. `unrolled` keeps such
factors, of all kinds of samples that a network has learnt, with its weights and widens its standard deviation by
them. Concrete-like samples, 64 pixels, 3 slices, 2000 counts. PSNRs of methods that were tried on other numbers of
volumes are not to be compared.

"""
MEAN = """## What networks have in common

Errors that come from the shape of a network, its training or its chance differ between networks that were trained
apart, and the mean of their answers takes them away: that of two errs by the mean of both errors less a quarter of
the squared distance between them. `unrolled-materials`, `d3ip` with the prior `materials` (without TV beside it) and
`postnet` have seen the same kind of samples, by three methods, from three beginnings. Mean PSNR of {samples}
validation samples of concrete-like kind, 64 pixels, 3 slices, 2000 counts:

"""
MOST = """
What can be gained at most over methods that have learnt nothing, of the same samples: how far they are below the
bound that single samples tell, and below that of the variance. Where both agree ("variance over error" near 1), no
method that knows nothing but such samples and the measurement gains more in the mean. PSNR in dB:

"""
FIXED = """## What it costs to serve every scan

One network serves all numbers of views, arcs and doses. Trained on for twenty minutes of one processor core for one
acquisition alone (over 180 degrees, 2000 counts), it gains what this generality costs. {samples} validation samples of
concrete-like kind, 64 pixels, 3 slices; PSNR in dB:

"""
FIELD = """## Where the best answer is known

Of a Gaussian random field measured with Gaussian noise, the posterior mean and its error have closed forms. A
network of the same shape as `unrolled-materials`, but trained from nothing on such fields alone ({views} views,
{side} pixels), can be held against it. What {tested} fields err by, in dB above the closed form (0 is the best
possible):

"""
REFERENCE = """## What a measured reference can tell

Nobody knows the truth of a measured sample. The reference of the wood is the FBP of all its 625 views, made at the
resolution of the detector and averaged over pixels. It keeps the noise and the rings of the detector, and is a little
blurred by interpolation. An FBP of binned views is blurred more: beside that, MBIR of 32 views was 0.3 and 0.8 dB
better against `unrolled` than beside this one, which ranks most methods as views do that none of them was given.
A method that comes nearer to the sample than FBP moves away from the reference. So more views help ever less, and gains
of tenths of a decibel where views are many say little about the sample. From 128 views on, the most that `unrolled` has
learnt, MBIR is above it. PSNR in dB, mean of two sinograms of 128 pixels (`fewview benchmark quality --data wood
--methods tv,mbir,unrolled --views 16,32,64,128,312 --counts none --volumes 2 --seeds 1 --slices 1`):

"""
SHOWN = ("tv", "mbir", "unrolled")


def decibels(ratio: float) -> float:
    """A ratio of squared errors."""
    return 10 * math.log10(ratio)


def page(rows: list[Row], quality: list[Row]) -> str:
    """The page as text, from the rows of the bounds and of the quality benchmark."""
    parts: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        parts[row["part"]].append(row)
    sections = (
        variance(parts["variance"]),
        in_common(parts["mean"]),
        fixed(parts["fixed"]),
        field(parts["field"]),
        reference(quality),
    )
    return "\n".join((INTRODUCTION, *sections))


def reference(rows: list[Row]) -> str:
    """How near to the FBP of all views methods come with more and more of them."""
    wood = {
        (row["label"], row["views"]): row["psnr"]
        for row in rows
        if (row["data"], row["size"], row["counts"]) == ("wood", 128, None) and row["label"] in SHOWN
    }
    views = sorted({number for _, number in wood if all((label, number) in wood for label in SHOWN)})
    body = [[f"`{label}`", *(f"{wood[label, number]:.2f}" for number in views)] for label in SHOWN]
    return REFERENCE + table(["", *(f"{number} views" for number in views)], body)


def variance(rows: list[Row]) -> str:
    """Three figures that would agree."""
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["method"], row["views"]].append(row)
    body, verdicts = [], []
    for (method, views), own in groups.items():

        def mean(name: str, own: list[Row] = own) -> float | None:
            known = [row[name] for row in own if name in row]
            return sum(known) / len(known) if known else None

        error, one, spread = mean("error_of_mean"), mean("error_of_one"), mean("variance")
        assert error is not None and one is not None and spread is not None
        psnr = [f"{-decibels(value):.2f}" for value in (error, one / 2, spread)]
        if 0.75 < spread / error < 1.25:
            gap = decibels(2 * error / one)
            verdicts.append(
                f"At {views} views the answer of `{method}` lies {abs(gap):.2f} dB "
                f"{'below' if gap > 0 else 'above'} the bound that its own samples tell.\n"
            )
        covered = [None if value is None else f"{value:.2f}" for value in map(mean, COVERED)]
        body.append([views, method, len(own), *psnr, f"{spread / error:.2f}", *covered])
    header = ["views", "method", "volumes", "PSNR of the mean", "of one sample + 3.01 dB", "as the variance says"]
    made = table([*header, "variance over error", "covers", "at structure", "to be honest"], body)
    return VARIANCE + made + "\n" + "".join(verdicts) + MOST + at_most(groups)


def at_most(groups: dict[tuple[str, int], list[Row]]) -> str:
    """How far methods that have learnt nothing are below the bounds."""

    def level(errors: Iterable[float]) -> float:
        return -decibels(float(np.mean(list(errors))))

    body: list[list[object]] = []
    for (_, views), own in groups.items():
        if any("beside" not in row for row in own):
            continue
        classical = level(min(row["beside"]["tv"], row["beside"]["mbir"]) for row in own)
        bounds = level(row["error_of_one"] / 2 for row in own), level(row["variance"] for row in own)
        answer = level(row["error_of_mean"] for row in own)
        over = [f"{value - classical:+.2f}" for value in (answer, *bounds)]
        inr = level(row["beside"]["inr"] for row in own)
        of_inr = [f"{value - inr:+.2f}" for value in (answer, *bounds)]
        body.append([views, len(own), f"{classical:.2f}", *over, f"{inr:.2f}", *of_inr])
    gains = ["`unrolled` over it", "the bound over it", "as the variance says"]
    return table(["views", "volumes", "better of TV and MBIR", *gains, "`inr`", *gains], body)


COVERED = ("coverage90", "structure90", "honest_factor")


def in_common(rows: list[Row]) -> str:
    """What the mean of networks that were trained apart gains over the best of them."""
    views, names = sorted({row["views"] for row in rows}), list(rows[0]["errors"])

    def psnr(name: str, number: int) -> float:
        levels = [-decibels(row["errors"][name]) for row in rows if row["views"] == number]
        return sum(levels) / len(levels)

    body = [[f"`{name}`" if " " not in name else name, *(f"{psnr(name, n):.2f}" for n in views)] for name in names]
    ones = [name for name in names if " " not in name]
    gains = [max(psnr(name, n) for name in names) - max(psnr(name, n) for name in ones) for n in views]
    told = ", ".join(f"{gain:.2f} dB at {n} views" for gain, n in zip(gains, views, strict=True))
    made = table(["", *(f"{n} views" for n in views)], body)
    samples = len({row["index"] for row in rows})
    return (
        MEAN.format(samples=samples)
        + made
        + f"\nNo mean is above the best network by more than {told}. All else that they "
        "err by they err by together: it is what the measurement leaves open, or what all three have learnt wrongly "
        "from the same kind of samples. Another seed, another shape or a larger ensemble brings no more than this.\n"
    )


def fixed(rows: list[Row]) -> str:
    """What further training for one acquisition brings, of each kind of samples and number of views."""
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["kind"], row["views"]].append(row)
    body: list[list[object]] = []
    for (kind, views), own in groups.items():
        first, last = own[0], own[-1]
        half = min(own, key=lambda row: abs(row["seconds"] - last["seconds"] / 2))
        gains = [f"{row['psnr'] - first['psnr']:+.2f}" for row in (half, last)]
        over = [f"{row['psnr'] - row['classical']:+.2f}" for row in (first, last)]
        shown = [f"{row:.2f}" for row in (first["classical"], first["psnr"])]
        body.append([kind, views, last["seeds"], last["steps"], *shown, *gains, *over])
    header = ["samples", "views", "seeds", "steps", "better of TV and MBIR", "`unrolled`", "gain at half time", "gain"]
    made = table([*header, "over TV and MBIR before", "after"], body)
    return FIXED.format(samples=rows[0]["samples"]) + made


def field(rows: list[Row]) -> str:
    """How near a trained network comes to the closed form."""
    first, *trained = rows
    exact = first["posterior_mean"]
    body: list[list[object]] = [["knowing nothing but the mean", None, None, f"{decibels(first['prior'] / exact):.2f}"]]
    body += [
        ["network", f"{row['seconds']:.0f}", row["steps"], f"{decibels(row['network'] / exact):.2f}"] for row in trained
    ]
    told = (
        f"\nThe closed form promises an error of {first['closed_form']:.3g}; on these fields the posterior mean errs "
        f"by {exact:.3g}.\n"
    )
    known = {"views": first["views"], "side": first["side"], "tested": first["tested"]}
    return FIELD.format(**known) + table(["answer", "CPU seconds", "steps", "dB above the best possible"], body) + told


if __name__ == "__main__":
    read = (json.loads(path.read_text(encoding="utf-8")) for path in (RESULTS, QUALITY))
    PAGE.write_text(page(*read), encoding="utf-8")
