"""What to measure of quality, in order of importance, for as long as there is time.

    python benchmarks/quality_plan.py                         # the commands, with the minutes that each may take
    python benchmarks/quality_plan.py --run --minutes 25      # run them in this order, two at a time, and stop in time
    python benchmarks/quality_plan.py --plan full             # three volumes, three seeds, four slices

Rows that the JSON files hold already are kept and not measured again (`--again` measures them anew, `--json FILE`
begins elsewhere). Several commands may write into one file at a time, so they can as well be started by hand.
Afterwards: `python docs/benchmark_tables.py && python docs/benchmark_plots.py`.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from fewview.benchmark.quality.data import Sample
from fewview.benchmark.quality.rows import Rows
from fewview.benchmark.rows_file import Row
from fewview.methods import get_method, method_names

RESULTS = Path(__file__).parent / "results"
SCALES = {
    "small": {"size": 128, "slices": 2, "volumes": 2, "seeds": 1},
    "full": {"size": 128, "slices": 4, "volumes": 3, "seeds": 3},
}
# Seconds of 2 slices of 128 px on one core, measured; where the rows at hand hold nothing nearer.
SECONDS = {"fbp": 0.1, "cgls": 2.0, "tv": 60.0, "dtv": 60.0, "mbir": 25.0, "d3ip": 36.0, "d3ip-x": 60.0, "dds": 12.0}
UNKNOWN = 40.0
COMMAND = "from fewview.cli import main; main()"
PROBE_METHODS = ("d3ip", "tv", "mbir")


@dataclass(frozen=True)
class Step:
    """One question, and what is run to answer it.

    Parameters
    ----------
    why : str
    methods, views : str
        A,B.
    data : str
    counts : str
    flags : dict
        Further ones, among them the controls; of several values, separated by spaces, each gets the flag.
    """

    why: str
    methods: str
    views: str = "8,16,32"
    data: str = "microstructure"
    counts: str = "2000"
    flags: dict[str, str] = field(default_factory=dict)


ALL = "fbp,cgls,tv,mbir,d3ip,d3ip-generic,postnet"
ADAPTED = "adaptation=lora+biases"
STEPS = (
    Step("learned against tuned", ALL),
    Step("what the X-ray volume brings", "d3ip-x,guide,dtv", flags={"controls": "none,zeroed,other"}),
    Step("measured neutrons", "tv,mbir,d3ip,postnet", "16,32", "wood"),
    Step("with adaptation", "d3ip", "16", flags={"set": ADAPTED}),
    Step("a draft", "d3ip", "16", flags={"preset": "draft"}),
    Step("a measured pair", "tv,d3ip,d3ip-x,dtv", "16,32", "shell"),
    Step("few and many views", f"{ALL},d3ip-x", "4,64"),
    Step("misregistration", "d3ip-x", "16", flags={"controls": "shift1,shift2,shift4,turn1,turn2,turn3,no-neutron"}),
    Step("as published", "dds", "8,16,32"),
    Step("measured X-rays", "tv,mbir,d3ip", "16,32", "tooth"),
    Step("plain shapes", "tv,mbir,d3ip,d3ip-generic", "8,16,32", "ellipses"),
    Step("no noise", "tv,mbir,d3ip", "8,16,32", counts="none"),
    Step("guided, as published", "d3ip-x-paper", "16,32"),
    Step("adapted, as published", "d3ip-paper", "16"),
)


@dataclass(frozen=True)
class Job:
    """A command, why it is run, and the minutes that it may take on one core."""

    why: str
    words: list[str]
    minutes: float


def jobs(plan: str, json_path: Path) -> Iterator[Job]:
    """Commands in order: each step view by view, so that two cores share it; the probe after what it explains."""
    scale = SCALES[plan]
    rows = list(Rows(json_path))
    able = {name for name in method_names() if get_method(name).missing() is None}
    for number, step in enumerate(STEPS):
        methods = [name for name in step.methods.split(",") if name in able]
        if number == 3:
            yield _probe(scale, rows, json_path.with_name("probe.json"), able)
        for views in step.views.split(",") if methods else ():
            words = [
                "benchmark",
                "quality",
                "--json",
                str(json_path),
                "--data",
                step.data,
                "--methods",
                ",".join(methods),
            ]
            words += ["--views", views, "--counts", step.counts]
            for key, value in {**scale, **step.flags}.items():
                words += [word for part in str(value).split() for word in (f"--{key}", part)]
            yield Job(step.why, words, _minutes(step, methods, int(views), scale, rows))


def _probe(scale: dict[str, int], rows: Sequence[Row], path: Path, able: set[str]) -> Job:
    methods = [name for name in PROBE_METHODS if name in able]
    words = ["benchmark", "probe", "--json", str(path), "--methods", ",".join(methods), "--views", "16,32"]
    words += ["--size", str(scale["size"]), "--volumes", "1"]
    # Four slices, two kinds of voids, each with a run before and a quick one after.
    seconds = sum(seconds_of(name, views, scale["size"], 4, rows) * 2.5 for name in methods for views in (16, 32))
    return Job("does it invent", words, seconds / 60)


def _minutes(step: Step, methods: Sequence[str], views: int, scale: dict[str, int], rows: Sequence[Row]) -> float:
    sample = Sample(step.data, scale["size"], scale["slices"])
    times = len(step.flags.get("controls", "none").split(","))
    seconds = sum(
        seconds_of(name, views, scale["size"], sample.depth, rows) * (times if "aux" in get_method(name).needs else 1)
        for name in methods
    )
    return seconds * sample.volumes(scale["volumes"]) * scale["seeds"] / 60


def seconds_of(method: str, views: int, size: int, slices: int, rows: Sequence[Row]) -> float:
    """Of one reconstruction: as the rows at hand say for the nearest number of views, by pixels and slices."""
    alike = [row for row in rows if row["method"] == method]
    if not alike:
        return SECONDS.get(method, UNKNOWN) * slices / 2 * (size / 128) ** 2
    near = min(abs(row["views"] - views) for row in alike)
    seconds: float = median(
        row["seconds"] * slices / row["slices"] * (size / row["size"]) ** 2
        for row in alike
        if abs(row["views"] - views) == near
    )
    return seconds


def carry_out(todo: Sequence[Job], minutes: float, count: int, again: bool) -> None:
    """Run jobs in order, ``count`` at a time; each is told to end in time, and keeps what it has measured."""
    end = time.monotonic() + 60 * minutes
    environment = {**os.environ, **({"OMP_NUM_THREADS": "1"} if count > 1 else {})}
    waiting: list[Job] = list(todo)
    running: list[subprocess.Popen[bytes]] = []
    while waiting or running:
        running = [process for process in running if process.poll() is None]
        left = (end - time.monotonic()) / 60
        if left <= 0.1:
            waiting = []
        while waiting and len(running) < count:
            job = waiting.pop(0)
            words = [*job.words, "--minutes", f"{left:.2f}", *(["--again"] if again else [])]
            print(f"{left:.1f} min left; {job.why}: fewview {shlex.join(job.words)}", flush=True)
            running.append(subprocess.Popen([sys.executable, "-c", COMMAND, *words], env=environment))
        time.sleep(0.2)


def main() -> None:
    """Print the plan, or run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", choices=SCALES, default="small")
    parser.add_argument("--json", type=Path, default=RESULTS / "quality.json")
    parser.add_argument("--run", action="store_true")
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--again", action="store_true")
    given = parser.parse_args()
    todo = list(jobs(given.plan, Path(os.path.relpath(given.json))))
    if given.run:
        carry_out(todo, given.minutes, given.jobs, given.again)
        return
    total = 0.0
    for job in todo:
        total += job.minutes / given.jobs
        print(f"{job.minutes:6.1f} min, {total:6.1f} in all with {given.jobs} jobs; {job.why}")
        print(f"    fewview {shlex.join(job.words)}")


if __name__ == "__main__":
    main()
