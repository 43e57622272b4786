"""Progress of a run: a bar with the time left on a terminal, plain lines anywhere else. On standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from ..methods.interface import Estimate

LINE_SECONDS = 10.0  # a log file wants a line now and then, not one per step
SHOWN = ("data_residual", "heldout_error")


class Progress:
    """Shows estimates as they come; a context manager."""

    def __init__(self) -> None:
        self._stage = ""
        self._line_due = 0.0
        self._began = time.monotonic()
        self._steps_before = 0
        self._bar = None
        self._task = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[numbers]}"),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("starting", total=None, numbers="")

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
        fresh = estimate.stage != self._stage
        if fresh:
            self._stage, self._began, self._steps_before = estimate.stage, now, estimate.step
        if self._bar is not None and self._task is not None:
            if fresh:
                self._bar.reset(self._task, total=estimate.total, description=estimate.stage or "running")
            self._bar.update(self._task, completed=estimate.step, total=estimate.total, numbers=numbers)
        elif fresh or now >= self._line_due or estimate.step >= estimate.total:
            self._line_due = now + LINE_SECONDS
            print(
                f"{estimate.stage} {estimate.step}/{estimate.total}{self._left(estimate, now)}  {numbers}".rstrip(),
                file=sys.stderr,
                flush=True,
            )

    def _left(self, estimate: Estimate, now: float) -> str:
        done = estimate.step - self._steps_before
        if done < 1 or estimate.step >= estimate.total:
            return ""
        return f"  {duration((now - self._began) / done * (estimate.total - estimate.step))} left"


def duration(seconds: float) -> str:
    """Seconds as ``12 s``, ``3 min 20 s`` or ``1 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
