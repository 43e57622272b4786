"""How a run looks while it goes on: how often the picture changes, what bar and time left say, and what a stop keeps.

    python benchmarks/runs_live.py [--out benchmarks/results/runs_live.json] [--moments 20] [--only shell-tv]

The worker process and the queue of the viewer carry out real runs, without a window: what is told to the viewer is
what is measured. A row holds, of one scan and method,

- alive: share of the run in which the picture changed within the last 3 s; seconds are those that the processor spent
  in the worker, so that other work on the machine does not count,
- back: the most that the bar went back (part of the run), and that the time left rose over its least (parts of it),
- third: error of the total time that was told after a third of the run (part of it),
- seconds: of the whole run; cpu_seconds: of the worker.

A row "stop" holds the longest time from a stop to the end of the run, at moments spread over the run, and how many of
the records said what was kept. A row "preview" holds the CPU seconds of a preview of one slice, the first and the
second time on the scan.
"""

import argparse
import json
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil

from fewview.methods.presets import preset_options
from fewview.methods.registry import get_method
from fewview.runs.worker.queue import RunQueue
from fewview.samples import FOLDER
from fewview.viewer.reconstruct.preview import preview_options
from fewview.viewer.scan.presenter import ScanPresenter

STILL = 3.0  # seconds without a new picture from which one waits
KEPT = {"result", "intermediate", "start"}
CASES = [(scan, method) for scan in ("shell", "tooth") for method in ("tv", "d3ip")]


class Watched:
    """A queue, and a scan."""

    def __init__(self):
        self.queue = RunQueue()
        self.queue.warm()
        self.until(lambda: self.queue.ready)

    def until(self, condition):
        while not condition():
            self.queue.pump(0.02)

    def scan(self, name):
        scan = ScanPresenter()
        scan.load(FOLDER / f"{name}.h5")
        if name == "tooth":
            scan.set_axis(295.0)
        scan.rows = scan.one_row(0)
        return scan

    def start(self, scan, method, options):
        recipe = scan.recipe(method=method, options=options)
        run = self.queue.submit(method, {"recipe": recipe.model_dump(mode="json")})
        self.until(lambda: run.active)
        return run

    def cpu(self):
        return sum(psutil.Process(self.queue.worker_pid).cpu_times()[:2])


def followed(watched, run, stop_at=None):
    """(seconds, part done, seconds left) at each look, CPU seconds at new pictures, seconds from stop to end."""
    began, spent = time.monotonic(), watched.cpu()
    looks, pictures, asked, last = [], [0.0], None, None
    while not run.over:
        watched.queue.pump(0.02)
        now = time.monotonic() - began
        frame = watched.queue.take_frame()
        if frame is not None:
            middle = np.array(frame.volume[len(frame.volume) // 2])
            if last is None or not np.array_equal(middle, last):
                pictures.append(watched.cpu() - spent)
            last = middle
        frame = None
        looks.append((now, run.done, run.seconds_left))
        if stop_at is not None and asked is None and now >= stop_at:
            asked = now
            watched.queue.stop()
    over = time.monotonic() - began
    pictures.append(watched.cpu() - spent)
    watched.queue.release()
    return looks, pictures, over, None if asked is None else over - asked


def row(name, method, run, looks, pictures, total):
    waits = [max(0.0, later - earlier - STILL) for earlier, later in pairwise(pictures)]
    done = np.array([part for _, part, _ in looks])
    lefts = [(when, left) for when, _, left in looks if left is not None]
    least, rise = float("inf"), 0.0
    for _, left in lefts:
        if least > 1:  # seconds; of less one sees nothing
            rise = max(rise, left / least - 1 if np.isfinite(least) else 0.0)
        least = min(least, left)
    told = [when + left for when, left in lefts if when >= total / 3][:1]
    return {
        "case": f"{name}-{method}",
        "status": run.status,
        "alive": round(1 - sum(waits) / pictures[-1], 3),
        "bar_back": round(float(np.max(np.maximum.accumulate(done) - done, initial=0)), 3),
        "left_rise": round(rise, 3),
        "third": round(abs(told[0] / total - 1), 3) if told else None,
        "seconds": round(total, 1),
        "cpu_seconds": round(pictures[-1], 1),
    }


def options_of(method):
    return preset_options(get_method(method), "draft") if method != "tv" else {}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "runs_live.json")
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    watched, rows = Watched(), []
    for name, method in CASES:
        if not f"{name}-{method}".startswith(arguments.only):
            continue
        scan = watched.scan(name)
        run = watched.start(scan, method, options_of(method))
        looks, pictures, total, _ = followed(watched, run)
        rows.append(row(name, method, run, looks, pictures, total))
        print(rows[-1], flush=True)
        if name != "shell":
            continue
        slowest, true = 0.0, 0
        for moment in (np.arange(arguments.moments) + 0.5) / arguments.moments:
            run = watched.start(scan, method, options_of(method))
            _, _, _, took = followed(watched, run, stop_at=moment * total)
            ended_first = took is None or run.status == "done"
            slowest = max(slowest, 0.0 if ended_first else took)
            true += ended_first or (run.record.get("kept") in KEPT - {"result"} and bool(run.holds))
        rows.append(
            {"case": f"stop-{method}", "moments": arguments.moments, "slowest_s": round(slowest, 3), "true": true}
        )
        print(rows[-1], flush=True)
    if "preview".startswith(arguments.only) or not arguments.only:
        rows.append(previews(watched))
        print(rows[-1], flush=True)
    watched.queue.close()
    kept = json.loads(arguments.out.read_text()) if arguments.out.exists() else []
    new = {one["case"] for one in rows}
    rows = [one for one in kept if one["case"] not in new] + rows
    arguments.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def previews(watched):
    """CPU seconds of the worker, with TV, on one slice of the tooth (640 pixels, 181 views)."""
    scan, method = watched.scan("tooth"), get_method("tv")
    spent = []
    for _ in range(2):
        options, _ = preview_options(method, {}, scan)
        before = watched.cpu()
        run = watched.start(scan, "tv", options)
        followed(watched, run)
        spent.append(round(watched.cpu() - before, 1))
    return {"case": "preview-tooth-tv", "first_cpu_s": spent[0], "second_cpu_s": spent[1]}


if __name__ == "__main__":
    main()
