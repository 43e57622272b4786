"""Write docs/large-slices.md from the code and benchmarks/results/real_size.json: `python docs/large_slices.py`."""

import json
from pathlib import Path

from fewview.methods import get_method
from fewview.methods.diffusion import multiresolution
from fewview.methods.inverse import window
from fewview.methods.selection import coarse

HERE = Path(__file__).parent
PAGE = HERE / "large-slices.md"
RESULTS = HERE.parent / "benchmarks" / "results" / "real_size.json"


def table(rows):
    """A line for each run."""
    lines = [
        "| preset | shortcuts | CPU seconds | of these: settings | first denoised image | PSNR, dB | SSIM |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        on = "yes" if row["shortcuts"] else "no"
        lines.append(
            f"| {row['preset']} | {on} | {row['cpu_seconds']} | {row['cpu_seconds_settings']} | "
            f"{row['cpu_seconds_first_denoised'] or 'not kept'} | {row['psnr']:.2f} | {row['ssim']:.3f} |"
        )
    return "\n".join(lines)


def ladder(size):
    """Grids and steps, in words."""
    rungs = multiresolution.ladder(get_method("d3ip").options(), size)
    return ", then ".join(f"{len(rung.levels)} steps on {-(-size // rung.factor)} pixels a side" for rung in rungs)


def page(rows):
    """The page as text."""
    size = rows[0]["size"]
    return f"""# Large slices and little time

Written by `python docs/large_slices.py` from the code and from `benchmarks/results/real_size.json`.

Slices of up to {coarse.SETTLING} pixels a side are reconstructed as they are. Of larger ones, the diffusion methods of
our own (`d3ip`, `d3ip-generic`, `d3ip-x`, `dinr`)

- settle what is on "auto" on a grid of {coarse.SETTLING} pixels at most. Weights of total variation are carried over by
  the root of the pixel size; networks, shares, steps of CGLS and the sharpness of MBIR as they are;
- go from coarse to fine: of {size} pixels, {ladder(size)};
- let the network see the part of the image where the object is, with {window.MARGIN} pixels around it. Air beyond is
  not denoised. The data step is always on the whole image.

`coarse_to_fine=false` takes all steps at full resolution; the methods as published always do.

## What that saves and costs

One slice of the tooth, {size} pixels, {rows[0]["views"]} of 181 views, `{rows[0]["method"]}` on one CPU core, by
`python benchmarks/real_size.py`; the reference is the FBP of all views. CPU seconds are those of the run, without
imports and files.

{table(rows)}

## A time budget

Every method that counts steps has the option `budget`, in seconds: `--set budget=30`, or the field "Time budget" of the
form. What is on "auto" is settled first (for half of the budget at most), then a small run measures the pace, and the
steps and samples that fit are taken; all slabs of a volume take the same. The result says what it came to, as in "The
budget of 30 s allowed 9 of 16 steps and 4 of 8 samples." A method that needs less ends early. The budget is about the
reconstruction; reading and preparing the scan come on top. A run with a budget depends on the machine: `fewview tune`
writes the recipe with the steps that were settled, which does not.
"""


if __name__ == "__main__":
    PAGE.write_text(page(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8")
