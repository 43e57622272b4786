"""One run as the viewer knows it: what was asked, where it stands, what came out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..forecast import Forecast
from .messages import Failed, Finished, Message, Opened, Progress, Stage

Status = Literal["queued", "starting", "running", "paused", "stopping", "done", "stopped", "failed"]
OVER: frozenset[Status] = frozenset({"done", "stopped", "failed"})
STOP_PATIENCE = 2.0  # seconds
NOT_BEGUN = "not begun"  # stage of a run that is only remembered: it waited when its viewer went
HISTORY = 4000  # points of a curve; a longer run is thinned, not forgotten


@dataclass(eq=False)
class QueuedRun:
    """State of one run; written by the queue, read by whoever shows it.

    Parameters
    ----------
    number : int
    title : str
        Name of the layer, made from what makes the run.
    payload : mapping
        For the engine; ``{"recipe": {...}}`` for the default one.
    engine : str
    patience : float
        Seconds that the worker gets to obey a stop before its process is ended.

    Attributes
    ----------
    volume, kept_step
        The last estimate, in memory of its own, and its step; once the run is over.
    extra : dict
        Further volumes that came with it ("std"), on the way, too.
    extra_number : int
        How often those were renewed.
    done : float
        Part of the work that is done, 0 to 1, all stages counted.
    place : pair of int
        Number of the stage, and how many there are.
    kept, shows : str
        What the last estimate is, as in :class:`~fewview.methods.Estimate`.
    note : str
        What is to be said about its settings.
    """

    number: int
    title: str
    payload: Mapping[str, Any]
    engine: str = "fewview.runs.worker.engine:run"
    patience: float = STOP_PATIENCE
    status: Status = "queued"
    stage: str = "waiting"
    step: int = 0
    total: int = 0
    sequence: int = 0
    shape: tuple[int, ...] | None = None
    history: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    error: Failed | None = None
    record: dict[str, Any] = field(default_factory=dict)
    volume: NDArray[np.float32] | None = None
    extra: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    extra_number: int = 0
    done: float = 0.0
    place: tuple[int, int] = (1, 1)
    kept: str = "start"
    shows: str = ""
    note: str = ""
    silent_for: float = 0.0
    began: float = 0.0
    ended: float = 0.0
    kept_step: int = 0
    _paused: float = 0.0
    _paused_at: float = 0.0
    _forecast: Forecast = field(default_factory=Forecast)

    @property
    def scan(self) -> str:
        """Path of the scan that its recipe names."""
        return str(self.payload["recipe"]["scan"])

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.status in OVER

    @property
    def active(self) -> bool:
        """Whether the worker has it."""
        return not self.over and self.status != "queued"

    @property
    def seconds(self) -> float:
        """Time since the start, pauses left out."""
        if not self.began:
            return 0.0
        now = self.ended or time.monotonic()
        pausing = time.monotonic() - self._paused_at if self._paused_at and not self.ended else 0.0
        return now - self.began - self._paused - pausing

    @property
    def seconds_left(self) -> float | None:
        """Of the whole run; None before there is a pace."""
        return self._forecast.left(self.seconds) if self.active else None

    @property
    def holds(self) -> str:
        """What the kept volume is where it is not the result that the title promises; else empty."""
        if self.status == "done" or self.volume is None:
            return ""
        if self.kept == "start":
            return f"starting image: {self.shows}"
        return self.shows or f"stopped at step {self.kept_step} of {self.total}"

    def start(self) -> None:
        """The worker got it."""
        self.status, self.stage, self.began = "starting", "starting", time.monotonic()

    def pause(self, paused: bool) -> None:
        """Held, or going on."""
        now = time.monotonic()
        if paused and self.status == "running":
            self.status, self._paused_at = "paused", now
        elif not paused and self.status == "paused":
            self.status, self._paused, self._paused_at = "running", self._paused + now - self._paused_at, 0.0

    def hear(self, message: Message) -> None:
        """Take in what the worker said about this run."""
        if isinstance(message, Stage):
            self.stage = message.text
        elif isinstance(message, Opened):
            self.shape = message.shape
            if self.status == "starting":
                self.status = "running"
        elif isinstance(message, Progress):
            if message.step < self.step or message.total != self.total:
                self.history.clear()  # a method that tries several settings begins again for each
            self.done, self.place = max(self.done, message.done), message.place
            self.kept, self.shows = message.kept, message.shows
            self._forecast.hear(self.done, self.seconds)
            self.sequence, self.step, self.total = message.sequence, message.step, message.total
            self.stage = message.stage or self.stage
            for name, value in message.scalars.items():
                self._remember(name, message.step, value)
        elif isinstance(message, Finished):
            self.record = dict(message.record)
            self._end("stopped" if message.stopped else "done")
        elif isinstance(message, Failed):
            self.error = message
            # A process that had to be ended because it did not obey a stop has stopped: its estimate is kept.
            obeyed_late = message.kind == "crash" and self.status == "stopping"
            if self.volume is not None:  # nobody is left to tell it
                self.record = {**self.record, **self._told_last()}
            self._end("stopped" if obeyed_late else "failed")

    def _told_last(self) -> dict[str, Any]:
        """What a record says of an estimate whose process is gone."""
        return {
            "kept": self.kept,
            "stage": self.stage,
            "holds": self.holds,
            "made_of": "",
            "steps": self.kept_step,
            "steps_planned": self.total,
            "stopped": True,
        }

    def take_extra(self, volumes: dict[str, NDArray[np.float32]]) -> None:
        """Take in further volumes, in place of those before."""
        self.extra, self.extra_number = volumes, self.extra_number + 1

    def _remember(self, name: str, step: int, value: float) -> None:
        curve = self.history.setdefault(name, [])
        if curve and step == curve[-1][0]:
            curve.pop()  # several estimates of one step: the last one counts
        curve.append((step, value))
        if len(curve) > HISTORY:
            del curve[1:-1:2]

    def _end(self, status: Status) -> None:
        if self.over:
            return
        self.pause(False)
        self.ended, self.silent_for = time.monotonic(), 0.0
        self.status = status  # last: other threads look at it
