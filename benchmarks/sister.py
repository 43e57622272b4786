"""What ten minutes on a dense scan of a sister sample bring: `python benchmarks/sister.py --data grains foam wood`.

Simulated samples: 40 slices are scanned with 360 views and 20000 counts and reconstructed as `fewview train unrolled
--from` does it (total variation), which is learnt; 4 other slices of the same sample are measured with few views and
2000 counts. Samples 0 of grains and foam are wider than the detector and are not taken. Wood: the FBP of all views of
one neutron sinogram is learnt, the other sinogram, of another height, is reconstructed from few of its views; there
half of the steps learn from views of the dense scan as they were measured. As much of what was learnt is kept as
held-out views of the few speak for. The network starts from `unrolled-general`, which has seen grains, but no foam and
no wood, and learns for the given minutes of one core. Rows are
kept in results/sister.json, so that a run can be stopped and gone on with; networks lie in the folder of
--networks.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from fewview.benchmark.quality.case import Case
from fewview.benchmark.quality.cell import measure_cell
from fewview.benchmark.quality.measured import few_views, wood
from fewview.benchmark.quality.simulated import Slab, lines_of, measured, seed_of
from fewview.runs.problem import set_up
from fewview.scan import LineIntegrals
from fewview.simulate import Beam, make_phantom
from fewview.sister.dense import dense_volume
from fewview.training.sister import SisterTrainer, SisterTraining, export_sister
from fewview.training.sister_check import kept_part
from fewview.training.sister_views import MeasuredViews

OUT = Path(__file__).parent / "results" / "sister.json"
SIZE, LEARNT, APART, TRIED, DEPTH = 128, 40, 4, 4, 48
DENSE = {"views": 360, "counts": 20_000.0}
COUNTS = 2000.0
BESIDE = ("tv", "mbir", "d3ip-generic", "unrolled")
SAME = ("data", "volume", "views", "label")


@dataclass(frozen=True)
class Lesson:
    """A dense scan, its reconstruction, ``finer`` times as fine, and the measurement that is to be reconstructed."""

    lines: LineIntegrals
    volume: np.ndarray
    finer: int
    case: Case


def simulated(kind, volume, views):
    """Slices of a sample, and others of it."""
    whole = make_phantom(kind, SIZE, seed_of(volume), DEPTH)
    dense = Slab(whole, LEARNT, first=0)
    angles = np.arange(DENSE["views"]) * np.pi / DENSE["views"]
    lines = lines_of(dense, angles, Beam(counts=DENSE["counts"]), np.random.default_rng([volume, 99]))
    learnt = dense_volume(lines, finer=1)
    few = Slab(whole, TRIED, first=LEARNT + APART)
    return Lesson(lines, learnt, 1, measured(few, few.truth("neutron"), views, COUNTS, (volume, 0)))


def woods(volume, views, folder):
    """The one sinogram, its FBP twice as fine, and few views of the other one."""
    lines, _ = wood(SIZE, 1 - volume, folder)
    _, learnt = wood(2 * SIZE, 1 - volume, folder)
    return Lesson(lines, learnt, 2, few_views(*wood(SIZE, volume, folder), views, 0))


def problem_of(lines):
    """All views and slices."""
    setup = set_up(lines, auxiliary=None, holdout=0.0, device=torch.device("cpu"), seed=0)
    return setup.problem(0, setup.slices)


def teach(lesson, path, minutes):
    """Learn, write what of it the scan's own views speak for; minutes of learning."""
    scan, folder = problem_of(lesson.case.lines), path.with_name(f"{path.stem}-training")
    options = SisterTraining(minutes=minutes, validate_every=2.0)
    views = MeasuredViews.of(problem_of(lesson.lines), lesson.volume, 1 / lesson.finer, scan)
    trainer = SisterTrainer(options, lesson.volume, scan, folder, print, views)
    trainer.run()
    export_sister(folder, path, path.stem, part=kept_part(scan, folder, path))
    return round(trainer.elapsed / 60, 1)  # a training that was resumed has learnt longer than this process took


def main():
    """Measure what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["grains", "foam", "wood"])
    parser.add_argument("--volumes", type=int, nargs="+", default=[1])
    parser.add_argument("--views", type=int, default=16)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--networks", type=Path, default=Path("sister-networks"))
    parser.add_argument("--measured", type=Path, default=Path("../shared/data"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else []
    for kind in asked.data:
        for volume in asked.volumes:
            lesson = (
                woods(volume, asked.views, asked.measured) if kind == "wood" else simulated(kind, volume, asked.views)
            )
            case = lesson.case
            path = asked.networks / f"{kind}-{volume}-{asked.views}.safetensors"
            taught = f"unrolled, taught {asked.minutes:g} min"
            learnt = (taught, "unrolled", {"weights": str(path)})
            for label, method, options in (*((name, name, {}) for name in BESIDE), learnt):
                row = {"data": kind, "volume": volume, "views": asked.views, "label": label, "size": SIZE}
                row["slices"] = len(case.reference)
                if any(all(old[name] == row[name] for name in SAME) for old in rows):
                    continue
                if label == taught:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    row["learnt_minutes"] = teach(lesson, path, asked.minutes)
                began = time.process_time()
                found = measure_cell(method, case, 0, options=options)
                row |= {"cpu_seconds": round(time.process_time() - began, 1)}
                row |= {name: found[name] for name in ("psnr", "ssim", "heldout_error", "invented", "bodies")}
                print(row, flush=True)
                rows.append(row)
                OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
