"""What the stages and the Krylov directions of the unrolled network bring: `python benchmarks/unrolled_stages.py`.

Networks of 1, 2 and 4 stages, and one of a single stage without Krylov directions (that is what `postnet` is: one
network after a reconstruction, then a data step), each from scratch for the same minutes of one core on the same
samples. Writes results/unrolled_stages.json; a training that was stopped is gone on with.
"""

import argparse
import json
from pathlib import Path

import torch

from fewview.training.unrolled import UnrolledTraining, train_unrolled

OUT = Path(__file__).parent / "results" / "unrolled_stages.json"
VARIANTS = ((4, True), (2, True), (1, True), (1, False))


def main():
    """Train each for as long as the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, default=Path("unrolled-stages"), help="states and training images")
    parser.add_argument("--variants", type=int, nargs="+", default=list(range(len(VARIANTS))), help="numbers of these")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for number in asked.variants:
        stages, krylov = VARIANTS[number]
        # Slices of 64 pixels alone, and no steps for the drawing of samples: all minutes go into what is compared.
        options = UnrolledTraining(minutes=asked.minutes, stages=stages, krylov=krylov, small=1.0, scores=0.0)
        folder = asked.folder / f"{stages}-{'krylov' if krylov else 'plain'}"
        train_unrolled(options, folder, asked.folder / "pool")
        last = json.loads((folder / "curve.json").read_text(encoding="utf-8"))[-1]
        rows = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else []
        rows = [row for row in rows if (row["stages"], row["krylov"]) != (stages, krylov)]
        OUT.write_text(
            json.dumps([*rows, {"stages": stages, "krylov": krylov, **last}], indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
