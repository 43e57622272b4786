"""What a method is: a generator of estimates, an options model, and a few facts about itself.

A method author writes one function ``solve(problem, options)`` that yields :class:`Estimate`, for options left on
"auto" another one, ``tune(problem, options)``, that settles them, and one :class:`Method` that describes both; an entry
point in the group ``fewview.methods`` makes it appear in the command line and in the viewer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..options import Options
from .budget import Pacing, afforded
from .mapped import mapped
from .size import Size

if TYPE_CHECKING:
    import torch

    from ..operators import Operator

Family = Literal["classical", "diffusion", "supervised", "fields", "external"]
Need = Literal["aux", "weights", "gpu"]
Kept = Literal["result", "intermediate", "start"]
OptionsT = TypeVar("OptionsT", bound=Options)
SETTLED = "settled"
"""Under this name the state of a run holds the options that were settled, so that a resumed run does not tune again."""


@dataclass(frozen=True, eq=False)
class Views:
    """Measured views and the operator that models them.

    Parameters
    ----------
    operator : Operator
        ``A``: volume (slices, y, x) in mm^-1 (or per pixel) -> line integrals (slices, angles, columns).
    data : Tensor, shape (slices, angles, columns)
    weights : Tensor, same shape, optional
        Inverse variances up to a factor, mean 1 over the usable pixels; 0 where a pixel is unusable.
    """

    operator: Operator
    data: torch.Tensor
    weights: torch.Tensor | None = None


class Stack(Protocol):
    """All slices of a run, of which a problem may hold some."""

    @property
    def slices(self) -> int:
        """How many there are."""
        ...

    def some(self, places: Sequence[int]) -> Problem:
        """The problem of some of them, in the order given."""
        ...


@dataclass(frozen=True, eq=False)
class Problem(Views):
    """All that a method may use: the views it is given, and nothing of a ground truth.

    Parameters
    ----------
    auxiliary : Tensor, shape (slices, y, x), optional
        X-ray volume on the grid of the reconstruction.
    seed : int
        Of every random choice.
    state : mapping, optional
        What an earlier run of the same method left in :attr:`Estimate.state`; the method goes on from there,
        and on a CPU ends bit-equal to an uninterrupted run.
    first_slice : int
        Number of its first slice in the run: random numbers are drawn per slice of the run, so that they do not depend
        on how it is cut (:class:`fewview.methods.slices.SliceNoise`).
    stack : Stack, optional
        The run that its slices are a part of; None where they are all. What holds for a whole run, as a choice or the
        level of the noise, is found on :func:`fewview.methods.slices.central` slices of it.
    rows : range, optional
        The detector row that each slice of the run begins at: words name slices by it, as the user chose them.
    """

    auxiliary: torch.Tensor | None = None
    seed: int = 0
    state: Mapping[str, Any] | None = None
    first_slice: int = 0
    stack: Stack | None = None
    rows: range | None = None


@dataclass(frozen=True, eq=False)
class Estimate:
    """One state of a running reconstruction.

    Parameters
    ----------
    volume : Tensor or array, shape (slices, y, x)
        Of a running method: valid until the generator is asked for the next one. From
        :func:`fewview.reconstruct`: a float32 array of your own.
    step, total : int
        Steps done and steps planned, over all stages.
    stage : str
        What is going on, in two or three words ("iterating", "choosing the weight").
    scalars : mapping of str to float
        Numbers worth plotting: "objective", "data_residual", "heldout_error", "own_error", ...
    state : mapping of str to tensors or numbers, optional
        Enough to go on from here. Held by reference: saved at once or not at all.
    chosen : mapping
        What became of options left on "auto", by option name, and the curve that decided ("weight_curve": pairs of
        weight and held-out error), or in words ("weights_rule") what did where nothing was compared. Numbers,
        strings and lists only: it goes into the run record.
    extra : mapping of str to tensor or array, shape of the volume or a whole number of times as fine
        Further volumes in its unit: "std", how far posterior samples scatter; "finer", a field on more voxels. Valid as
        long as the volume; of a run by slabs, those of the slabs that are finished, when one is. The command line
        writes them beside the volume.
    kept : {"intermediate", "start", "result"}
        What a run that is stopped at this estimate keeps: "intermediate", a volume of the method on its way, or
        "start", an image that is not the method's own. The last estimate of a run that comes to its end is the
        "result", whatever it says here.
    shows : str
        What the volume is where it is not what the method's name promises: "CGLS, 56 steps" of a start, "while its
        weight was being chosen: weight 0.0014" of a trial. It follows the words "starting image:" or the method's name.
    done : float, optional
        Part of the work of the whole run that is done, 0 to 1, all stages counted; step / total when not given.
    place : pair of int
        Number of the stage, from 1 on, and how many there are (:class:`fewview.methods.stages.Stages` counts them).
    """

    volume: torch.Tensor | NDArray[np.float32]
    step: int
    total: int
    stage: str = ""
    scalars: Mapping[str, float] = field(default_factory=dict)
    state: Mapping[str, Any] | None = None
    chosen: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, torch.Tensor | NDArray[np.float32]] = field(default_factory=dict)
    kept: Kept = "intermediate"
    shows: str = ""
    done: float | None = None
    place: tuple[int, int] = (1, 1)

    @property
    def array(self) -> NDArray[np.float32]:
        """The volume as an array; that of a tensor on the CPU, in its memory."""
        return np.asarray(self.volume)

    @property
    def fraction(self) -> float:
        """Part of the work that is done, 0 to 1."""
        done = self.step / self.total if self.done is None and self.total > 0 else self.done
        return min(max(done or 0.0, 0.0), 1.0)


@dataclass(frozen=True)
class Settled(Generic[OptionsT]):
    """What tuning comes to.

    Parameters
    ----------
    options : Options
        None of them is left on "auto": whoever solves with them gets what was meant, on whichever slices.
    chosen : mapping
        For :attr:`Estimate.chosen`: what was asked, what became of it, and the curves that decided.
    state : mapping, optional
        Of the run with these options on the same problem, where it has begun: it goes on from there.
    """

    options: OptionsT
    chosen: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] | None = None


Tuning = Generator[Estimate, None, Settled[OptionsT]]
"""A tuning under way: it yields estimates whose volume is only to look at, and returns what was settled."""


@dataclass(frozen=True)
class Effort:
    """Work that a run is expected to take, in any unit (:func:`fewview.methods.stages.work`): for its progress.

    Parameters
    ----------
    tuning, solving : float
    stages : int
        Of the solving.
    """

    tuning: float = 1.0
    solving: float = 1.0
    stages: int = 1


@dataclass(frozen=True)
class Method(Generic[OptionsT]):
    """Description of a method; ``methods/registry.py`` lists them.

    Parameters
    ----------
    name, title : str
        Name on the command line, and the one shown to people.
    family : {"classical", "diffusion", "supervised", "fields", "external"}
    summary : str
        One sentence: what it does and when to choose it.
    source : str
        Paper or textbook.
    options : type of Options
        Its form, flags, recipe and record in one.
    solve : callable
        ``solve(problem, options)`` -> iterator of :class:`Estimate`, for options of which none is "auto". Yields at
        least every 0.2 s, or applies the operator, whose hook looks at the stop flag, that often.
    tune : callable, optional
        ``tune(problem, options)`` -> generator of :class:`Estimate` that returns :class:`Settled`: settles what is
        "auto", by held-out measurements. Yields as often. Only a method whose options know "auto" has one.
    effort : callable
        ``effort(problem, options)`` -> :class:`Effort`, for options of which some are "auto".
    needs : set of {"aux", "weights", "gpu"}
    missing : callable
        Why the method cannot run on this machine and how to get it; None when it can.
    buffers : pair of float, or callable
        Volumes and sinograms (float32) held at the peak, the data and the estimate included: for the forecast; a
        function of the options where they decide. Ask :meth:`held`.
    beside : callable
        ``beside(options, size)``: bytes held on top of them, for a :class:`Size`: a network's.
    apart : callable
        ``apart(options)``: how many volumes, of those in ``buffers``, are free again while what is ``beside`` is held,
        such as the vectors of a data step while the network is at work.
    matrices : float, or callable
        Stored matrices: 2.2 where the views are applied one by one, which takes more bookkeeping, as well as together.
        A function of the options where they decide; ask :meth:`stored`.
    halo : int, None, or callable
        How many slices on either side a slice depends on, to within 1e-3 of the range: where memory is short, slabs
        are reconstructed with so many more, which are then cut off. 0: slices are treated apart. None: it depends on
        all, so that nothing is cut. A function of the options where they decide; ask :meth:`neighbours`.
    resumable : bool
        Whether its estimates carry a state.
    for_comparison : bool
        Whether it is chosen to compare with what was published rather than for its result: lists show it last.
    presets : mapping
        Options under "draft" and "best" that differ from the defaults; where a preset is missing, the steps are
        scaled (:func:`fewview.methods.presets.preset_options`).
    pacing : Pacing
        How it does less where its options have a time budget (:mod:`fewview.methods.budget`).
    """

    name: str
    title: str
    family: Family
    summary: str
    source: str
    options: type[OptionsT]
    solve: Callable[[Problem, OptionsT], Iterator[Estimate]]
    tune: Callable[[Problem, OptionsT], Tuning[OptionsT]] | None = None
    effort: Callable[[Problem, OptionsT], Effort] = lambda problem, options: Effort()
    needs: frozenset[Need] = frozenset()
    missing: Callable[[], str | None] = lambda: None
    buffers: tuple[float, float] | Callable[[Any], tuple[float, float]] = (4.0, 4.0)
    beside: Callable[[Any, Size], int] = lambda options, size: 0
    apart: Callable[[Any], float] = lambda options: 0.0
    matrices: float | Callable[[Any], float] = 1.0
    halo: int | Callable[[Any], int | None] | None = 0
    resumable: bool = True
    for_comparison: bool = False
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)
    pacing: Pacing = field(default_factory=Pacing)

    def tuned(self, problem: Problem, options: OptionsT) -> Tuning[OptionsT]:
        """Settle what is "auto" and what a budget allows, yielding estimates meanwhile; else return at once."""
        problem = replace(problem, state=None)
        if getattr(options, "budget", None) is not None:
            slices = len(problem.data) if problem.stack is None else problem.stack.slices
            return Settled(*(yield from afforded(self, problem, options, len(problem.data) / slices)))
        if self.tune is None or not options.undecided():
            return Settled(options)
        return (yield from self.tune(problem, options))

    def settles(self, options: OptionsT) -> bool:
        """Whether these options leave anything to :meth:`tuned`."""
        return bool(self.tune is not None and options.undecided()) or getattr(options, "budget", None) is not None

    def settle(self, problem: Problem, options: OptionsT) -> Settled[OptionsT]:
        """:meth:`tuned` to its end: the options with which :attr:`solve` gives what :meth:`run` would."""
        tuning = self.tuned(problem, options)
        while True:
            try:
                next(tuning)
            except StopIteration as end:
                settled: Settled[OptionsT] = end.value
                return settled

    def run(self, problem: Problem, options: OptionsT) -> Iterator[Estimate]:
        """Tune, then solve. What was settled is part of every estimate, and of its state."""
        share, before = 0.0, 0
        if problem.state is not None and SETTLED in problem.state:
            kept = problem.state[SETTLED]
            settled = Settled(self.options.parse(kept["options"]), kept["chosen"])
        elif not self.settles(options):
            settled = Settled(options)
        else:
            effort, before = self.effort(problem, options), 1
            share = effort.tuning / (effort.tuning + effort.solving)
            settled = yield from _as_first_stage(self.tuned(problem, options), share, effort.stages)
            problem = problem if settled.state is None else replace(problem, state=settled.state)
        tells = self.tune is not None or self.settles(options)
        told = {SETTLED: {"options": settled.options.model_dump(mode="json"), "chosen": dict(settled.chosen)}}
        for estimate in self.solve(problem, settled.options):
            state = None if estimate.state is None else {**estimate.state, **(told if tells else {})}
            number, stages = estimate.place
            yield replace(
                estimate,
                state=state,
                chosen={**settled.chosen, **estimate.chosen},
                done=share + (1 - share) * estimate.fraction,
                place=(before + number, before + stages),
            )

    def held(self, options: OptionsT) -> tuple[float, float]:
        """Volumes and sinograms held at the peak with these options."""
        return self.buffers(options) if callable(self.buffers) else self.buffers

    def stored(self, options: OptionsT) -> float:
        """Stored matrices at the peak with these options."""
        return self.matrices(options) if callable(self.matrices) else self.matrices

    def neighbours(self, options: OptionsT) -> int | None:
        """Slices on either side that a slice depends on with these options; None for all of the run."""
        return self.halo(options) if callable(self.halo) else self.halo


def _as_first_stage(tuning: Tuning[OptionsT], share: float, others: int) -> Tuning[OptionsT]:
    """A tuning as the first stage of a run, which takes a share of its work."""
    return mapped(lambda one: replace(one, done=share * one.fraction, place=(1, 1 + others)), tuning)
