"""The unrolled network: U-Nets and data steps in turn, trained end to end; the answer of a regression, in seconds."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...models.symmetries import TURNS
from ...models.unrolled import Unrolled
from ...models.weights import find_weights, load_unrolled, read_card
from ...options import Auto, option
from ..budget import BudgetOptions, Pacing
from ..classical.fbp import preview
from ..common_options import positivity_option, scale_option
from ..diffusion.denoiser import batch_bytes, batch_size
from ..diffusion.start import settled_scale
from ..empty import empty_without_object, nothing_there
from ..interface import Effort, Estimate, Method, Problem, Settled, Tuning
from ..inverse.masking import measured, relative
from ..inverse.normalised import Scaled, scaled
from ..inverse.proposals import nonnegative
from ..inverse.window import window_around
from ..missing import missing_weights
from ..selection.coarse import coarseness, coarser, enlarged, first_look, settled_coarsely
from ..selection.comparison import ENOUGH, best_setting
from ..selection.picture import Picture
from ..size import Size
from ..slices import TOGETHER, SliceNoise
from ..stages import Stages
from ..trained_range import told_of_training
from .finetune import SLICES, TUNING_BYTES, fine_tuned
from .finetune import STAGE as FINE_TUNING
from .network_choice import NETWORKS, available, predicted
from .posterior import posterior_sample, spread_factor
from .xray_reading import shown

BUFFERS, COPIED = 28.0, 14.0
"""Volumes held at the peak, and those of them that each position takes of several reconstructed at the same time."""
LOADING, LARGER = 28 << 20, 1.15
"""Bytes of a network of 3.4 million numbers, twice: as it is read from its file, and as it will be; and what it takes
at work over what a prior takes."""
ONE_POSITION = 0.2
"""Part of the work, at most, with which the sample is reconstructed in one position alone."""


class UnrolledOptions(BudgetOptions):
    """Options of the unrolled network."""

    weights: str = option(
        "auto",
        "Network",
        "The network, by what it has learnt: unrolled-general (many kinds of samples), unrolled-materials "
        "(concrete-like ones), or the path of weights that `fewview train unrolled` wrote, best from a dense scan of a "
        "sister sample. Auto takes unrolled-general unless held-out views are clearly better predicted with the other.",
        offers=("auto", *NETWORKS),
    )
    symmetries: bool = option(
        True,
        "Average over symmetries",
        "Reconstruct the sample in its 8 turned and mirrored positions and take the mean, which is more accurate; "
        "off takes an eighth of the time.",
    )
    finetune: int = option(
        0,
        "Fine-tuning steps",
        "How many steps the network learns on this scan, which needs no truth: it predicts views that are hidden "
        "from it, and what it learns is kept where other views, which are held out, are predicted better. It helps "
        "with samples unlike those of the training; 24 are enough, and take some ten times as long as none.",
        ge=0,
    )
    samples: int = option(
        0,
        "Samples",
        "How many objects that agree with the measurement are drawn; their standard deviation, a volume beside the "
        "result, says how far to trust each voxel. It is widened by what samples like those of the training ask for, "
        "so that 1.645 of it on either side hold 90 % of them. 8 samples take about 10 times as long as none.",
        ge=0,
    )
    steps: int = option(
        12,
        "Steps per sample",
        "The number of network calls for each sample. More draw the samples more exactly, and take longer.",
        ge=2,
        advanced=True,
    )
    scale: float | Auto = scale_option()
    positivity: bool = positivity_option()


@settled_coarsely
@torch.no_grad()
def tune(problem: Problem, options: UnrolledOptions) -> Tuning[UnrolledOptions]:
    """Settle what the network takes for 1, and which network it is."""
    yield Picture(preview(problem)).estimate(0, 1, "starting image")
    chosen: dict[str, Any] = {"scale": settled_scale(problem, options.scale)}
    if options.weights == "auto":
        chosen |= yield from _network(problem, options.taking(chosen))
    return Settled(options.taking(chosen), chosen)


def _network(problem: Problem, options: UnrolledOptions) -> Generator[Estimate, None, dict[str, Any]]:
    """Which of the shipped networks predicts held-out views better: "weights" and, of several, the curve."""
    names = available()
    if len(names) == 1 or nothing_there(problem):
        return {"weights": names[0], "weights_rule": "without a comparison"}
    asked = {
        name: options.taking({"weights": name, "symmetries": False, "samples": 0, "finetune": 0}) for name in names
    }
    runs = {name: partial(solve, options=own) for name, own in asked.items()}
    errors = yield from predicted(problem, runs, "choosing the network")
    curve = [[name, float(error.mean())] for name, error in errors.items()]
    return {"weights": best_setting(errors, ENOUGH), "weights_curve": curve}


@empty_without_object
@torch.no_grad()
def solve(problem: Problem, options: UnrolledOptions) -> Iterator[Estimate]:
    """The image of every stage, then the mean over the symmetries, one more each time."""
    net = load_unrolled(options.weights, problem.operator.device)
    problem.operator.tick()  # `unrolled-x` loads another network next
    scale = float(options.scale)
    data = scaled(problem, scale)
    chosen: dict[str, Any] = {**told_of_training(data, options.weights)}
    if options.samples:
        card = read_card(find_weights(options.weights))
        chosen["spread_factor"] = round(spread_factor(card, problem.operator.views, problem.operator.grid), 3)
    quick = options.taking({"symmetries": False, "samples": 0, "finetune": 0})
    if not options.finetune:
        yield from first_look(partial(_looked_at, net), problem, quick)
        yield from _reconstruction(net, problem, options, data, chosen)
        return
    yield from first_look(partial(_looked_at, net), problem, quick, stages=2)
    passes = TURNS if options.symmetries else 1
    told = Stages(
        {FINE_TUNING: _tuning_cost(problem, options), "reconstruction": float(passes + options.samples * options.steps)}
    )
    grid, factor = problem.operator.grid, coarseness(problem.operator.grid)
    tuning = fine_tuned(net, coarser(problem, factor), scale, options.finetune, batch_size(data.back))
    net, learnt = yield from told.within(FINE_TUNING, enlarged(tuning, grid, factor))
    last = _reconstruction(net, problem, options, data, chosen | learnt)
    yield from told.within("reconstruction", last, named=False)


def _looked_at(net: Unrolled, problem: Problem, options: UnrolledOptions) -> Iterator[Estimate]:
    """A quick reconstruction."""
    return _reconstruction(net, problem, options, scaled(problem, float(options.scale)), {})


def _reconstruction(
    net: Unrolled, problem: Problem, options: UnrolledOptions, data: Scaled, chosen: dict[str, Any]
) -> Generator[Estimate, None, None]:
    """By a network as it is now."""
    extra = shown(net, problem, data)
    groups = _groups(TURNS if options.symmetries else 1, len(data.y))
    stages = net.config.stages + 1
    total = len(groups) * stages + 1 + options.samples * options.steps
    mean, done = torch.zeros_like(data.back), 0
    for index, turns in enumerate(groups):
        for k, images in enumerate(_reconstructed(net, data, turns, extra=extra)):
            image = images.unflatten(0, (len(turns), -1)).mean(dim=0)
            if k == stages - 1:
                done += len(turns)
                mean = mean + (image - mean) * (len(turns) / done)
            if index == 0 or k == stages - 1:  # later on the mean so far is better than any stage
                best = image if index == 0 else mean
                stage = "start" if k == 0 else f"stage {k}" if index == 0 else f"{done} of {TURNS} positions"
                yield estimate(best, index * stages + k + 1, total, stage, problem, data, chosen)
    if options.positivity:
        mean = nonnegative(mean, data, net.trust(data))
    last = estimate(mean, len(groups) * stages + 1, total, "data step", problem, data, chosen)
    yield last
    if options.samples:
        yield from _spread(net, data, mean, last, problem, options, extra)


def _spread(
    net: Unrolled,
    data: Scaled,
    mean: Tensor,
    last: Estimate,
    problem: Problem,
    options: UnrolledOptions,
    extra: Tensor | None,
) -> Iterator[Estimate]:
    """The same volume with the standard deviation of the samples drawn so far beside it."""
    noise = SliceNoise.of(problem)
    squares, step = torch.zeros_like(mean), last.step
    unit = data.top * last.chosen["spread_factor"]
    for index in range(options.samples):

        def answer(state: Tensor, sigma: float, turn: int = index % TURNS) -> Tensor:
            *_, image = _reconstructed(net, data, (turn,), state=state, sigma=sigma, extra=extra)
            return image

        sample = mean
        for image in posterior_sample(answer, mean, options.steps, noise):
            sample, step = image, step + 1
            yield replace(last, step=step, stage=f"sample {index + 1}", extra=_std(squares, index, unit))
        # About the mean of the regression, which is nearer to that of the posterior than the mean of a few samples.
        squares = squares + (sample - mean).square()
    yield replace(last, step=step, stage="samples", extra=_std(squares, options.samples, unit))


def _std(squares: Tensor, samples: int, unit: float) -> dict[str, Tensor]:
    """The standard deviation, once there is a sample, in the unit of the volume: what ``unit`` turns it into."""
    return {"std": (squares / samples).sqrt() * unit} if samples else {}


def _groups(turns: int, slices: int) -> list[range]:
    """Positions that are reconstructed together: of few slices all, which is quicker; of many one by one."""
    size = min(turns, max(1, TOGETHER // slices))
    return [range(first, min(first + size, turns)) for first in range(0, turns, size)]


def _reconstructed(net: Unrolled, data: Scaled, turns: Sequence[int], **known: Any) -> Iterator[Tensor]:
    pause = data.operator.on_chunk or (lambda: None)
    batch, window = batch_size(data.back), window_around(data)
    return net.run(data, len(data.y), turns=turns, batch=batch, pause=pause, window=window, **known)


def estimate(
    image: Tensor, step: int, total: int, stage: str, problem: Problem, data: Scaled, chosen: dict[str, Any]
) -> Estimate:
    """An image in units of the object's maximum as an estimate in those of the scan, with what the data say of it.

    Parameters
    ----------
    image : Tensor, shape (slices, y, x)
    step, total : int
    stage : str
    problem : Problem
    data : Scaled
        The same in units of the object's maximum.
    chosen : dict
        See :class:`Estimate`.

    Returns
    -------
    Estimate
    """
    volume = image * data.top
    y, weights = measured(problem)
    scalars = {"data_residual": relative(problem.operator(volume) - y, y, weights), "scale": data.top}
    return Estimate(volume, step, total, stage, scalars, None, chosen)


def _beside(options: UnrolledOptions, size: Size) -> int:
    """A network that is read, or at work on a batch; gradients of all stages where it is tuned; further positions."""
    together = len(_groups(TURNS if options.symmetries else 1, size.slices)[0])
    held = max(LOADING, int(LARGER * batch_bytes(size))) + int((together - 1) * size.slices * COPIED * size.image)
    if options.finetune:
        held += TUNING_BYTES * SLICES * (size.grid // coarseness(size.grid)) ** 2
    return held


def _lighter(options: UnrolledOptions, part: float) -> UnrolledOptions:
    """Fewer samples and less fine-tuning; with a small part, one position in place of 8."""
    less = {name: round(part * getattr(options, name)) for name in ("samples", "finetune")}
    return options.taking({**less, "symmetries": options.symmetries and part > ONE_POSITION})


def _cost(problem: Problem, options: UnrolledOptions) -> float:
    """Passes through the network; a step of the fine-tuning takes as long as four."""
    once = TURNS if options.symmetries else 1
    return _tuning_cost(problem, options) + once + options.samples * options.steps


def _tuning_cost(problem: Problem, options: UnrolledOptions) -> float:
    return 4.0 * options.finetune / coarseness(problem.operator.grid) ** 2


PACING = Pacing(_lighter, _cost, lambda options: _lighter(options, 0.0))
"""How less is done within a time budget."""


METHOD = Method(
    name="unrolled",
    title="Unrolled network",
    family="supervised",
    summary="Networks and data steps trained end to end: seconds; teach it your own sample by a dense scan.",
    source="After Aggarwal et al., IEEE TMI 2019 (MoDL) and Terris et al., 2025 (RAM: Krylov directions as channels)",
    options=UnrolledOptions,
    solve=solve,
    tune=tune,
    effort=lambda problem, options: Effort(tuning=0.2 / (1 + options.finetune)),
    needs=frozenset({"weights"}),
    missing=missing_weights(available()[0], "`fewview train unrolled --kind materials`"),
    buffers=(BUFFERS, 8.0),
    beside=_beside,
    halo=4,  # each stage sees one neighbour on either side
    resumable=False,
    presets={"draft": {"symmetries": False}, "best": {"finetune": 24}},
    pacing=PACING,
)
