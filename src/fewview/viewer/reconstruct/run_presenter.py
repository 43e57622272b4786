"""What the Reconstruct dock says about a run: its name, where it stands, how long it will take, what it will need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import FewviewError
from ...methods.interface import Method
from ...methods.size import Size
from ...runs.forecast import duration
from ...runs.kept import remarks
from ...runs.recipe import Recipe
from ...runs.worker.queued_run import NOT_BEGUN, QueuedRun
from ...runs.worker.stream import SLOTS
from ..common.words import number, size
from .presets import KEPT

FIRST = "Preview slice reconstructs the slice in sight, in seconds; Run takes all rows chosen in the Scan dock."
SAID = 2  # remarks on a result; the others are in its record
NAMED_OPTIONS = 2  # options that fit into a layer's name
LIBRARIES = 300 * 2**20  # the reconstruction process itself: interpreter, torch, numba
CURVES = {
    "heldout_error": "held-out error",
    "own_error": "own held-out error",
    "data_residual": "data residual",
    "objective": "objective",
}


def run_title(recipe: Recipe, method: Method[Any], views: int, count: int) -> str:
    """Name of a run's layer: what made it.

    Parameters
    ----------
    recipe : Recipe
    method : Method
    views : int
        That are used.
    count : int
        Number of the run.

    Returns
    -------
    str
        With its number at the end.
    """
    parts = [method.title, f"{views} views"]
    named = [(name, value) for name, value in recipe.options.items() if name not in KEPT]
    parts += [f"{name} {_short(value)}" for name, value in named[:NAMED_OPTIONS]]
    channel = str(recipe.reader.given().get("dataset", ""))
    if channel.isdigit():
        parts.append(f"channel {channel}")
    if recipe.bin > 1:
        parts.append(f"bin {recipe.bin}")
    if recipe.rows is not None:
        first, last = recipe.rows
        parts.append(f"row {first}" if last - first == recipe.bin else f"rows {first}-{last - 1}")
    return f"{', '.join(parts)} #{count}"


@dataclass(frozen=True)
class RunView:
    """What to show of a run.

    Parameters
    ----------
    headline, details : str
    percent : int or None
        None: busy, without a known end.
    can_pause, can_resume, can_stop, can_kill : bool
    tone : {"plain", "good", "warning", "bad"}
    """

    headline: str
    details: str = ""
    percent: int | None = 0
    can_pause: bool = False
    can_resume: bool = False
    can_stop: bool = False
    can_kill: bool = False
    tone: str = "plain"


def run_view(run: QueuedRun | None, ready: bool = True, waiting: int = 0) -> RunView:
    """Words and buttons for the state that a run is in.

    Parameters
    ----------
    run : QueuedRun, optional
    ready : bool
        Whether the reconstruction process has loaded.
    waiting : int
        Runs in the queue behind it.

    Returns
    -------
    RunView
        Headline, text, per cent done, and which buttons can be pressed.
    """
    if run is None:
        return RunView("Nothing is running.", FIRST if ready else "The reconstruction process is starting.")
    took = duration(run.seconds)
    kept = kept_words(run)
    if run.status == "done":
        return RunView(
            "Done",
            " ".join(filter(None, (*_result(run), run.note, _took(run), _scores(run)))),
            100,
            tone="good",
        )
    if run.stage == NOT_BEGUN:
        return RunView("Not begun", "It waited when the viewer was closed. “Queue again” under Runs starts it.")
    if run.status == "stopped":
        return RunView("Stopped", f"After {took}. {kept}", _percent(run), tone="plain")
    if run.status == "failed":
        problem = "The run failed." if run.error is None else run.error.problem
        remedy = "" if run.error is None else run.error.remedy
        return RunView(problem, f"{remedy} {kept}".strip(), _percent(run), tone="bad")
    if run.status == "stopping":
        return RunView(
            "Stopping", "What is on the screen is kept, and its name will say what it is.", _percent(run), can_kill=True
        )
    if run.silent_for:
        text = f"No sign of life for {duration(run.silent_for)}. Wait, or end it: the last estimate is kept."
        return RunView("Not responding", text, _percent(run), can_stop=True, can_kill=True, tone="warning")
    stands = _steps(run) + (f"; {waiting} more in the queue" if waiting else "")
    if run.status == "paused":
        return RunView("Paused", stands, _percent(run), can_resume=True, can_stop=True)
    if run.shows:
        stands = f"{stands}. Shown: {_shown(run)}."
    if run.note:
        stands = f"{stands}{'' if stands.endswith('.') else '.'} {run.note}"
    return RunView(_stage(run), stands, _percent(run), can_pause=run.sequence > 0, can_stop=True)


def kept_words(run: QueuedRun) -> str:
    """What is kept of a run that did not come to its end, in a sentence."""
    if not run.holds:
        return "There was no estimate yet."
    return f"Kept: {run.holds}." if run.kept == "start" else f"Kept: the volume {run.holds}."


def failure(run: QueuedRun) -> FewviewError:
    """What is to be said of a run that failed: which of several that are queued, its words alone may not say."""
    if run.error is None:
        return FewviewError(f"“{run.title}” failed.")
    of = Path(run.scan).name
    problem = run.error.problem if of in run.error.problem else f"{of}: {run.error.problem}"
    return FewviewError(problem, run.error.remedy)


def forecast_text(recipe: Recipe, method: Method[Any], shape: tuple[int, int, int]) -> tuple[str, bool]:
    """Memory that the run will need, in words, and whether it fits.

    Parameters
    ----------
    recipe : Recipe
        Of the run: its options, rows, binning and views.
    method : Method
    shape : tuple of int
        Views, rows and columns of the whole detector.

    Returns
    -------
    text : str
        Voxels, memory needed, and memory free.
    fits : bool
    """
    from ...runs.memory import available  # brings torch in

    views, rows, columns = shape
    views = recipe.views or views
    if recipe.rows is not None:
        rows = recipe.rows[1] - recipe.rows[0]
    rows, columns = rows // recipe.bin, columns // recipe.bin
    options = method.options.parse(recipe.options)
    volumes, sinograms = method.held(options)
    of = Size(rows, views, columns, columns)
    # Beside the method's own: the slots of the live view, and the copies that are handed out and kept.
    needed = rows * ((volumes + SLOTS + 2) * of.image + sinograms * 4 * views * columns) + method.beside(options, of)
    needed += LIBRARIES
    free = available("cpu")
    text = f"{rows} × {columns} × {columns} voxels, about {size(needed)} of memory"
    return f"{text} ({size(free)} free)", needed < free


def curves(run: QueuedRun) -> dict[str, list[tuple[int, float]]]:
    """Histories worth plotting, the held-out error first."""
    return {title: run.history[name] for name, title in CURVES.items() if run.history.get(name)}


def _took(run: QueuedRun) -> str:
    """Time, and steps where the result does not tell them."""
    told = " step" in str(run.record.get("made_of", ""))
    return f"Took {duration(run.seconds)}." if told else f"{run.step} steps in {duration(run.seconds)}."


def _result(run: QueuedRun) -> list[str]:
    """What the result is made of, what became of the X-ray volume, and how the scan is unlike a network's training.

    The first few of it, for whoever looks at the picture has no time for ten lines.
    """
    said = [str(one) for one in (run.record.get("made_of"), *remarks(run.record.get("chosen", {}))) if one]
    return said[:SAID] + (["There is more in its record."] if len(said) > SAID else [])


def _shown(run: QueuedRun) -> str:
    return f"starting image ({run.shows})" if run.kept == "start" else f"the volume {run.shows}"


def _stage(run: QueuedRun) -> str:
    number, stages = run.place
    if stages > 1 and run.status == "running":
        return f"Stage {number} of {stages}: {run.stage}"
    return run.stage[:1].upper() + run.stage[1:]


def _steps(run: QueuedRun) -> str:
    if not run.total:
        return duration(run.seconds)
    left = run.seconds_left
    rest = f", about {duration(left)} left" if left is not None and run.status != "paused" else ""
    return f"Step {run.step} of {run.total}, {duration(run.seconds)}{rest}"


def _percent(run: QueuedRun) -> int | None:
    if not run.sequence:
        return None if run.active else 0
    return round(100 * run.done)


def _scores(run: QueuedRun) -> str:
    names = {"psnr": "PSNR {} dB", "heldout_error": "held-out error {}", "data_residual": "data residual {}"}
    parts = []
    for name, text in names.items():
        value = run.record.get(name)
        if isinstance(value, (int, float)):
            parts.append(text.format(number(value, 3)))
    return f"{parts[0][:1].upper()}{', '.join(parts)[1:]}." if parts else ""


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
