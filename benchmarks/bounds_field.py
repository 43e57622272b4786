"""Gaussian random fields, whose posterior mean has a closed form: how near a trained network comes to it.

Fields of given mean and spectrum, measured by the projector with Gaussian noise: the answer of least squared error is
``m + C A' (A C A' + s^2 I)^-1 (y - A m)``, and what it errs by is known without any field.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from fewview.methods.interface import Problem
from fewview.models.unrolled import Unrolled
from fewview.operators import parallel_beam
from fewview.training.trainer import TrainerOptions
from fewview.training.unrolled import UnrolledTrainer
from fewview.training.unrolled_validate import reconstructed

SIDE, VIEWS = 32, 12
MEAN, STD, CORNER, FALL = 0.5, 0.15, 1.5, 3.0
"""Of the fields; where the spectrum begins to fall, in cycles per image, and how fast."""
NOISE = 0.3  # of a line integral, whose mean is 16: 2 %, as at some 2000 counts
BATCH, TESTED, EVERY = 16, 64, 30.0


class Field:
    """The fields, their measurement, and the best reconstruction of it."""

    def __init__(self) -> None:
        self.A = parallel_beam(np.arange(VIEWS) * np.pi / VIEWS, columns=SIDE)
        cycles = np.fft.fftfreq(SIDE) * SIDE
        spectrum = (1 + (cycles[:, None] ** 2 + cycles**2) / CORNER**2) ** -FALL
        spectrum[0, 0] = 0
        self.root = np.sqrt(spectrum / spectrum.mean()) * STD
        columns = torch.eye(SIDE**2).reshape(-1, SIDE, SIDE)
        matrix = self.A(columns).flatten(1).T.double().numpy()
        # Each column of C A' is the covariance applied to a back-projected ray.
        spread = self._covariance(matrix.reshape(-1, SIDE, SIDE)).reshape(len(matrix), -1).T
        self.gain = np.linalg.solve(matrix @ spread + NOISE**2 * np.eye(len(matrix)), spread.T).T
        self.matrix = matrix
        self.error = STD**2 - float(np.einsum("ij,ij->", self.gain, spread)) / SIDE**2

    def _covariance(self, images: np.ndarray) -> np.ndarray:
        return np.fft.ifft2(np.fft.fft2(images) * self.root**2).real

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Problem]:
        """Fields, and their noisy line integrals."""
        white = np.fft.fft2(rng.standard_normal((count, SIDE, SIDE)))
        fields = torch.from_numpy(MEAN + np.fft.ifft2(white * self.root).real).float()
        lines = self.A(fields)
        noisy = lines + NOISE * torch.from_numpy(rng.standard_normal(tuple(lines.shape))).float()
        return fields, Problem(self.A, noisy, torch.ones_like(noisy), state={"peak": 1.0})

    def best(self, problem: Problem) -> Tensor:
        """The posterior mean."""
        flat = problem.data.flatten(1).double().numpy()
        mean = np.full(SIDE**2, MEAN)
        found = mean + (flat - self.matrix @ mean) @ self.gain.T
        return torch.from_numpy(found).float().reshape(-1, SIDE, SIDE)


class FieldTrainer(UnrolledTrainer[TrainerOptions]):
    """An unrolled network that sees nothing but fields."""

    warm_up, stages, krylov, start = 50, 4, True, ""

    def __init__(self, field: Field, options: TrainerOptions, folder: Path) -> None:
        self.field = field
        super().__init__(options, folder, lambda _: None)

    def gradients(self) -> float:
        """Of fields drawn anew."""
        fields, problem = self.field.draw(BATCH, self.rng)
        return self.descend(problem, fields, 1)

    def figures(self) -> dict[str, Any]:
        """Nothing: the loop of :func:`rows` measures."""
        return {}

    def seeds(self) -> int:
        """None."""
        return 0


def rows(minutes: float, pool: Path | None) -> Iterator[dict[str, Any]]:
    """What fields, closed form and network err by, every half minute of training."""
    field = Field()
    fields, problem = field.draw(TESTED, np.random.default_rng(12345))
    exact = float((field.best(problem) - fields).square().mean())
    known = {"views": VIEWS, "side": SIDE, "tested": TESTED}
    yield {**known, "closed_form": field.error, "posterior_mean": exact, "prior": STD**2}
    with TemporaryDirectory() as folder:
        options = TrainerOptions(minutes=minutes, rate=1e-3, validate_every=1e6, save_every=1e6)
        trainer = FieldTrainer(field, options, Path(folder))
        spent, told = 0.0, 0.0
        while spent < 60 * minutes:  # of the processor's seconds: the machine may be shared
            began = time.process_time()
            trainer.one_step(spent / (60 * minutes))
            spent += time.process_time() - began
            if spent - told > EVERY or spent >= 60 * minutes:
                told = spent
                yield {"seconds": round(spent, 1), "steps": trainer.step, "network": _error(trainer, problem, fields)}
        trainer.close()


def _error(trainer: FieldTrainer, problem: Problem, fields: Tensor) -> float:
    net = cast(Unrolled, trainer.ema.model)
    return float((reconstructed(net, problem, 1) - fields).square().mean())
