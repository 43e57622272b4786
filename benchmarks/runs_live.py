"""How a run looks while it goes on: how often the picture changes, what bar and time left say, how soon a stop acts.

    OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/runs_live.py

Runs of the viewer's engine, in this process, on one slice. All times are seconds that the processor spent on it, so
that other work on the machine does not count: with one thread, what a run takes on a machine that does nothing else. A
row holds, of one scan and method,

- alive: share of the run in which the picture changed within the last 3 s,
- still: the longest time without a new picture, and the stage in which that was,
- bar_back: the most that the bar went back (part of the run),
- left_rise: the most that the time left rose over its least (parts of it),
- third: error of the total time that was told after a third of the run (part of it),
- deaf: the longest time from one look at the stop flag to the next,
- seconds: of the whole run.

A row "stop" holds the longest time from a stop to the end of the run, at moments spread over the run, and how many of
the records said what was kept. A row "preview" holds the seconds of a preview of one slice, the first and the second
time on the scan, and after a run has chosen the settings.
"""

import argparse
import json
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from fewview.errors import Stopped
from fewview.methods.presets import preset_options
from fewview.methods.registry import get_method
from fewview.methods.selection import picture
from fewview.runs.forecast import Forecast
from fewview.runs.worker import engine
from fewview.samples import FOLDER
from fewview.viewer.reconstruct.preview import preview_options
from fewview.viewer.scan.presenter import ScanPresenter

STILL = 3.0  # seconds without a new picture from which one waits
KEPT = {"intermediate", "start"}
CASES = [(scan, method) for scan in ("shell", "tooth") for method in ("tv", "d3ip")]
clock = picture.clock = time.process_time


class Ears:
    """What the engine asks and tells; a stop at a moment of the run."""

    def __init__(self, stop_at=float("inf")):
        self.began = self.asked = clock()
        self.stop_at, self.deaf = stop_at, 0.0

    def stopped(self):
        now = clock()
        self.deaf, self.asked = max(self.deaf, now - self.asked), now
        return now - self.began >= self.stop_at

    def stage(self, text):
        pass

    def wait_while_paused(self):
        pass


def of(name):
    scan = ScanPresenter()
    scan.load(FOLDER / f"{name}.h5")
    if name == "tooth":
        scan.set_axis(295.0)
    scan.rows = scan.one_row(0)
    return scan


def carried_out(scan, method, options, ears):
    """(seconds, part done) at each estimate, (seconds, stage) at each new picture, record and seconds of the run."""
    estimates = engine.run({"recipe": scan.recipe(method=method, options=options).model_dump(mode="json")}, ears)
    looks: list[tuple[float, float]] = []
    pictures, last, now = [(0.0, "")], None, 0.0
    while True:
        try:
            estimate = next(estimates)
        except StopIteration as end:
            return looks, [*pictures, (clock() - ears.began, "the end")], end.value, clock() - ears.began
        except Stopped:  # before there was an estimate
            return looks, pictures, {"kept": "start", "stage": "before the first estimate"}, clock() - ears.began
        now = clock() - ears.began
        middle = np.array(estimate.volume[len(estimate.volume) // 2])
        if last is None or not np.array_equal(middle, last):
            pictures.append((now, estimate.stage))
        last = middle
        looks.append((now, estimate.fraction))


def row(name, method, looks, pictures, total, ears):
    waits = [(later - earlier, stage) for (earlier, _), (later, stage) in pairwise(pictures)]
    done = np.array([part for _, part in looks])
    forecast, lefts = Forecast(), []
    for when, part in looks:
        forecast.hear(part, when)
        left = forecast.left(when)
        if left is not None:
            lefts.append((when, left))
    least, rise = float("inf"), 0.0
    for _, left in lefts:
        if 1 < least < float("inf"):  # seconds; of less one sees nothing
            rise = max(rise, left / least - 1)
        least = min(least, left)
    told = next((when + left for when, left in lefts if when >= total / 3), None)
    still, where = max(waits)
    return {
        "case": f"{name}-{method}",
        "alive": round(1 - sum(max(0.0, wait - STILL) for wait, _ in waits) / total, 3),
        "still": round(still, 1),
        "still_until": where,
        "bar_back": round(float(np.max(np.maximum.accumulate(done) - done, initial=0)), 3),
        "left_rise": round(rise, 3),
        "third": None if told is None else round(abs(told / total - 1), 3),
        "deaf": round(ears.deaf, 2),
        "seconds": round(total, 1),
    }


def stops(scan, method, options, total, moments):
    slowest, true = 0.0, 0
    for moment in (np.arange(moments) + 0.5) / moments:
        _, _, record, took = carried_out(scan, method, options, Ears(moment * total))
        ended_first = record.get("kept") == "result"
        slowest = max(slowest, 0.0 if ended_first else took - moment * total)
        true += ended_first or (record.get("kept") in KEPT and bool(record.get("stage")))
    return {"case": f"stop-{method}", "moments": moments, "slowest": round(slowest, 2), "true": int(true)}


def previews():
    """With TV, on one slice of the tooth (640 pixels, 181 views)."""
    scan, method, spent = of("tooth"), get_method("tv"), []
    for settled in ({}, {}, {"weight": 1.5e-3}):
        if settled:
            scan.learn({"method": "tv", "options": {"weight": "auto"}, "chosen": settled}, "a run")
        options, _ = preview_options(method, {}, scan)
        _, _, record, took = carried_out(scan, "tv", options, Ears())
        scan.learn(record, "a preview")
        spent.append(round(took, 1))
    return {"case": "preview-tooth-tv", **dict(zip(("first", "second", "after_a_run"), spent, strict=True))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "runs_live.json")
    parser.add_argument("--moments", type=int, default=3, help="Stops of each method on the shell; 0 for none.")
    parser.add_argument("--only", default="", help="Beginning of the names of the cases to run.")
    arguments = parser.parse_args()
    engine.warm_up()
    for name, method in CASES:
        if not f"{name}-{method}".startswith(arguments.only):
            continue
        scan, ears = of(name), Ears()
        options = {} if method == "tv" else preset_options(get_method(method), "draft")
        looks, pictures, _, total = carried_out(scan, method, options, ears)
        write(arguments.out, row(name, method, looks, pictures, total, ears))
        if name == "shell" and arguments.moments:
            write(arguments.out, stops(scan, method, options, total, arguments.moments))
    if "preview".startswith(arguments.only[:7]):
        write(arguments.out, previews())


def write(path, made):
    """One row, in place of the one of the same case."""
    print(made, flush=True)
    kept = json.loads(path.read_text()) if path.exists() else []
    rows = [one for one in kept if one["case"] != made["case"]] + [made]
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
