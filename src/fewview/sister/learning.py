"""Learn a dense scan of a sister sample for the few-view scan that follows: what command line and viewer do."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..errors import FewviewError, OptionError, Stopped
from ..io import inspect
from ..methods.interface import Estimate, Problem
from ..runs.inputs import prepared
from ..runs.problem import resolve_device, set_up
from ..runs.recipe import Recipe
from ..training.sister import HALF, SisterTrainer, SisterTraining, export_sister
from ..training.sister_check import held_out_check, kept_part
from ..training.sister_volume import on_field, sister_volume
from .dense import Dense, ender, of_scan

if TYPE_CHECKING:
    from ..runs.worker.loop import Signals

TRAINING_SHARE = 0.9  # of the bar; the rest is the check
BEFORE = 0.3  # of the minutes of learning: what a dense scan is reconstructed in before


@dataclass(frozen=True)
class Lesson:
    """What is to be learnt, for which scan.

    Parameters
    ----------
    weights : Path
        ``.safetensors`` to write; the state of the training lies beside it, to go on from.
    dense : str
        File of a volume, or of a dense scan, which is then reconstructed: :func:`fewview.sister.dense.of_scan`.
    scan : Recipe
        Of the few-view scan that will be reconstructed.
    voxel : float, optional
        Of the volume, mm, where its file does not tell.
    """

    weights: Path
    dense: str
    scan: Recipe
    voxel: float | None = None


def learn(
    lesson: Lesson,
    options: SisterTraining,
    *,
    check: bool = True,
    report: Callable[[str], None] = print,
    stage: Callable[[str], None] = lambda text: None,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Estimate, None, dict[str, Any]]:
    """Train, write weights with a card, and ask held-out views of the scan what they are good for.

    Parameters
    ----------
    lesson : Lesson
    options : SisterTraining
    check : bool
        Whether to compare with other methods on held-out views of the scan.
    report : callable
        Takes lines of progress.
    stage : callable
        Is told again and again how far the reconstruction of a dense scan is, before there is an estimate.
    stop : callable
        Once true, what was learnt so far is written, and not checked.

    Yields
    ------
    Estimate
        Held-out slices of the volume, reconstructed from measurements like the scan's; "heldout_psnr", how
        well, in dB, where that was measured. Of a volume of fewer than 8 slices these are learnt ones: "learnt_psnr".

    Returns
    -------
    dict
        "weights" (path), "minutes", "curve", "taught" (of a dense scan, a sentence: whether its views were learnt
        from), "verdict" (a sentence; empty where there was no check), "better".

    Raises
    ------
    FewviewError
        Weights that would not be a .safetensors file, a volume or a scan that cannot be used.
    Stopped
        Before the first step: nothing was learnt.
    """
    weights = lesson.weights
    if weights.suffix != ".safetensors":
        raise OptionError(f"{weights} is no name for weights.", "Give one that ends with .safetensors.")
    stop_now = ender(stop)
    lines = prepared(lesson.scan, tick=stop_now)
    setup = set_up(lines, auxiliary=None, holdout=0.0, device=resolve_device(options.device), seed=options.seed)
    problem = setup.problem(0, setup.slices)
    dense = _dense(lesson, options.minutes, problem, lines.geometry.voxel, report, stage, stop)
    folder = weights.with_name(f"{weights.stem}-training")
    problem.operator.on_chunk = stop_now
    trainer = SisterTrainer(options, dense.volume, problem, folder, report, dense.views)
    if dense.taught:
        report(dense.taught)
    try:
        picture, scores = trainer.picture(), trainer.figures()
        yield _learning(trainer, picture, scores)
        for validated in trainer.steps():
            if validated:
                picture, scores = trainer.picture(), trainer.curve[-1]
            yield _learning(trainer, picture, scores if validated else {})
            if stop():
                break
    except (Stopped, KeyboardInterrupt):
        report("Stopped: what was learnt so far is kept." if trainer.step else "Stopped before the first step.")
    finally:
        problem.operator.on_chunk = None
        if trainer.step:
            trainer.save()
        trainer.close()
    if not trainer.step:  # weights of this name would be those that it started from
        raise Stopped
    export_sister(folder, weights, Path(lesson.dense).name)
    found: Mapping[str, Any] = {}
    if not stop():
        yield replace(_learning(trainer, picture, {}), stage="checking on held-out views of the scan")
        found = _checked(lesson, folder, problem, stop_now, report, check)
    return {
        "weights": str(weights),
        "minutes": round(trainer.elapsed / 60, 2),
        "curve": list(trainer.curve),
        "taught": dense.taught,
        "verdict": str(found.get("verdict", "")),
        "better": found.get("better"),
        "kept": "result",
    }


def learn_in_worker(payload: Mapping[str, Any], signals: Signals) -> Generator[Estimate, None, dict[str, Any]]:
    """:func:`learn` for the viewer: ``payload`` holds the fields of :class:`Lesson`, and "options"."""
    lesson = Lesson(Path(payload["weights"]), payload["dense"], Recipe.parse(payload["recipe"]), payload.get("voxel"))
    signals.stage("preparing what is to be learnt")
    options = SisterTraining.parse(dict(payload["options"]))
    check = bool(payload.get("check", True))
    return (
        yield from learn(
            lesson, options, check=check, report=lambda line: None, stage=signals.stage, stop=signals.stopped
        )
    )


def _checked(
    lesson: Lesson,
    folder: Path,
    problem: Problem,
    stop_now: Callable[[], None],
    report: Callable[[str], None],
    compare: bool,
) -> Mapping[str, Any]:
    """Keep as much of what was learnt as views of the scan speak for, and ask others what that is good for."""
    report("Checking on held-out views of the scan.")
    problem.operator.on_chunk = stop_now
    learnt, found, part = Path(lesson.dense).name, dict[str, Any](), HALF
    try:
        part = kept_part(problem, folder, lesson.weights)
        export_sister(folder, lesson.weights, learnt, part=part)
        found = held_out_check(problem, lesson.weights) if compare else {}
    except Stopped:
        pass
    finally:
        problem.operator.on_chunk = None
    export_sister(folder, lesson.weights, learnt, found, part)
    if found:
        report(found["verdict"])
    return found


def _learning(trainer: SisterTrainer, picture: Tensor, scores: Mapping[str, Any]) -> Estimate:
    """Steps are seconds: the clock is what ends a training."""
    total = max(1, round(60 * trainer.options.minutes))
    step = min(total, round(trainer.elapsed))
    told = {trainer.progress: float(scores[trainer.progress])} if scores else {}
    return Estimate(picture, step, total, "learning", told, done=TRAINING_SHARE * step / total)


def _dense(
    lesson: Lesson,
    minutes: float,
    problem: Problem,
    pixel: float | None,
    report: Callable[[str], None],
    stage: Callable[[str], None],
    stop: Callable[[], bool],
) -> Dense:
    stop_now, grid = ender(stop), problem.operator.grid
    try:
        is_scan = inspect(lesson.dense).ready
    except FewviewError:
        is_scan = False
    if not is_scan:
        return Dense(sister_volume(lesson.dense, grid, pixel, lesson.voxel, stop_now))
    found = of_scan(lesson.dense, lesson.scan.bin, problem, BEFORE * 60 * minutes, report, stage, stop)
    return found._replace(volume=on_field(found.volume, found.voxel, grid, pixel, Path(lesson.dense).name, stop_now))
