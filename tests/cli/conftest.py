"""A small scan on disk, and the command line run in this process."""

import json
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from fewview.cli.main import run
from fewview.operators import parallel_beam

SIZE, ROWS, VIEWS = 32, 4, 40
AXIS = (SIZE - 1) / 2 + 1.5


@pytest.fixture(scope="session")
def truth() -> np.ndarray:
    """(rows, y, x), per pixel; another disk in each row."""
    y, x = np.mgrid[:SIZE, :SIZE]
    volume = np.zeros((ROWS, SIZE, SIZE), dtype=np.float32)
    for row in range(ROWS):
        volume[row][(x - 15) ** 2 + (y - 17) ** 2 < 100] = 0.04
        volume[row][(x - 12) ** 2 + (y - 14 - row) ** 2 < 10] = 0.1
    return volume


@pytest.fixture(scope="session")
def scan_file(tmp_path_factory, truth) -> Path:
    """Data Exchange file with counts, flats, darks and angles."""
    angles = np.linspace(0, np.pi, VIEWS, endpoint=False)
    rays = parallel_beam(angles, columns=SIZE, axis=AXIS)(torch.from_numpy(truth)).numpy().swapaxes(0, 1)
    counts = np.random.default_rng(0).poisson(5000 * np.exp(-rays)) + 100
    path = tmp_path_factory.mktemp("scan") / "scan.h5"
    with h5py.File(path, "w") as file:
        file["exchange/data"] = counts.astype(np.uint16)
        file["exchange/data_white"] = np.full((3, ROWS, SIZE), 5100, dtype=np.uint16)
        file["exchange/data_dark"] = np.full((3, ROWS, SIZE), 100, dtype=np.uint16)
        file["exchange/theta"] = np.degrees(angles)
        file["exchange/theta"].attrs["units"] = "deg"
    return path


@dataclass
class Outcome:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of a mistake."""
        assert self.status == 2, (self.status, self.out, self.err)
        assert "Traceback" not in self.out + self.err
        (line,) = [line for line in self.err.splitlines() if line.startswith("Error: ")]
        assert self.err.rstrip().endswith(line)
        return line


@pytest.fixture
def fewview(capsys, tmp_path, monkeypatch):
    """Run a command in a folder of its own; ``report`` of it if there is one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Outcome(status, out, err)

    return call


@pytest.fixture
def reconstruct(fewview, scan_file, tmp_path):
    """Reconstruct the small scan; returns volume and report."""

    def call(*arguments: object, output: str = "out.npy") -> tuple[np.ndarray, dict]:
        done = fewview("reconstruct", scan_file, "-o", output, "--axis", AXIS, "--report", "report.json", *arguments)
        assert done.status == 0, done.err
        return np.load(output), json.loads((tmp_path / "report.json").read_text())

    return call
