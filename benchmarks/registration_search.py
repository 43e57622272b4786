"""The search for the turn of an X-ray volume beside SimpleITK's own ways of searching; writes its results as JSON.

    python benchmarks/registration_search.py

Samples and transforms of benchmarks/registration.py. The search that registration uses (`candidates`) and those of
SimpleITK look at the same small copies, turn by turn, 10 degrees apart; the three best poses of each are followed by
the same descent, and the best of these is the answer.

- descent: regular step gradient descent from every turn
- exhaustive: Mattes' mutual information at 27 shifts for every turn, then descent from the best
- amoeba: Nelder and Mead's simplex from every turn
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from fewview.registration.metric import Body
from fewview.registration.refine import Task, refined
from fewview.registration.search import SMALL, candidates, first_pose, ranking
from fewview.registration.transform import Grid, Similarity, resample, turn
from registration import COUNTS, FIELD, NOISE, VOXEL, drawn_pose, error, few_views, truth_and_xray

OUT = Path(__file__).parent / "results" / "registration_search.json"
SIZE, BLUR, FINER, KEPT, POINTS, FOLLOWED = 64, 0.7, 1.6, 3, 5000, 250_000
FOUND = 1.0  # px: the largest error of a registration that was found
APART = 15.0  # degrees


def pair(seed, number, views):
    """Neutron and X-ray body, small, and the transform between them."""
    neutron, fine, pixel = truth_and_xray(SIZE, seed)
    grid, side = Grid.cubic(neutron.shape, pixel), int(SIZE * FIELD / VOXEL)
    moving_grid = Grid.cubic((side,) * 3, pixel * VOXEL)
    rng = np.random.default_rng([seed, number])
    true = drawn_pose(rng, grid, moving_grid)
    fine_grid = Grid(fine.shape, (pixel / 2,) * 3, (-pixel / 4,) * 3)
    xray, _ = resample(fine, fine_grid, true.inverse(), moving_grid, order=1)
    xray += rng.normal(0, NOISE * np.percentile(xray, 99), xray.shape).astype(np.float32)
    seen = few_views(neutron, pixel, views, seed) if views else neutron
    y, x = np.indices(seen.shape[1:]) - (SIZE - 1) / 2
    disc = np.broadcast_to(np.hypot(y, x) <= SIZE / 2 - 1, seen.shape)
    small = Body.of(seen, grid, disc).reduced(SMALL, BLUR), Body.of(xray, moving_grid).reduced(int(FINER * SMALL), BLUR)
    return *small, true, Body.of(neutron, grid)


def optimised(fixed, moving, pose, how):
    """The pose where an optimiser of SimpleITK ends."""
    if how == "descent":
        return refined(fixed, moving, pose, points=POINTS)
    task = Task.of(fixed, moving, pose, scaled=True, points=POINTS, seed=0)
    if how == "amoeba":
        task.method.SetOptimizerAsAmoeba(4 * task.voxel, 200, 0.05 * task.voxel, 1e-4)
    else:
        task.method.SetOptimizerAsExhaustive([0, 0, 0, 1, 1, 1, 0], 0.15)  # of the extent
        task.method.SetOptimizerScales([1.0] * 7)
    task.method.Execute(*task.images)
    found = task.pose(task.small.GetParameters())
    return found if how == "amoeba" else refined(fixed, moving, found, points=POINTS)


def by_simpleitk(how):
    """A search with the answer of `candidates`."""

    def search(fixed, moving):
        start, middle = first_pose(fixed, moving, same_unit=True), fixed.centroid()[0]
        score, best = ranking(fixed, moving, POINTS, 0), []
        for degrees in np.arange(0, 360, 10.0):
            pose = type(start).about(np.array(start.rotation) @ turn(degrees), start.scale, middle, start(middle))
            found = optimised(fixed, moving, pose, how)
            best.append((score(found), found))
        kept: list[tuple[float, Similarity]] = []
        for value, pose in sorted(best, key=lambda one: -one[0]):
            if len(kept) < KEPT and all(pose.angle_to(other) > APART for _, other in kept):
                kept.append((value, pose))
        return kept

    return search


def ours(fixed, moving):
    """The search of registration."""
    return candidates(fixed, moving, first_pose(fixed, moving, same_unit=True), "vertical", KEPT, lambda: False, 0)


def main():
    """Measure every search on every pair."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11])
    parser.add_argument("--views", type=int, nargs="+", default=[0], help="0: the truth itself")
    asked = parser.parse_args()
    searches = {"own": ours, **{how: by_simpleitk(how) for how in ("descent", "exhaustive", "amoeba")}}
    rows = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else []
    for seed, views in ((s, v) for s in asked.seeds for v in asked.views):
        fixed, moving, true, body = pair(seed, 0, views)
        score = ranking(fixed, moving, FOLLOWED, 0)
        for name, search in searches.items():
            row = {"search": name, "seed": seed, "views": views or None, "counts": COUNTS if views else None}
            if any(row.items() <= old.items() for old in rows):
                continue
            began = time.process_time()
            found = search(fixed, moving)
            seconds = time.process_time() - began
            followed = [refined(fixed, moving, pose, points=FOLLOWED) for _, pose in found]
            largest, _, angle = error(max(followed, key=score), true, body)
            row |= {"error_px": round(largest, 3), "error_deg": round(angle, 3), "found": largest < FOUND}
            rows.append(row | {"search_cpu_seconds": round(seconds, 1)})
            print(rows[-1], flush=True)
            OUT.write_text("[\n" + ",\n".join(json.dumps(one) for one in rows) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
