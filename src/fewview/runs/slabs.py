"""One reconstruction under way: the method run over all slices, or slab by slab where memory is short."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..errors import MethodUnavailable, NotEnoughMemory, OptionError, Stopped
from ..methods.interface import Estimate, Method, Settled, Tuning
from ..methods.mapped import mapped
from ..methods.registry import require_method
from ..options import Options
from ..scan import LineIntegrals
from . import memory
from .bright_parts import TooWeak, too_weak
from .problem import resolve_device, set_up, squares

MEASURING_SHARE = 0.2  # of the time may go into data_residual and heldout_error
BLOCK = 16  # slices that the brightest parts are looked for in at a time, beside the whole volume
GRACE = 0.25  # seconds that a stop leaves a step to come to its end
Sums = dict[str, tuple[float, float]]
_INNER = "method."  # marks the method's own state within that of a run by slabs
_EXTRA = "extra."  # and the further volumes of the slabs that are finished


class SlabRun:
    """Line integrals, a method and its options, checked and ready: iterate to run it.

    The parameters are those of :func:`fewview.reconstruct`, and the errors too; they are raised here. The method may be
    one that is not registered. With ``goes_on``, a stop takes a moment longer where that brings the run to an estimate
    that it can go on from.

    Attributes
    ----------
    method : Method
    options : Options
        Complete, defaults filled in.
    device : torch.device
    setup : Setup
    forecast : Forecast
        Memory at the peak, all slices at once.
    slabs : list of (start, stop)
        One when everything fits.
    halo : int
        Slices around a slab that are reconstructed with it and then cut off.
    goes_on_from : Estimate or None
        After a stop, what the run can go on from. None where the stop cut a step short: methods work on their state in
        place, and that of the last estimate is no longer what it was.
    finished : Estimate or None
        The last one at which whole slabs, or the tuning before them, were finished: it stays what it is.
    """

    def __init__(
        self,
        lines: LineIntegrals,
        method: str | Method[Any],
        options: Mapping[str, Any],
        *,
        auxiliary: ArrayLike | None = None,
        holdout: float = 0.0,
        device: str = "auto",
        seed: int = 0,
        resume: Mapping[str, Any] | None = None,
        stop: Callable[[], bool] | None = None,
        goes_on: bool = False,
    ) -> None:
        self.method = require_method(method, options) if isinstance(method, str) else method
        self.options = self.method.options.parse(options)
        self.device = resolve_device(device)
        if "aux" in self.method.needs and auxiliary is None:
            raise OptionError(
                f"'{self.method.name}' needs an X-ray volume of the sample.", "Give it with --aux VOLUME."
            )
        if "gpu" in self.method.needs and self.device.type == "cpu":
            raise MethodUnavailable(
                f"'{self.method.name}' needs a CUDA device, and there is none.", "See `fewview doctor`."
            )
        self.setup = set_up(lines, auxiliary=auxiliary, holdout=holdout, device=self.device, seed=seed)
        self.forecast = memory.forecast(self.method, self.options, self.setup)
        neighbours = self.method.neighbours(self.options)
        self.halo = neighbours or 0
        budget = memory.may_be_used(str(self.device))
        self.slabs = memory.slabs(self.forecast, self.method, neighbours, budget, lines.rows_per_slice)
        self._binned = lines.rows_per_slice
        self._in_pairs = self.forecast.fitting(budget) > 1
        self._resume = resume
        self._stop = stop
        self._goes_on = goes_on and self.method.resumable
        self._begun = False  # whether there is an estimate whose state matters
        self._asked: float | None = None  # when the stop was first seen
        self.goes_on_from: Estimate | None = None
        self.finished: Estimate | None = None
        self._done = 0.0

    def __iter__(self) -> Iterator[Estimate]:
        """Run; ends early, without an error, once ``stop`` returns true."""
        self.setup.on_chunk(self._cut_short_if_stopped)
        runs = self._by_slabs() if len(self.slabs) > 1 or "slab" in (self._resume or {}) else self._whole()
        try:
            for estimate in runs:
                self._begun = True
                self._done = max(self._done, estimate.fraction)  # a bar never goes back
                yield replace(estimate, done=self._done)
                if self._stopped():
                    self.goes_on_from = self._with_state(estimate, runs)
                    return
        except Stopped:
            return
        finally:
            self.setup.on_chunk(None)

    def tune(self) -> Tuning[Options]:
        """Settle what the options leave on "auto", without reconstructing."""
        self.setup.on_chunk(self._cut_short_if_stopped)
        try:
            return (yield from self.method.tuned(self.setup.problem(0, self.setup.slices), self.options))
        finally:
            self.setup.on_chunk(None)

    def measure(self, volume: ArrayLike) -> dict[str, float]:
        """``data_residual``, and ``heldout_error`` where views are held out, of a whole volume (slices, y, x)."""
        values = np.asarray(volume, dtype=np.float32)
        total: Sums = {}
        for start, stop in self.slabs:
            total = _added(total, self._sums(torch.from_numpy(values[start:stop]), start, stop))
        return _errors(total)

    def too_weak(self, volume: ArrayLike) -> TooWeak | None:
        """Where the brightest parts of a whole volume (slices, y, x) come out too weak; see :mod:`.bright_parts`."""
        total = self.setup.slices
        blocks = (slice(start, min(start + BLOCK, total)) for start in range(0, total, BLOCK))
        parts = ((block.start, self.setup.used.views(block)) for block in blocks)
        return too_weak(parts, torch.from_numpy(np.asarray(volume, dtype=np.float32)))

    def _whole(self) -> Iterator[Estimate]:
        for estimate in self._measured(self._resume, self.options, 0, self.setup.slices, {}):
            extra = {name: _own(volume) for name, volume in estimate.extra.items()}
            yield replace(estimate, volume=_own(estimate.volume), extra=extra)

    def _by_slabs(self) -> Iterator[Estimate]:
        """Each slab from start to end; the volume handed out grows by a slab at a time.

        Within a slab the estimates share one array with the slabs finished so far: copying the whole volume at
        every step would cost more than the steps. A finished slab brings a fresh copy.
        """
        done = np.zeros((self.setup.slices, *self.setup.used.operator.domain_shape), dtype=np.float32)
        extra: dict[str, NDArray[np.float32]] = {}
        sums: Sums = {}
        first, inner = 0, None
        if self._resume is None:
            settled = yield from self._settled()
            options, chosen = settled.options, dict(settled.chosen)
            begun = self._slab_state(0, done, extra, sums, options, chosen, {})
            self.finished = Estimate(done, 0, len(self.slabs), "settled", state=begun)
        else:
            first, sums, options, inner = self._restored(self._resume, done)
            chosen = dict(self._resume["chosen"])
            extra = {name.removeprefix(_EXTRA): _own(v) for name, v in self._resume.items() if name.startswith(_EXTRA)}
        for index in range(first, len(self.slabs)):
            start, stop = self.slabs[index]
            shown, last, current = done.copy(), None, None
            for last in self._measured(inner, options, start, stop, sums):
                current = _own(last.volume)
                state = None  # at its last step the estimate of the finished slab, which follows, has it
                if last.state is not None and last.step < last.total:
                    state = self._slab_state(index, done, extra, sums, options, chosen, last.state)
                yield replace(
                    last,
                    volume=shown,
                    step=index * last.total + last.step,
                    total=len(self.slabs) * last.total,
                    stage=f"{last.stage}, {self._rows(start, stop)}",
                    state=state,
                    extra={},
                    kept="intermediate",
                    shows=self._so_far(start),
                    done=(index + last.fraction) / len(self.slabs),
                )
            if last is None:
                raise RuntimeError(f"The method '{self.method.name}' gave no estimate.")
            done[start:stop] = current
            for name, volume in last.extra.items():
                values = _own(volume)
                part = scaled_slices(slice(start, stop), stop - start, len(values))
                shape = (part.stop - part.start) * len(done) // (stop - start), *values.shape[1:]
                extra.setdefault(name, np.zeros(shape, np.float32))[part] = values
            sums = _added(sums, self._sums(torch.as_tensor(current), start, stop))
            inner = None
            state = self._slab_state(index + 1, done, extra, sums, options, chosen, {})
            self.finished = Estimate(
                volume=done.copy(),
                step=(index + 1) * last.total,
                total=len(self.slabs) * last.total,
                stage=f"{self._rows(start, stop)} done",
                scalars={**last.scalars, **_errors(sums)},
                state=state,
                chosen={**chosen, **last.chosen},
                extra={name: volume.copy() for name, volume in extra.items()},
                shows=self._so_far(stop),
            )
            yield self.finished

    def _settled(self) -> Generator[Estimate, None, Settled[Any]]:
        """Settle what is "auto" once, before there are slabs; methods do so on central slices of the whole run.

        Raises
        ------
        NotEnoughMemory
            With what was chosen the slices hang together, and may not be cut.
        """
        start, stop = self.slabs[0]
        low, high = self._with_halo(start, stop)
        problem = self.setup.problem(low, high)
        effort = self.method.effort(problem, self.options)
        share = effort.tuning / (effort.tuning + effort.solving * len(self.slabs))
        shown = np.zeros((self.setup.slices, *self.setup.used.operator.domain_shape), dtype=np.float32)

        def in_its_place(estimate: Estimate) -> Estimate:
            shown[low:high] = _own(estimate.volume)
            return replace(estimate, volume=shown, state=None, extra={}, done=share * estimate.fraction)

        settled = yield from mapped(in_its_place, self.method.tuned(problem, self.options))
        if self.method.neighbours(settled.options) is None:
            raise NotEnoughMemory(
                f"The run needs {self.forecast}, and with what '{self.method.name}' chose its slices hang together.",
                f"Reconstruct fewer rows at a time (--rows A:B), bin (--bin {2 * self._binned}), or set what was "
                "left on auto: of a diffusion method, --set adaptation=none treats slices apart.",
            )
        return settled

    def _with_halo(self, start: int, stop: int) -> tuple[int, int]:
        """The slices that are worked on for those of a slab."""
        low, high = max(0, start - self.halo), min(self.setup.slices, stop + self.halo)
        if high - low == 1 and self._in_pairs:  # products with one slice alone are rounded in another way
            return (low - 1, high) if low > 0 else (low, min(self.setup.slices, high + 1))
        return low, high

    def _rows(self, start: int, stop: int) -> str:
        """Slices by their rows of the detector, as they were chosen."""
        rows = self.setup.rows
        return f"rows {rows[start]} to {rows[stop - 1] + rows.step - 1}"

    def _so_far(self, stop: int) -> str:
        """What a volume that is finished up to a slice holds."""
        total = self.setup.slices
        if stop >= total:
            return ""
        return f"while its slices were being reconstructed: {stop} of {total} are done, the others are empty"

    def _measured(
        self, state: Mapping[str, Any] | None, options: Any, start: int, stop: int, before: Sums
    ) -> Iterator[Estimate]:
        """Estimates of some slices, with the errors of these and of the slabs before."""
        due = 0.0
        for estimate in self._within_halo(state, options, start, stop):
            # On the way a method's own residual will do; the last one is measured alike for all methods.
            told = self.setup.held_out is None and "data_residual" in estimate.scalars
            now = time.monotonic()
            if estimate.step >= estimate.total or (now >= due and not told):
                sums = self._sums(torch.as_tensor(estimate.volume), start, stop)
                estimate = replace(estimate, scalars={**estimate.scalars, **_errors(_added(before, sums))})
                due = time.monotonic() + (time.monotonic() - now) / MEASURING_SHARE
            yield estimate

    def _within_halo(self, state: Mapping[str, Any] | None, options: Any, start: int, stop: int) -> Iterator[Estimate]:
        """Estimates of some slices; the slices around them are worked on, too, and cut off."""
        low, high = self._with_halo(start, stop)
        for estimate in self.method.run(self.setup.problem(low, high, state), options):
            own = slice(start - low, stop - low)
            extra = {
                name: volume[scaled_slices(own, high - low, len(volume))] for name, volume in estimate.extra.items()
            }
            yield replace(estimate, volume=estimate.volume[own], extra=extra)

    def _sums(self, volume: torch.Tensor, start: int, stop: int) -> Sums:
        sums = {"data_residual": squares(self.setup.used.views(slice(start, stop)), volume)}
        if self.setup.held_out is not None:
            sums["heldout_error"] = squares(self.setup.held_out.views(slice(start, stop)), volume)
        return sums

    def _slab_state(
        self,
        index: int,
        done: NDArray[Any],
        extra: Mapping[str, NDArray[Any]],
        sums: Sums,
        options: Any,
        chosen: Mapping[str, Any],
        inner: Mapping[str, Any],
    ) -> dict[str, Any]:
        return {
            "slab": index,
            "slabs": [list(slab) for slab in self.slabs],
            "done": done,
            "sums": {name: list(pair) for name, pair in sums.items()},
            "options": options.model_dump(mode="json"),
            "chosen": dict(chosen),
            **{_INNER + key: value for key, value in inner.items()},
            **{_EXTRA + name: volume for name, volume in extra.items()},
        }

    def _restored(self, state: Mapping[str, Any], done: NDArray[Any]) -> tuple[int, Sums, Any, dict[str, Any] | None]:
        if "slab" not in state:
            raise OptionError("The checkpoint is of a run in one piece, this one goes slab by slab.", "Start anew.")
        self.slabs = [(start, stop) for start, stop in state["slabs"]]
        done[:] = np.asarray(state["done"])
        sums = {name: (top, bottom) for name, (top, bottom) in state["sums"].items()}
        inner = {key.removeprefix(_INNER): value for key, value in state.items() if key.startswith(_INNER)}
        return int(state["slab"]), sums, type(self.options).parse(state["options"]), inner or None

    def _stopped(self) -> bool:
        return self._stop is not None and self._stop()

    def _with_state(self, estimate: Estimate | None, runs: Iterator[Estimate]) -> Estimate | None:
        """The first estimate from this one on that the run can go on from, unless that takes long."""
        self._asked = self._asked or time.monotonic()
        while self._goes_on and estimate is not None and estimate.state is None:
            if time.monotonic() - self._asked > GRACE:
                return None
            estimate = next(runs, None)
        return estimate if estimate is not None and estimate.state is not None else None

    def _cut_short_if_stopped(self) -> None:
        """Called within long applications: end the step, unless it may yet end by itself, its state whole."""
        if not self._stopped():
            return
        now = time.monotonic()
        self._asked = self._asked or now
        if not self._begun or now - self._asked > GRACE:
            raise Stopped


def scaled_slices(part: slice, of: int, slices: int) -> slice:
    """The same part of a volume of ``slices`` slices that is a whole number of times as fine as one of ``of``.

    Parameters
    ----------
    part : slice
        Of the coarse volume.
    of : int
        Its slices.
    slices : int
        Of the finer volume.

    Returns
    -------
    slice
        Of the finer volume.
    """
    finer = slices // of
    return slice(part.start * finer, part.stop * finer)


def _own(volume: Any) -> NDArray[np.float32]:
    """A copy in host memory."""
    if isinstance(volume, torch.Tensor):
        volume = volume.detach().cpu().numpy()
    return np.array(volume, dtype=np.float32, order="C")


def _added(first: Sums, second: Sums) -> Sums:
    return {name: tuple(np.add(first.get(name, (0.0, 0.0)), pair).tolist()) for name, pair in second.items()}


def _errors(sums: Sums) -> dict[str, float]:
    return {name: float(np.sqrt(top / bottom)) for name, (top, bottom) in sums.items() if bottom > 0}
