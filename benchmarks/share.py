"""How much of the share that held-out views give total variation is worth taking; writes results/share.json.

    python benchmarks/share.py --measured FOLDER

Validation samples of the settings search: the network alone, TV alone (the weight that was found with the share), and
the PSNR of their mean for several parts of the share that was found. What the file holds is not measured again.
"""

from pathlib import Path

from settings_search import Sample
from validation_samples import measure

from fewview.methods import get_method
from fewview.methods.ensemble.stacking import TAKEN
from fewview.quality import psnr

OUT = Path(__file__).parent / "results" / "share.json"
PARTS = (0.0, 0.25, 0.5, 0.75, 1.0)


def rows_of(case):
    """The share, and the PSNR with each part of it."""
    sample = Sample(case)
    options = sample.tune()[0].options
    share = float(options.share) / TAKEN  # before any caution
    row = {"share": round(share, 3)}
    *_, network = sample.method.solve(sample.problem, options.taking({"beside_share": 0.0}))
    alone = other = network.array
    if share > 0:
        weight = options.value("tv_weight")
        *_, last = get_method("tv").solve(sample.problem, get_method("tv").options(weight=weight))
        other = last.array
    for part in PARTS:
        mean = (1 - part * share) * alone + part * share * other
        row[f"psnr at {part:g} of it"] = round(psnr(mean, case.reference), 3)
    return [row]


if __name__ == "__main__":
    measure(__doc__, OUT, rows_of, volumes=(3, 4, 5))
