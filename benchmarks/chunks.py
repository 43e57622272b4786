"""CPU time of reading compressed chunks, over that of plain h5py: `python benchmarks/chunks.py`.

Each chunk of a file in the order of sinograms holds all views of one detector row, so that reading view by view would
decompress every chunk as often as there are views.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np

from fewview.io import read_scan

VIEWS, ROWS, COLUMNS = 720, 64, 640
FILTERS: dict[str, dict[str, Any]] = {
    "gzip": {"compression": "gzip", "compression_opts": 1},
    "bitshuffle": dict(hdf5plugin.Bitshuffle()),
    "blosc": dict(hdf5plugin.Blosc()),
}
REPEATS = 5


def measure(name: str, folder: Path) -> dict[str, Any]:
    """One row: CPU seconds of both, the smallest of a few."""
    frames = np.random.default_rng(0).poisson(1000, (VIEWS, ROWS, COLUMNS)).astype(np.uint16)
    path = folder / f"{name}.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("exchange/data", data=frames, chunks=(VIEWS, 1, COLUMNS), **FILTERS[name])
        file["exchange/data_white"] = frames[:5]
        file["exchange/theta"] = np.arange(VIEWS) * 0.25

    def plain() -> np.ndarray:
        with h5py.File(path) as file:
            return np.asarray(file["exchange/data"][()], dtype=np.float32)

    scan = read_scan(path)
    h5py_s, fewview_s = (min(cpu_seconds(work) for _ in range(REPEATS)) for work in (plain, scan.read))
    row = {"filter": name, "megabytes": round(frames.nbytes / 1e6, 1), "h5py_s": h5py_s, "fewview_s": fewview_s}
    return {**row, "ratio": round(fewview_s / h5py_s, 2)}


def cpu_seconds(work: Callable[[], Any]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    work()
    return round(time.process_time() - start, 3)


def main() -> None:
    """Measure all filters, print the rows and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="Write the rows to this file.")
    out = parser.parse_args().json
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(name, Path(folder)) for name in FILTERS]
    for row in rows:
        print(row)
    if out is not None:
        out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
