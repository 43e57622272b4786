"""The amortisation gap: what a network for all acquisitions gains when it is trained on for one of them alone."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import torch

from fewview.methods import get_method
from fewview.models.unrolled import Unrolled
from fewview.operators import Operator, parallel_beam
from fewview.training.acquisitions import Acquisitions
from fewview.training.sources import Kind
from fewview.training.unrolled import SimulatedTrainer, UnrolledTraining
from fewview.training.unrolled_validate import COUNTS, unrolled_psnr, validation_case

SIDE, SAMPLES, EVERY = 64, 8, 240.0
ONES: tuple[tuple[Kind, str, int], ...] = (("materials", "unrolled-materials", 8),)
"""Kind of the samples, the network to begin with, and views."""


class OneAcquisition(Acquisitions):
    """Always the same: that of the validation samples."""

    counts = (COUNTS, COUNTS)
    thickness = (2.0, 2.0)
    noiseless = imperfect = 0.0

    def __init__(self, views: int) -> None:
        self.one = views

    def draw(self, side: int, rng: np.random.Generator, device: torch.device) -> Operator:
        """An operator; nothing is drawn."""
        return parallel_beam(np.arange(self.one) * np.pi / self.one, columns=side, device=device)


def rows(minutes: float, pool: Path | None) -> Iterator[dict[str, Any]]:
    """PSNR on validation samples, every few minutes of further training."""
    for kind, start, views in ONES:
        cases = [validation_case(kind, index, views, SIDE) for index in range(SAMPLES)]
        known = {"kind": kind, "start": start, "views": views, "samples": SAMPLES, "classical": _classical(cases)}
        with TemporaryDirectory() as folder:
            trainer = _trainer(kind, start, views, minutes, Path(folder), pool or Path(folder) / "pool")
            try:
                spent, told = 0.0, -EVERY
                while spent < 60 * minutes:  # of the processor's seconds: the machine may be shared
                    if spent - told >= EVERY:
                        told = spent
                        yield known | _row(trainer, spent, cases)
                    began = time.process_time()
                    trainer.one_step(spent / (60 * minutes))
                    spent += time.process_time() - began
                yield known | _row(trainer, spent, cases)
            finally:
                trainer.close()


def _trainer(kind: Kind, start: str, views: int, minutes: float, folder: Path, pool: Path) -> SimulatedTrainer:
    options = UnrolledTraining(minutes=minutes, batch=12, rate=3e-4, small=1.0, scores=0.0, start=start)
    trainer = SimulatedTrainer(options, folder, pool, lambda _: None, mixture={kind: 1.0})
    trainer.acquisitions = OneAcquisition(views)
    trainer.warm_up = 50
    return trainer


def _classical(cases: list[Any]) -> float:
    """Mean PSNR of the better of TV and MBIR for each sample, with the settings that they choose."""
    best = []
    for problem, truth in cases:
        levels = []
        for name in ("tv", "mbir"):
            method = get_method(name)
            *_, last = method.run(replace(problem, state=None), method.options.parse({}))
            mse = float((torch.as_tensor(last.volume) - truth).double().square().mean())
            levels.append(20 * math.log10(float(truth.max() - truth.min())) - 10 * math.log10(mse))
        best.append(max(levels))
    return round(sum(best) / len(best), 3)


def _row(trainer: SimulatedTrainer, spent: float, cases: list[Any]) -> dict[str, Any]:
    net = cast(Unrolled, trainer.ema.model if trainer.step else trainer.net)
    psnr = unrolled_psnr(net, cases)
    return {"seconds": round(spent, 1), "steps": trainer.step, "psnr": psnr, "seeds": trainer.seeds()}
