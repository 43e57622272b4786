"""What each question of the settings search of `d3ip` is worth, on validation samples.

    python benchmarks/settings_search.py                        # measures what is missing, and writes the JSON
    python benchmarks/settings_search.py --volumes 0 1 2 3 --views 8 16 --size 128

Every question is answered as a run answers it; then the sample is reconstructed once more with that question left at
its default and those after it asked again. The gain of a question is the difference in PSNR, its price the CPU time
that asking it took.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from validation_samples import measure, problem_of

from fewview.benchmark.quality.case import Case
from fewview.methods import get_method
from fewview.quality import psnr

RESULTS = Path(__file__).parent / "results" / "settings_search.json"
DEFAULTS = {"prior": "generic", "trust": 0.7, "beside_share": 0.0}
"""The questions in the order in which they are asked, and the answer without asking."""


class Sample:
    """One measurement; what was solved once is not solved again."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.problem = problem_of(case)
        self.method = get_method("d3ip")
        self.solved: dict[str, tuple[float, float]] = {}

    def tune(self, **given: Any) -> tuple[Any, dict[str, float]]:
        """Settled options, and the CPU seconds of every stage."""
        seconds: dict[str, float] = {}
        tuning = self.method.tuned(self.problem, self.method.options(**given))
        before = time.process_time()
        while True:
            try:
                stage = next(tuning).stage
            except StopIteration as end:
                return end.value, seconds
            now = time.process_time()
            seconds[stage] = seconds.get(stage, 0.0) + now - before
            before = now

    def solve(self, options: Any) -> tuple[float, float]:
        """PSNR and CPU seconds."""
        key = options.model_dump_json()
        if key not in self.solved:
            before = time.process_time()
            *_, last = self.method.solve(self.problem, options)
            seconds = time.process_time() - before
            self.solved[key] = psnr(last.array, self.case.reference), seconds
        return self.solved[key]


def ablated(sample: Sample) -> Iterator[dict[str, Any]]:
    """One row with everything asked, then one per question that is not."""
    full, seconds = sample.tune()
    value, solving = sample.solve(full.options)
    answers = {name: full.chosen.get(name, full.options.value(name)) for name in DEFAULTS}
    curve = dict(full.chosen.get("prior_curve", []))
    slices = len(sample.problem.data)
    timed = {"tuning": seconds, "solving": solving, "slices": slices}
    yield {"without": "", "psnr": value, "answers": answers, "prior_errors": curve, **timed}
    for name, default in DEFAULTS.items():
        other = full if answers[name] == default else sample.tune(**{name: default})[0]
        yield {"without": name, "psnr": sample.solve(other.options)[0]}
    fixed, _ = sample.tune(**DEFAULTS)
    yield {"without": "all", "psnr": sample.solve(fixed.options)[0]}
    other = sample.tune(prior="materials")[0]  # the other answer, fixed
    yield {"without": "materials", "psnr": sample.solve(other.options)[0]}


if __name__ == "__main__":
    measure(__doc__, RESULTS, lambda case: list(ablated(Sample(case))), volumes=range(3), views=(8, 16))
