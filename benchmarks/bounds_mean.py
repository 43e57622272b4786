"""What networks that were trained apart have in common: the mean of their answers.

Errors that come from one training, its shape or its chance differ from network to network, and a mean takes them away:
that of two errs by the mean of both errors less a quarter of the squared distance between them. What is left is common
to all, and the most of it is what the measurement leaves open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fewview.methods import get_method
from fewview.training.unrolled_validate import VIEWS, validation_case

KIND, SIDE, SAMPLES = "materials", 64, 8
APART = {
    "unrolled": {"weights": "unrolled-materials"},
    "d3ip": {"prior": "materials", "start_iterations": 10, "beside": "none"},
    "postnet": {},
}


def rows(minutes: float, pool: Path | None) -> Iterator[dict[str, Any]]:
    """Squared errors of each, of the mean of two and of all, in parts of the squared range."""
    for index in range(SAMPLES):
        for views in VIEWS:
            problem, truth = validation_case(KIND, index, views, SIDE)
            volumes: dict[str, Tensor] = {}
            for name, options in APART.items():
                method = get_method(name)
                *_, last = method.run(replace(problem, state=None), method.options.parse(options))
                volumes[name] = torch.as_tensor(last.volume).clone()
            volumes["mean of unrolled and d3ip"] = (volumes["unrolled"] + volumes["d3ip"]) / 2
            volumes["mean of all three"] = torch.stack([volumes[name] for name in APART]).mean(0)
            power = float(truth.max() - truth.min()) ** 2
            errors = {name: float((volume - truth).square().mean()) / power for name, volume in volumes.items()}
            yield {"index": index, "views": views, "errors": errors}
