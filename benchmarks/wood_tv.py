"""Does "auto" find the weight of TV that the truth would choose? Measured neutron and X-ray sinograms, few views.

    python benchmarks/wood_tv.py ../shared/data --bin 2 -o benchmarks/results/wood_tv.json

The reference is the FBP of all views, so the figures say how near the few-view images come to that image, its noise
and rings included. The rule of "auto" was settled on simulated samples (seeds of validation). These data played one
part: that TV's iterations were too few was suspected here; their number was then settled on simulated samples.
Rows that the file has are kept, but for those of --again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from similarity import similarity

from fewview.benchmark.rows_file import Row
from fewview.geometry import spread_views
from fewview.methods import Problem, get_method
from fewview.methods.classical import tv
from fewview.methods.classical.chambolle_pock import iterate
from fewview.methods.classical.fbp import preview
from fewview.operators import filtered_backprojection, parallel_beam

GRID = 10 ** np.arange(-1.75, -3.6, -0.25)
GRID_ITERATIONS = 200
BEST = "tv-best-on-grid"
METHODS: dict[str, dict[str, Any]] = {
    BEST: {},
    "fbp": {},
    "fbp-hann": {"filter": "hann"},
    "sirt": {},
    "cgls": {},
    "tv": {},
    "mbir": {},
}


def sinograms(folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray, float]]:
    """Name, sinogram, angles and axis."""
    import h5py
    import tifffile

    wood = folder / "neutron_psi_wood_sinogram"
    turn = np.linspace(0, 2 * np.pi, 626)
    for name, axis in (("woodsino_0200_crop448", 252.25), ("woodsino_0100", 257.75)):
        yield name, tifffile.imread(wood / f"{name}.tif").astype(np.float32)[:-1], turn[:-1], axis
    with h5py.File(folder / "xray_tooth_dataexchange" / "tooth.h5") as file:
        exchange = file["exchange"]
        white, dark = exchange["data_white"][:, 0].mean(0), exchange["data_dark"][:, 0].mean(0)
        transmission = (exchange["data"][:, 0] - dark) / (white - dark)
        angles = np.radians(exchange["theta"][:])
    yield "tooth", -np.log(np.clip(transmission, 1e-3, None)).astype(np.float32), angles, 295.0


def binned(sinogram: np.ndarray, axis: float, factor: int) -> tuple[np.ndarray, float]:
    columns = sinogram.shape[1] // factor
    mean = sinogram[:, : columns * factor].reshape(len(sinogram), columns, factor).mean(2)
    return mean, (axis - (factor - 1) / 2) / factor


@dataclass(frozen=True)
class Case:
    """Few views of a slice, and the FBP of all of them."""

    name: str
    problem: Problem
    reference: torch.Tensor

    @classmethod
    def of(cls, name: str, sinogram: np.ndarray, angles: np.ndarray, axis: float, views: int) -> Case:
        everything = parallel_beam(angles, columns=sinogram.shape[1], axis=axis)
        reference = filtered_backprojection(everything, torch.as_tensor(sinogram)[None])
        chosen = spread_views(angles, views)
        return cls(name, Problem(everything.subset(chosen), torch.as_tensor(sinogram[chosen])[None]), reference)

    def row(self, method: str, volume: Any, chosen: Mapping[str, float]) -> Row:
        size, views = self.problem.operator.columns, self.problem.operator.views
        found = {key: float(f"{chosen[key]:.3g}") for key in ("weight", "sharpness", "iterations") if key in chosen}
        figures = similarity(volume, self.reference)
        return {"data": self.name, "size": size, "views": views, "method": method, **figures, **found}

    def best_tv(self) -> Row:
        """The row of the weight that the truth would choose."""
        best, volume = None, preview(self.problem)
        for weight in GRID:
            formulated = tv.formulate(self.problem, tv.TVOptions(), float(weight))
            *_, last = iterate(formulated, GRID_ITERATIONS, {"volume": volume})
            volume = last.x.clone()
            row = self.row(BEST, volume, {"weight": weight})
            best = row if best is None or row["psnr"] > best["psnr"] else best
        assert best is not None
        return best

    def measure(self, label: str) -> Row:
        """The row of a method, with its defaults but for what METHODS says."""
        if label == BEST:
            return self.best_tv()
        method = get_method(label.split("-")[0])
        *_, estimate = method.run(self.problem, method.options(**METHODS[label]))
        return self.row(label, estimate.volume, estimate.chosen)


def label_of(row: Row) -> str:
    """What METHODS calls the method of a row."""
    return str(row["method"]).removesuffix("-auto")


def finished(rows: list[Row]) -> list[Row]:
    """Rows with "-auto" where something was chosen, and how far TV's choice is below the best."""
    best = {(row["data"], row["size"], row["views"]): row["psnr"] for row in rows if row["method"] == BEST}
    for row in rows:
        if label_of(row) != BEST and any(key in row for key in ("weight", "sharpness", "iterations")):
            row["method"] = f"{label_of(row)}-auto"
        if label_of(row) == "tv":
            row["below_best_db"] = round(best[row["data"], row["size"], row["views"]] - row["psnr"], 3)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the measured data")
    parser.add_argument("-o", "--out", type=Path, default=Path(__file__).parent / "results" / "wood_tv.json")
    parser.add_argument("--views", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--bin", type=int, default=1, help="columns averaged")
    parser.add_argument("--again", nargs="*", default=[], choices=[*METHODS], help="methods to measure anew")
    arguments = parser.parse_args()
    earlier = json.loads(arguments.out.read_text()) if arguments.out.is_file() else []
    table = {(r["data"], r["size"], r["views"], label_of(r)): r for r in earlier}
    order = []
    for name, sinogram, angles, axis in sinograms(arguments.data):
        sinogram, axis = binned(sinogram, axis, arguments.bin)
        for views in arguments.views:
            case = Case.of(name, sinogram, angles, axis, views)
            for label in METHODS:
                key = (name, sinogram.shape[1], views, label)
                order.append(key)
                if key not in table or label in arguments.again:
                    table[key] = case.measure(label)
                    print(table[key], flush=True)
                    kept = [k for k in order if k in table] + [k for k in table if k not in order]
                    arguments.out.write_text(json.dumps(finished([table[k] for k in kept]), indent=1) + "\n")


if __name__ == "__main__":
    main()
