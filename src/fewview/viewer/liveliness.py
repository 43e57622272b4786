"""The measuring side of ``fewview benchmark live``: a viewer, a heartbeat in its event loop, and a fast worker.

Runs in a process of its own, started by :mod:`fewview.benchmark.live`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import napari
import numpy as np
import psutil
from qtpy.QtCore import QTimer

from ..benchmark.live import SIZE
from ..errors import FewviewError
from ..methods.registry import get_method
from ..samples import TOOTH
from .commands import open_all
from .demo import wait
from .live_view import Shown
from .workbench import Workbench, workbench_of

ENGINE = "fewview.benchmark.live:engine"
HEARTBEAT_MS = 5
WARM_UPDATES = 30  # before memory is measured: caches of napari and OpenGL fill in the first paintings


def measure(updates: int) -> dict[str, Any]:
    """Figures of one viewer; needs a display."""
    viewer = napari.Viewer()
    viewer.window.resize(1280, 900)
    bench = workbench_of(viewer)
    bench.queue.warm()
    process = psutil.Process()
    gaps: list[float] = []
    lags: list[int] = []
    last = [time.monotonic()]

    def beat() -> None:
        now = time.monotonic()
        gaps.append((now - last[0]) * 1000 - HEARTBEAT_MS)
        last[0] = now

    def painted(name: str) -> None:
        lags.append(bench.queue.produced - bench.live.sequence)

    bench.painted.connect(painted)
    heart = QTimer()
    heart.timeout.connect(beat)
    noise = bench.queue.submit("noise", {}, ENGINE)
    bench.live.expect(noise, Shown("noise", {"scale": (1.0,) * 3, "translate": (0.0,) * 3}))
    bench.go()
    wait(lambda: len(lags) >= WARM_UPDATES, 600)
    gaps.clear()
    lags.clear()
    memory = process.memory_info().rss
    last[0] = time.monotonic()
    heart.start(HEARTBEAT_MS)
    wait(lambda: len(lags) >= updates, 1200)
    heart.stop()
    growth = (process.memory_info().rss - memory) / 2**20
    produced = bench.queue.produced
    began = time.monotonic()
    bench.queue.stop()
    wait(lambda: not bench.queue.busy)
    wait(lambda: not bench.live.showing)
    stop = time.monotonic() - began
    first = _first_estimate(bench, TOOTH)
    viewer.close()
    return {
        "lag_median": float(np.median(lags)),
        "lag_max": int(max(lags)),
        "gap_p95_ms": round(float(np.percentile(gaps, 95)), 1),
        "memory_growth_mb": round(growth, 1),
        "stop_s": round(stop, 3),
        "first_estimate_s": round(first, 3),
        "shown": len(lags) + WARM_UPDATES,
        "produced": produced,
        "size": SIZE,
        "threads": os.cpu_count(),
        "display": os.environ.get("DISPLAY", ""),
    }


def _first_estimate(bench: Workbench, scan: Path) -> float:
    """Seconds from Run to the first estimate on the screen, of the measured tooth, in a warm worker."""
    bench.scan.load(scan)
    bench.scan.set_axis(295.0)
    began = time.monotonic()
    run = bench.run(bench.scan.recipe(method="tv"), get_method("tv"))
    wait(lambda: bench.live.sequence > 0 or run.over, 600)
    took = time.monotonic() - began
    if run.error is not None:
        raise FewviewError(run.error.problem, run.error.remedy)
    bench.queue.stop()
    wait(lambda: not bench.queue.busy, 60)
    return took


def close_in_mid_run() -> None:
    """Open all docks, start a run, close the viewer in the middle of it."""
    viewer = napari.Viewer()
    open_all(viewer)
    bench = workbench_of(viewer)
    noise = bench.queue.submit("noise", {"size": 32}, ENGINE)
    bench.live.expect(noise, Shown("noise", {"scale": (1.0,) * 3, "translate": (0.0,) * 3}))
    bench.go()
    if not wait(lambda: bench.live.sequence > 3, 120):
        raise RuntimeError("The run did not start.")
    print(bench.queue.worker_pid, flush=True)
    viewer.close()
    wait(lambda: False, 1.0)
