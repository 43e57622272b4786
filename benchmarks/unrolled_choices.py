"""What held-out views decide for `unrolled`, on validation samples: which network, and whether fine-tuning is kept.

    python benchmarks/unrolled_choices.py                       # measures what is missing, and writes the JSON
    python benchmarks/unrolled_choices.py --volumes 3 4 --views 8 16 32

Both shipped networks reconstruct each sample, the better one of the held-out views is fine-tuned, and what that brings
is kept whatever the held-out views gained: so that the rules that decide (`ENOUGH` in methods/selection/comparison.py
and in methods/supervised/finetune.py) can be held against what they should have decided.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

import torch
from similarity import similarity
from validation_samples import measure, problem_of

from fewview.benchmark.quality.case import Case
from fewview.methods import get_method
from fewview.methods.diffusion.denoiser import batch_size
from fewview.methods.interface import Problem
from fewview.methods.inverse.normalised import scaled
from fewview.methods.supervised.finetune import fine_tuned
from fewview.models.unrolled import Unrolled
from fewview.models.weights import load_unrolled

RESULTS = Path(__file__).parent / "results" / "unrolled_choices.json"
KINDS = ("microstructure", "ellipses", "grains", "foam", "fibres", "dendrite")
STEPS = 24
Returned = TypeVar("Returned")


def finished(generator: Generator[Any, None, Returned]) -> Returned:
    """What it returns, once it has told everything."""
    while True:
        try:
            next(generator)
        except StopIteration as end:
            returned: Returned = end.value
            return returned


@torch.no_grad()
def image_of(net: Unrolled, problem: Problem, scale: float) -> torch.Tensor:
    """A network's reconstruction in one position, without a last data step: (slices, y, x), in units of the scan."""
    data = scaled(problem, scale)
    *_, image = net.run(data, len(problem.data), batch=batch_size(data.back))
    return image * scale


def row_of(case: Case) -> dict[str, Any]:
    """PSNR and SSIM of both networks and of the tuned one, and what the held-out views said of them."""
    problem = problem_of(case)
    method = get_method("unrolled")
    settled = method.settle(problem, method.options())
    scale, errors = float(settled.options.scale), dict(settled.chosen["weights_curve"])

    def figures(net: Unrolled) -> dict[str, float]:
        return similarity(image_of(net, problem, scale).numpy(), case.reference)

    networks = {name: {**figures(load_unrolled(name)), "heldout_error": errors[name]} for name in errors}
    chosen = settled.options.weights
    net, learnt = finished(
        fine_tuned(load_unrolled(chosen), problem, scale, STEPS, batch_size(problem.data), enough=0.0)
    )
    tuned = {**figures(net), "steps": learnt["finetuned"], "gain": learnt.get("finetune_gain", 0.0)}
    return {"networks": networks, "chosen": chosen, "tuned": tuned}


if __name__ == "__main__":
    measure(__doc__, RESULTS, lambda case: [row_of(case)], kinds=KINDS)
