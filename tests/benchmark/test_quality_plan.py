"""The plan of the quality benchmark: its commands can run, its order starts with what matters, its time is kept."""

import importlib.util
import json
import sys
import time
from pathlib import Path

import pytest

from fewview.benchmark.quality.variant import variants
from fewview.benchmark.quality.xray import CONTROLS
from fewview.cli.values import parse_pairs
from fewview.methods import method_names


@pytest.fixture(scope="module")
def plan():
    path = Path(__file__).parents[2] / "benchmarks" / "quality_plan.py"
    spec = importlib.util.spec_from_file_location("quality_plan", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["quality_plan"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_every_step_can_be_asked_for(plan):
    for step in plan.STEPS:
        names = step.methods.split(",")
        assert set(names) <= set(method_names()), step.why
        controls = step.flags.get("controls", "none").split(",")
        assert set(controls) <= set(CONTROLS)
        settings = parse_pairs("--set", step.flags.get("set", "").split())
        assert variants(names, settings, step.flags.get("preset"), controls=controls)
    first = plan.STEPS[0]
    assert {"tv", "mbir", "d3ip", "postnet"} <= set(first.methods.split(","))


def test_minutes_follow_the_rows_at_hand(plan, tmp_path):
    rows = [
        {"method": "tv", "views": 8, "slices": 2, "size": 128, "seconds": 100.0},
        {"method": "tv", "views": 32, "slices": 4, "size": 128, "seconds": 80.0},
    ]
    assert plan.seconds_of("tv", 4, 128, 2, rows) == 100.0
    assert plan.seconds_of("tv", 64, 128, 2, rows) == 40.0
    assert plan.seconds_of("tv", 8, 256, 4, rows) == 800.0
    assert plan.seconds_of("mbir", 8, 128, 2, rows) == plan.SECONDS["mbir"]
    small, full = (list(plan.jobs(name, tmp_path / "quality.json")) for name in ("small", "full"))
    assert len(small) == len(full) > 20
    assert all(0 < a.minutes < b.minutes or "probe" in a.words for a, b in zip(small, full, strict=True))
    assert sum("probe" in job.words for job in small) == 1


def test_jobs_run_side_by_side_into_one_file_and_end_in_time(plan, tmp_path):
    path = tmp_path / "quality.json"
    quick = f"benchmark quality --json {path} --data ellipses --size 16 --slices 1 --volumes 1 --seeds 1 --counts none"
    todo = [plan.Job("a test", [*quick.split(), "--methods", "fbp", "--views", str(v)], 0.1) for v in (4, 5, 6)]
    plan.carry_out(todo, 5.0, 2, False)
    assert {row["views"] for row in json.loads(path.read_text())} == {4, 5, 6}
    began = time.monotonic()
    plan.carry_out(todo, 0.01, 2, True)
    assert time.monotonic() - began < 60
