"""The amortisation gap: what a network for all acquisitions gains when it is trained on for one of them alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import torch

from fewview.models.unrolled import Unrolled
from fewview.operators import Operator, parallel_beam
from fewview.training.acquisitions import Acquisitions
from fewview.training.unrolled import SimulatedTrainer, UnrolledTraining
from fewview.training.unrolled_validate import COUNTS, unrolled_psnr, validation_case

KIND, SIDE, VIEWS, SAMPLES, EVERY = "materials", 64, 8, 8, 60.0


class OneAcquisition(Acquisitions):
    """Always the same: the views of the validation samples."""

    counts = (COUNTS, COUNTS)
    thickness = (2.0, 2.0)
    noiseless = imperfect = 0.0

    def draw(self, side: int, rng: np.random.Generator, device: torch.device) -> Operator:
        """An operator; nothing is drawn."""
        return parallel_beam(np.arange(VIEWS) * np.pi / VIEWS, columns=side, device=device)


def rows(minutes: float, pool: Path | None) -> Iterator[dict[str, Any]]:
    """PSNR on validation samples, every minute of further training."""
    cases = [validation_case(KIND, index, VIEWS, SIDE) for index in range(SAMPLES)]
    with TemporaryDirectory() as folder:
        options = UnrolledTraining(
            minutes=minutes, batch=12, rate=3e-4, small=1.0, scores=0.0, start="unrolled-materials"
        )
        trainer = SimulatedTrainer(options, Path(folder), pool or Path(folder) / "pool", lambda _: None)
        trainer.acquisitions = OneAcquisition()
        trainer.warm_up = 50
        try:
            spent, told = 0.0, -EVERY
            while spent < 60 * minutes:  # of the processor's seconds: the machine may be shared
                if spent - told >= EVERY:
                    told = spent
                    yield _row(trainer, spent, cases)
                began = time.process_time()
                trainer.one_step(spent / (60 * minutes))
                spent += time.process_time() - began
            yield _row(trainer, spent, cases)
        finally:
            trainer.close()


def _row(trainer: SimulatedTrainer, spent: float, cases: list[Any]) -> dict[str, Any]:
    net = cast(Unrolled, trainer.ema.model if trainer.step else trainer.net)
    return {
        "views": VIEWS,
        "samples": SAMPLES,
        "seconds": round(spent, 1),
        "steps": trainer.step,
        "psnr": unrolled_psnr(net, cases),
        "seeds": trainer.seeds(),
    }
