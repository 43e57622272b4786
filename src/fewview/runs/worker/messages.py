"""What the worker process and the viewer say to each other. Small values only: volumes go through the stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FailureKind = Literal["user", "memory", "crash", "bug"]


@dataclass(frozen=True)
class Job:
    """One reconstruction to carry out.

    Parameters
    ----------
    number : int
        Counts up; tells a late message of an earlier job from one of this job.
    payload : mapping
        What the engine understands; for the default engine ``{"recipe": {...}}``.
    stream : str
        Name of the shared memory for the estimates, from :func:`fewview.runs.worker.stream.new_name`.
    engine : str
        ``"module:function"``; the function yields :class:`~fewview.methods.Estimate` and may return a record.
    memory_mb : float, optional
        Memory that the job may take on top of what the process has (where the system can limit it).
    """

    number: int
    payload: Mapping[str, Any]
    stream: str
    engine: str = "fewview.runs.worker.engine:run"
    memory_mb: float | None = None


@dataclass(frozen=True)
class Ready:
    """The worker has loaded its libraries and waits for a job."""


@dataclass(frozen=True)
class Stage:
    """What the worker does while there is no estimate yet."""

    job: int
    text: str


@dataclass(frozen=True)
class Opened:
    """The first estimate lies in the stream."""

    job: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Progress:
    """One estimate was published; the rest as in :class:`~fewview.methods.Estimate`."""

    job: int
    sequence: int
    step: int
    total: int
    stage: str
    scalars: Mapping[str, float] = field(default_factory=dict)
    done: float = 0.0
    place: tuple[int, int] = (1, 1)
    kept: str = "intermediate"
    shows: str = ""


@dataclass(frozen=True)
class Extra:
    """Further volumes of the newest estimate lie in shared memory; names and shapes."""

    job: int
    shapes: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Finished:
    """The job came to its end, or was stopped; ``extra``: names and shapes of further volumes in shared memory."""

    job: int
    stopped: bool
    record: Mapping[str, Any]
    extra: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """The job ended with an error; the worker goes on unless the process itself died (kind "crash")."""

    job: int
    kind: FailureKind
    problem: str
    remedy: str = ""
    details: str = ""


Message = Ready | Stage | Opened | Progress | Extra | Finished | Failed
