"""``fewview demo``: a viewer with the snail shell, three docks, a TV run, and a cross-modal one that waits for it.

With no display, a picture of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ..errors import FewviewError

SCREEN = "-screen 0 1600x1000x24"
WINDOW = (1400, 940)
DEFAULT_SCREENSHOT = Path("demo-output") / "fewview-demo.png"
WAIT_SECONDS = 120
# The weight with the smallest held-out error of 1e-5, 1e-4, 3e-4, 1e-3 and 3e-3, 100 iterations, 10 % held out.
TV = {"weight": 0.003, "iterations": 300}
GUIDED = "d3ip-x"  # the shell brings its X-ray slice
STEPS_SHOWN = 30  # so that the picture shows TV at work, and not FBP


def run(screenshot: Path | None = None) -> Path | None:
    """Open the demo; returns the screenshot's path when one was made.

    Parameters
    ----------
    screenshot : Path, optional
        Save a picture there and close. Without a display one is always made, under a virtual display.

    Raises
    ------
    FewviewError
        No display, and no virtual one to be had.
    """
    if _has_display():
        return _show(screenshot)
    target = (screenshot or DEFAULT_SCREENSHOT).absolute()
    starter = shutil.which("xvfb-run")
    if starter is None:
        raise FewviewError(
            "There is no display, and xvfb-run is not installed.",
            "Install it (Debian: apt-get install xvfb xauth), or run the demo on a machine with a screen.",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    code = "import sys; from pathlib import Path; from fewview.viewer.demo import _show; _show(Path(sys.argv[1]))"
    # Pixels need the xcb platform: Qt's offscreen one cannot draw the canvas.
    environment = {**os.environ, "QT_QPA_PLATFORM": "xcb"}
    command = [starter, "-a", "-s", SCREEN, sys.executable, "-c", code, str(target)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not target.exists():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise FewviewError(f"The demo failed under the virtual display: {last}", "`fewview doctor` tells more.")
    return target


def start(viewer: Any) -> dict[str, Any]:
    """Fill a viewer with the demo; returns the docks by name."""
    from .commands import open_all

    docks = open_all(viewer)
    docks["Scan"].bench.keeper.on = False  # nobody's session
    viewer.open_sample("fewview", "shell")
    wait(lambda: docks["Reconstruct"].chosen_method is not None)
    wait(lambda: not docks["Scan"].bench.finding_axis)
    dock = docks["Reconstruct"]
    dock.choose("tv")
    dock.form.set_values(TV)
    dock.holdout.setValue(10)
    dock.run()
    dock.choose(GUIDED)
    dock.presets["Draft"].click()
    dock.run()  # waits in the queue
    dock.choose("tv")  # what the dock shows is what runs
    dock.form.set_values(TV)
    dock.parentWidget().raise_()
    return docks


def wait(condition: Any, seconds: float = WAIT_SECONDS) -> bool:
    """Let the viewer live until the condition holds; whether it came to hold."""
    from qtpy.QtWidgets import QApplication

    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > seconds:
            return False
        QApplication.processEvents()
        time.sleep(0.005)
    return True


def _has_display() -> bool:
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _show(screenshot: Path | None) -> Path | None:
    import napari
    from napari.settings import get_plugin_settings

    viewer = napari.Viewer(title="fewview demo")
    get_plugin_settings(path_dir=None)  # the demo neither reads nor changes what the user's own sessions remember
    viewer.window.resize(*WINDOW)
    docks = start(viewer)
    if screenshot is None:
        napari.run()
        return None
    bench = docks["Compare"].bench
    first = bench.runs[0]
    wait(lambda: first.step >= STEPS_SHOWN or first.over)
    docks["Compare"].drop(0.46, 0.42)
    wait(lambda: False, 1.0)
    screenshot.parent.mkdir(parents=True, exist_ok=True)
    viewer.screenshot(path=str(screenshot), canvas_only=False, flash=False)
    viewer.close()
    return screenshot
