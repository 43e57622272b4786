"""What the shortcuts for large slices save and cost, on one slice of the tooth; writes results/real_size.json.

    python benchmarks/real_size.py                         # all rows; those that are there are measured anew
    python benchmarks/real_size.py --method d3ip dinr --preset draft --shortcuts on

One slice of 640 pixels from 45 of 181 views: with the shortcuts of a method (settings on a coarse grid, coarse to fine,
the network where the object is) and without them. Each row is a process of its own, whose CPU seconds count all that it
starts; those of the run leave out imports and files. The reference is the FBP of all views.
"""

import argparse
import json
import multiprocessing
import re
import resource
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "real_size.json"
SIZE, VIEWS = 640, 45
METHODS = {  # and presets
    "d3ip": ("draft", "standard"),
    "dinr": ("draft", "standard"),
    "unrolled": ("standard",),
    "postnet": ("standard",),
    "inr": ("standard",),
    "naf": ("standard",),
    "r2gaussian": ("standard",),
    "diffnr-naf": ("standard",),
    "ensemble": ("standard",),
    "tv": ("standard",),
    "mbir": ("standard",),
}
WITHOUT = ("d3ip", "unrolled")  # methods that are run without the shortcuts, too: the others take too long
WHOLE = 10**6  # no grid is large
ASKED = re.compile(r"sampling|^diffusing|stage \d|^network|trust \d")  # a network has answered


def measured(name, preset, shortcuts):
    """One run, in a process of its own."""
    import torch
    from similarity import similarity

    from fewview.benchmark.quality.measured import few_views, tooth
    from fewview.methods import get_method
    from fewview.methods.presets import preset_options
    from fewview.methods.selection import coarse
    from fewview.runs.problem import set_up

    torch.set_num_threads(1)
    whole, reference = tooth(SIZE, 1)
    case = few_views(whole, reference, VIEWS, 0)
    setup = set_up(case.lines, auxiliary=None, holdout=0.0, device=torch.device("cpu"), seed=0)
    method = get_method(name)
    options = method.options.parse(preset_options(method, preset))
    if not shortcuts:
        coarse.SETTLING = WHOLE
        options = options.taking({"coarse_to_fine": False})
    begun, first, tuning, denoised = time.process_time(), 0.0, 0.0, None
    for last in method.run(setup.problem(0, 1), options):
        first = first or time.process_time() - begun
        if denoised is None and ASKED.search(last.stage):
            denoised = time.process_time() - begun
        if not tuning and last.place[0] > 1:
            tuning = time.process_time() - begun
    now = time.process_time() - begun
    return {
        "data": "tooth",
        "size": SIZE,
        "views": VIEWS,
        "method": name,
        "preset": preset,
        "shortcuts": shortcuts,
        "cpu_seconds": round(now, 1),
        "cpu_seconds_settings": round(tuning, 1),
        "cpu_seconds_first": round(first, 2),
        "cpu_seconds_first_denoised": None if denoised is None else round(denoised, 1),
        **similarity(last.volume, reference),
        "share": round(float(last.chosen.get("beside_share", 0.0)), 3),
    }


def in_a_process(name, preset, shortcuts):
    """The row, with the CPU seconds of the whole process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        row = pool.apply(measured, (name, preset, shortcuts))
        pool.close()
        pool.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    row["cpu_seconds_process"] = round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)
    return row


def key(row):
    """What a row was measured of."""
    return row["method"], row["preset"], row["shortcuts"]


def main():
    """Measure the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=METHODS, nargs="+", default=list(METHODS))
    parser.add_argument("--preset", choices=("draft", "standard"), default=None)
    parser.add_argument("--shortcuts", choices=("on", "off"), default=None)
    given = parser.parse_args()
    rows = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else []
    switches = (True, False) if given.shortcuts is None else (given.shortcuts == "on",)
    presets = [(name, preset) for name in given.method for preset in METHODS[name] if given.preset in (None, preset)]
    for asked in [(*one, on) for one in presets for on in switches if on or one[0] in WITHOUT]:
        row = in_a_process(*asked)
        rows = [old for old in rows if key(old) != asked] + [row]
        rows.sort(key=lambda one: (list(METHODS).index(one["method"]), *key(one)[1:]))
        print(row, flush=True)
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
