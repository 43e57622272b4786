"""Progress of a run: a bar with the time left on a terminal, plain lines anywhere else. On standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from ..methods.interface import Estimate
from ..runs.forecast import Forecast, duration

LINE_SECONDS = 10.0  # a log file wants a line now and then, not one per step
SHOWN = ("data_residual", "heldout_error")


class Progress:
    """Shows estimates as they come; a context manager."""

    def __init__(self) -> None:
        self._stage = ""
        self._line_due = 0.0
        self._began = time.monotonic()
        self._forecast = Forecast()
        self._bar = None
        self._task = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}"),
                TextColumn("{task.fields[numbers]}"),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("starting", total=None, left="", numbers="")

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def say(self, text: str) -> None:
        """What goes on while there is no estimate."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=text, total=None)
        else:
            print(text, file=sys.stderr, flush=True)

    def note(self, text: str) -> None:
        """A line that stays, above the bar."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)

    def show(self, estimate: Estimate) -> None:
        """An estimate has come."""
        numbers = "  ".join(f"{name} {estimate.scalars[name]:.4g}" for name in SHOWN if name in estimate.scalars)
        now = time.monotonic()
        self._forecast.hear(estimate.fraction, now - self._began)
        number, stages = estimate.place
        stage = (f"stage {number} of {stages}: " if stages > 1 else "") + (estimate.stage or "running")
        fresh, self._stage = stage != self._stage, stage
        left = self._left(estimate, now)
        if self._bar is not None and self._task is not None:
            done = estimate.fraction
            self._bar.update(self._task, completed=done, total=1.0, description=stage, left=left, numbers=numbers)
        elif fresh or now >= self._line_due or estimate.fraction >= 1:
            self._line_due = now + LINE_SECONDS
            counted = f"{stage} {estimate.step}/{estimate.total}, {estimate.fraction:.0%} of the run"
            print("  ".join(filter(None, (counted, left, numbers))), file=sys.stderr, flush=True)

    def _left(self, estimate: Estimate, now: float) -> str:
        left = self._forecast.left(now - self._began)
        return "" if left is None or estimate.fraction >= 1 else f"{duration(left)} left"
