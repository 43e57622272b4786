"""``fewview benchmark live``: how the viewer keeps up with a running reconstruction, and how it ends.

An engine that yields a volume of 128^3 every 30 ms runs in the worker process while a heartbeat in the event loop
measures how long the screen is dead. Then a stop, the first estimate of a real scan, samples, 3D, a process that is
killed, out of memory or hanging, and a dock and a viewer closed in mid-run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FewviewError
from ..methods.interface import Estimate
from .rows_file import write_rows

if TYPE_CHECKING:
    from ..runs.worker.loop import Signals

SIZE, YIELD_SECONDS, UPDATES = 128, 0.03, 500
SCREEN = "-screen 0 1600x1000x24"
SIDE = "from fewview.viewer.liveliness import close_in_mid_run, measure;"
FAULT_AFTER = 3  # estimates
FAULT_MEMORY_MB = 1024


def engine(payload: Mapping[str, Any], signals: Signals) -> Generator[Estimate, None, dict[str, Any]]:
    """Noise of 128^3, a new volume every 30 ms, until it is stopped; with a ``fault``, until that befalls it."""
    size = int(payload.get("size", SIZE))
    volumes = np.random.default_rng(0).standard_normal((4, size, size, size), dtype=np.float32)
    step = 0
    while not signals.stopped():
        step += 1
        volumes[step % 4, 0, 0, 0] = step
        yield Estimate(volumes[step % 4], step, 10**6, "benchmark", {"objective": 1 / step})
        time.sleep(YIELD_SECONDS)
        if step == FAULT_AFTER:
            _befall(payload.get("fault"))
    return {}


def _befall(fault: str | None) -> None:
    if fault == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif fault == "out_of_memory":
        np.ones(2**31, np.float32)  # 8 GB; the run may take FAULT_MEMORY_MB
    elif fault == "hang":
        time.sleep(3600)


def run(json_path: Path | None = None, updates: int = UPDATES, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Measure, print and write the figures.

    Parameters
    ----------
    json_path : Path, optional
        Where to write the row.
    updates : int
        Estimates shown over which lag, gaps and memory are measured.
    say : callable
        Told one line per figure.

    Returns
    -------
    dict
        ``lag_median``, ``lag_max`` (estimates), ``gap_p95_ms``, ``memory_growth_mb``, ``stop_s``,
        ``first_estimate_s``; ``three_d_hz`` (paintings a second); ``sample_*_s``; ``killed_s``, ``out_of_memory_s``
        and ``hang_s``, from the fault to the message with the last estimate kept, for a hang after its silence was
        noticed and Stop pressed; ``dock_close_status``, ``close_status``; and ``shown``, ``produced``, ``threads``,
        ``display``.

    Raises
    ------
    FewviewError
        No viewer is installed, or there is no display, not even a virtual one.
    """
    figures = _measured("measure", updates)
    figures["dock_close_status"] = closing(dock="Reconstruct")
    figures["close_status"] = closing()
    for name, value in figures.items():
        say(f"{name:24}{value}")
    write_rows(json_path, [figures])
    return figures


def closing(dock: str = "") -> int:
    """Exit status of a viewer closed in mid-run, after one of its docks was; 200 when its worker outlived it."""
    done = in_process_of_its_own(f"{SIDE} close_in_mid_run({dock!r})")
    words = done.stdout.split()
    if done.returncode == 0 and words and _exists(int(words[-1])):
        return 200
    return done.returncode


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _measured(function: str, updates: int) -> dict[str, Any]:
    done = in_process_of_its_own(f"{SIDE} import json; print('FIGURES', json.dumps({function}({updates})))")
    lines = [line for line in done.stdout.splitlines() if line.startswith("FIGURES ")]
    if done.returncode != 0 or not lines:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise FewviewError(f"The viewer could not be measured: {last}", "`fewview doctor` tells what is missing.")
    result: dict[str, Any] = json.loads(lines[-1].removeprefix("FIGURES "))
    return result


def in_process_of_its_own(code: str) -> subprocess.CompletedProcess[str]:
    """Run Python code that opens a viewer, under a virtual display where there is no other."""
    command = [sys.executable, "-c", code]
    environment = dict(os.environ)
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        starter = shutil.which("xvfb-run")
        if starter is None:
            raise FewviewError(
                "There is no display, and xvfb-run is not installed.", "Debian: apt-get install xvfb xauth."
            )
        command = [starter, "-a", "-s", SCREEN, *command]
        environment["QT_QPA_PLATFORM"] = "xcb"
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
