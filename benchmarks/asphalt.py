"""Networks on a measured image: crops of an X-ray slice of asphalt, scanned in simulation; writes results/asphalt.json.

    python benchmarks/asphalt.py --measured FOLDER

The image is real, its scan is not: grains, binder and pores as no simulator of ours draws them, and a truth that is
known. Whether `unrolled-general` was trained on long enough was decided on it, among others: it is no test.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from similarity import similarity
from validation_samples import MEASURED

import fewview
from fewview.benchmark.quality.simulated import measured
from fewview.simulate.phantoms import VoxelPhantom

OUT = Path(__file__).parent / "results" / "asphalt.json"
IMAGE = Path("microstructure_asphalt") / "asphalt_gray.tif"
CORNERS, SIDE, DEPTH = ((100, 100), (500, 500)), 256, 4  # of the crops, in pixels; pixels a side after 2 x 2 binning
VIEWS, COUNTS, ATTENUATION, FIELD = (8, 16, 32), 2000, 0.1, 25.6  # ATTENUATION in 1/mm, FIELD in mm
RUNS = {
    "unrolled": ("unrolled", {"weights": "unrolled-general"}),
    "d3ip-generic": ("d3ip-generic", {}),
    "mbir": ("mbir", {}),
    "tv": ("tv", {}),
}


def crop(image, corner):
    """A disk of the image as a sample that does not change along z."""
    y, x = corner
    part = image[y : y + 2 * SIDE, x : x + 2 * SIDE].reshape(SIDE, 2, SIDE, 2).mean((1, 3)) / 255
    across = np.arange(SIDE) - (SIDE - 1) / 2
    inside = np.hypot(across[:, None], across) < SIDE / 2 - 2
    stack = np.repeat((part * inside)[None], DEPTH, 0).astype(np.float32) * ATTENUATION
    return VoxelPhantom(lambda radiation, first, last: stack[first:last], DEPTH // 2, 2 * FIELD / SIDE)


def main():
    """Measure all crops with all numbers of views."""
    import tifffile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measured", type=Path, default=MEASURED)
    image = tifffile.imread(parser.parse_args().measured / IMAGE).astype(np.float32)
    torch.set_num_threads(1)
    rows = []
    for number, corner in enumerate(CORNERS):
        phantom = crop(image, corner)
        truth = phantom.truth("neutron")
        for views in VIEWS:
            case = measured(phantom, truth, views, COUNTS, (number, 0))
            row = {"crop": number, "views": views, "size": truth.shape[-1]}
            for label, (method, options) in RUNS.items():
                for last in fewview.reconstruct(case.lines, method, options, holdout=0.0):  # noqa: B007
                    pass
                row[label] = list(similarity(last.volume, truth).values())
            print(row, flush=True)
            rows.append(row)
            OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
