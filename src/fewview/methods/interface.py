"""What a method is: a generator of estimates, an options model, and a few facts about itself.

A method author writes one function ``run(problem, options)`` that yields :class:`Estimate`, and one
:class:`Method` that describes it; an entry point in the group ``fewview.methods`` makes it appear in the command
line and in the viewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..options import Options

if TYPE_CHECKING:
    import torch

    from ..operators import Operator

Family = Literal["classical", "diffusion", "supervised", "fields", "external"]
Need = Literal["aux", "weights", "gpu"]
Kept = Literal["result", "intermediate", "start"]


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
    """

    auxiliary: torch.Tensor | None = None
    seed: int = 0
    state: Mapping[str, Any] | None = None


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
        Numbers worth plotting: "objective", "data_residual", "heldout_error", ...
    state : mapping of str to tensors or numbers, optional
        Enough to go on from here. Held by reference: saved at once or not at all.
    chosen : mapping
        What became of options left on "auto", by option name, and the curve that decided ("weight_curve": pairs of
        weight and held-out error). Numbers, strings and lists only: it goes into the run record.
    extra : mapping of str to tensor or array, shape of the volume
        Further volumes in its unit: "std", how far posterior samples scatter. Valid as long as the volume; of a run
        by slabs, those of the slabs that are finished, when one is. The command line writes them beside the volume.
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

    volume: Any
    step: int
    total: int
    stage: str = ""
    scalars: Mapping[str, float] = field(default_factory=dict)
    state: Mapping[str, Any] | None = None
    chosen: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    kept: Kept = "intermediate"
    shows: str = ""
    done: float | None = None
    place: tuple[int, int] = (1, 1)

    @property
    def fraction(self) -> float:
        """Part of the work that is done, 0 to 1."""
        done = self.step / self.total if self.done is None and self.total > 0 else self.done
        return min(max(done or 0.0, 0.0), 1.0)


@dataclass(frozen=True)
class Method:
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
    run : callable
        ``run(problem, options)`` -> iterator of :class:`Estimate`. Yields at least every 0.2 s, or applies the
        operator, whose hook looks at the stop flag, that often.
    needs : set of {"aux", "weights", "gpu"}
    missing : callable
        Why the method cannot run on this machine and how to get it; None when it can.
    buffers : pair of float, or callable
        Volumes and sinograms (float32) held at the peak, the data and the estimate included: for the forecast; a
        function of the options where they decide. Ask :meth:`held`.
    beside : callable
        ``beside(options, grid, device)``: bytes held on top of them, however many slices there are: a network's.
    matrices : float
        Stored matrices: 2.2 where the views are applied one by one, which takes more bookkeeping, as well as together.
    couples_slices : bool or callable
        Whether slices influence each other, so that slabs would change the result; a function of the options where
        they decide. Ask :meth:`couples`.
    halo : int
        Of a method that couples neighbours: where memory is short, slabs are reconstructed with so many slices more
        on either side, which are then cut off. 0: no slice may be missing, so that nothing is cut.
    resumable : bool
        Whether its estimates carry a state.
    presets : mapping
        Options under "draft" and "best" that differ from the defaults; where a preset is missing, the steps are
        scaled (:func:`fewview.methods.presets.preset_options`).
    """

    name: str
    title: str
    family: Family
    summary: str
    source: str
    options: type[Options]
    run: Callable[[Problem, Any], Iterator[Estimate]]
    needs: frozenset[Need] = frozenset()
    missing: Callable[[], str | None] = lambda: None
    buffers: tuple[float, float] | Callable[[Any], tuple[float, float]] = (4.0, 4.0)
    beside: Callable[[Any, int, str], int] = lambda options, grid, device: 0
    matrices: float = 1
    couples_slices: bool | Callable[[Any], bool] = False
    halo: int = 8
    resumable: bool = True
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)

    def held(self, options: Options) -> tuple[float, float]:
        """Volumes and sinograms held at the peak with these options."""
        return self.buffers(options) if callable(self.buffers) else self.buffers

    def couples(self, options: Options) -> bool:
        """Whether slices influence each other with these options."""
        return self.couples_slices(options) if callable(self.couples_slices) else self.couples_slices
