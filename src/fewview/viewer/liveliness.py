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

from ..benchmark.live import FAULT_AFTER, FAULT_MEMORY_MB, SIZE
from ..errors import FewviewError
from ..methods.registry import get_method
from ..runs.worker.queued_run import QueuedRun
from ..samples import TOOTH
from .commands import open_all
from .demo import wait
from .reconstruct.live_view import Shown
from .scan.samples import SAMPLES
from .workbench import Workbench, workbench_of

ENGINE = "fewview.benchmark.live:engine"
HEARTBEAT_MS = 5
THREE_D_SECONDS = 10.0
WARM_UPDATES = 30  # before gaps and memory are measured: caches of napari and OpenGL fill in the first paintings


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
    _noise(bench, SIZE)
    wait(lambda: len(lags) >= WARM_UPDATES, 600)
    gaps.clear()
    memory = process.memory_info().rss
    last[0] = time.monotonic()
    heart.start(HEARTBEAT_MS)
    wait(lambda: len(lags) >= WARM_UPDATES + updates, 1200)
    heart.stop()
    growth = (process.memory_info().rss - memory) / 2**20
    produced = bench.queue.produced
    began = time.monotonic()
    bench.queue.stop()
    wait(lambda: not bench.queue.busy)
    wait(lambda: not bench.live.showing)
    stop = time.monotonic() - began
    first = _first_estimate(bench, TOOTH)
    more = {"three_d_hz": _three_d(viewer, bench)}
    more |= {f"{fault}_s": _fault(bench, fault) for fault in ("killed", "out_of_memory", "hang")}
    more |= {f"sample_{name}_s": _sample(viewer, name) for name in SAMPLES}
    viewer.close()
    return {
        "lag_median": float(np.median(lags)),
        "lag_max": int(max(lags)),
        "gap_p95_ms": round(float(np.percentile(gaps, 95)), 1),
        "memory_growth_mb": round(growth, 1),
        "stop_s": round(stop, 3),
        "first_estimate_s": round(first, 3),
        **{name: round(value, 2) for name, value in more.items()},
        "shown": len(lags),
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
    _painted(bench, run)
    took = time.monotonic() - began
    if run.error is not None:
        raise FewviewError(run.error.problem, run.error.remedy)
    bench.queue.stop()
    wait(lambda: not bench.queue.busy, 60)
    return took


def _painted(bench: Workbench, run: QueuedRun) -> None:
    """Wait until an estimate of this run, and not of the one before, is on the screen."""
    seen: list[str] = []

    def note(name: str) -> None:
        if bench.queue.current is run:
            seen.append(name)

    bench.painted.connect(note)
    wait(lambda: bool(seen) or run.over, 600)
    bench.painted.disconnect(note)


def _three_d(viewer: Any, bench: Workbench) -> float:
    """Paintings a second of a volume that is shown in 3D."""
    viewer.dims.ndisplay = 3
    _painted(bench, _noise(bench, SIZE))
    painted: list[str] = []
    bench.painted.connect(painted.append)
    wait(lambda: False, THREE_D_SECONDS)
    bench.painted.disconnect(painted.append)
    bench.queue.stop()
    wait(lambda: not bench.queue.busy and not bench.live.showing)
    viewer.dims.ndisplay = 2
    return len(painted) / THREE_D_SECONDS


def _fault(bench: Workbench, fault: str) -> float:
    """Seconds from a fault in the worker to its message, with the last estimate kept; and the next run must work."""
    bench.queue.memory_mb = FAULT_MEMORY_MB if fault == "out_of_memory" else None
    run = _noise(bench, 32, fault=fault)
    wait(lambda: run.step >= FAULT_AFTER, 120)
    began = time.monotonic()
    if fault == "hang":
        wait(lambda: run.silent_for > 0, 120)
        began = time.monotonic()
        bench.queue.stop()
    wait(lambda: run.over and not bench.live.showing, 120)
    took = time.monotonic() - began
    bench.queue.memory_mb = None
    after = _noise(bench, 32)
    wait(lambda: after.step >= 1, 120)
    bench.queue.stop()
    wait(lambda: after.over and not bench.live.showing, 120)
    if run.error is None or run.volume is None or run.kept_step != FAULT_AFTER or after.volume is None:
        raise FewviewError(f"The viewer did not survive: {fault}.", "Please report it.")
    return took


def _noise(bench: Workbench, size: int, **payload: Any) -> QueuedRun:
    run = bench.queue.submit("noise", {"size": size, **payload}, ENGINE)
    bench.live.expect(run, Shown("noise", {"scale": (1.0,) * 3, "translate": (0.0,) * 3}))
    bench.go()
    return run


def _sample(viewer: Any, name: str) -> float:
    """Seconds to open a sample."""
    viewer.layers.clear()
    began = time.monotonic()
    viewer.open_sample("fewview", name)
    return time.monotonic() - began


def close_in_mid_run(dock: str = "") -> None:
    """Open all docks, start a run, close one dock if its name is given, and the viewer, in the middle of the run."""
    viewer = napari.Viewer()
    docks = open_all(viewer)
    bench = workbench_of(viewer)
    _noise(bench, 32)
    if not wait(lambda: bench.live.sequence > 3, 120):
        raise RuntimeError("The run did not start.")
    print(bench.queue.worker_pid, flush=True)
    if dock:
        viewer.window.remove_dock_widget(docks[dock])
        shown = bench.live.sequence
        if not wait(lambda: bench.live.sequence > shown + 3, 120):
            raise RuntimeError("The run did not go on.")
    viewer.close()
    wait(lambda: False, 1.0)
