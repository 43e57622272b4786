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
        "| method | preset | shortcuts | CPU seconds | of these: settings | first picture | first from a network "
        "| PSNR, dB | SSIM |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        on = "yes" if row["shortcuts"] else "no"
        lines.append(
            f"| `{row['method']}` | {row['preset']} | {on} | {row['cpu_seconds']} | {row['cpu_seconds_settings']} | "
            f"{row.get('cpu_seconds_first', 'not kept')} | {row['cpu_seconds_first_denoised'] or '-'} | "
            f"{row['psnr']:.2f} | {row['ssim']:.3f} |"
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

Slices of up to {coarse.SETTLING} pixels a side are reconstructed as they are. Of larger ones,

- what is on "auto" is settled on a grid of {coarse.SETTLING} pixels at most: by `d3ip`, `d3ip-generic`, `d3ip-x`,
  `dinr`, `postnet`, `guide`, the neural fields and DiffNR (their smoothness), and `ensemble`, which settles its members
  and weighs them there. Weights of total variation are carried over by the root of the pixel size; networks, shares,
  trusts, steps of CGLS and the sharpness of MBIR as they are. `unrolled` chooses its scale alone; fine-tuned, it learns
  on that grid, too;
- a trained network sees the part of the image where the object is, with {window.MARGIN} pixels around it: in these
  diffusion methods, `postnet`, `guide`, `unrolled`, `unrolled-x` and the repairs of DiffNR. Air beyond is not denoised.
  The data step is always on the whole image. The slice fixer of the published DiffNR sees all of it;
- `d3ip`, `d3ip-generic`, `d3ip-x` and `dinr` go from coarse to fine: of {size} pixels, {ladder(size)};
- `unrolled` and `guide` show first what they make of the coarse grid. Fields begin at a TV of few iterations.

`coarse_to_fine=false` takes all steps of the diffusion at full resolution; the methods as published always do.

## What that saves and costs

One slice of the tooth, {size} pixels, {rows[0]["views"]} of 181 views, on one CPU core, by
`python benchmarks/real_size.py`; the reference is the FBP of all views. CPU seconds are those of the run, without
imports and files. Those without shortcuts, and `postnet`, were taken on a quieter machine than the others, where the
draft of `d3ip` took 14.5 s and `unrolled` 11.9 s of the same work.

{table(rows)}

## A time budget

Every method has the option `budget`, in seconds: `--set budget=30`, or the field "Time budget" of the form. Methods of
one pass (FBP, gridrec, `guide`) have nothing to leave out, and say so. What is on "auto" is settled first (for half of
the budget at most), then a small run measures the pace, and the steps and samples that fit into 92 % of the budget are
taken (a long run is slower than a small one); of `ensemble`, those of each member. All slabs of a volume take the same.
The result says what it came to, as in "The budget of 30 s allowed 9 of 16 steps and 4 of 8 samples." A method that
needs less ends early, and so does a field that held-out pixels stop; both is said. The budget is about the
reconstruction; reading and preparing the scan come on top. A run with a budget depends on the machine: `fewview tune`
writes the recipe with the steps that were settled, which does not.
"""


if __name__ == "__main__":
    PAGE.write_text(page(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8")
