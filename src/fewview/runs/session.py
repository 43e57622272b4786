"""A recipe carried out: scan file in; estimates, then the final volume and its record, out."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FewviewError, Stopped
from ..io.volume_out import PER_MM, PER_PIXEL
from ..io.write_volume import check_output
from ..methods.interface import Estimate
from ..methods.registry import guided_names, require_method
from ..quality import data_range, psnr, ssim
from ..quality.arrays import require_finite
from ..registration import RegistrationOptions
from .auxiliary import registered_volume
from .checkpoint import Checkpointer, checkpoint_path
from .field_of_view import field_of_view_notes
from .inputs import chosen_scan, fitting_volume, prepared, require_structure
from .kept import holds, kept_of, made_of
from .recipe import Recipe
from .record import files_of, peak_memory_mb, plain, sha256, versions
from .result import Result
from .slabs import SlabRun

if TYPE_CHECKING:
    from ..scan import LineIntegrals, Scan


@dataclass(frozen=True)
class SettledRecipe:
    """A recipe with nothing left on "auto", and what was chosen on the way with the curves that decided."""

    recipe: Recipe
    chosen: Mapping[str, Any]


EMPTY = 0.99
"""Part of the data that is left unexplained, from which on a volume is no better than an empty one, which leaves 1."""


class RecipeSession:
    """One run of a recipe: iterate for the estimates, then :meth:`finish` for what is kept.

    Parameters
    ----------
    recipe : Recipe
    output : path, optional
        Where the volume will be written; looked at before the work begins. The checkpoint lies beside it.
    resume : bool
        Go on from the checkpoint beside ``output``, if there is one.
    stop : callable, optional
        Once true, the run ends and the last estimate is what :meth:`finish` keeps.
    bits : {32, 16}
        Of the output.
    say : callable, optional
        Told in two or three words what goes on before the first estimate.
    prepare : callable
        Gives the line integrals of the recipe; by default they are read and prepared anew. What it calls now and then
        ends it once ``stop`` is true.

    Raises
    ------
    FewviewError
        Whatever is wrong with the recipe, its files or the output: before anything is reconstructed.
    Stopped
        While the projections were being prepared.
    """

    def __init__(
        self,
        recipe: Recipe,
        output: str | Path | None = None,
        *,
        resume: bool = False,
        stop: Callable[[], bool] | None = None,
        bits: int = 32,
        say: Callable[[str], None] = lambda text: None,
        prepare: Callable[[Recipe, Scan, Callable[[], None]], LineIntegrals] = prepared,
    ) -> None:
        self.recipe = recipe
        self.last: Estimate | None = None  # a first look that was shown before may be set here: a stop then keeps it
        self.started = datetime.now(UTC)
        self.timings: dict[str, float] = {}
        self._assumed: list[str] = []
        self._stop = stop or (lambda: False)
        self._say = say
        clock = time.monotonic()
        say("reading the scan")
        scan = chosen_scan(recipe)  # metadata only: the cheapest mistakes first
        named = [recipe.scan, recipe.auxiliary, recipe.reference]
        self._inputs = (*scan.paths, *(Path(p) for p in named if p is not None))
        if output is not None:
            size = 4 * scan.geometry.rows * scan.geometry.grid**2
            check_output(output, size, self._inputs, bits)
        require_method(recipe.method, recipe.options).options.parse(recipe.options)
        self._files = files_of(scan.paths)
        pool = ThreadPoolExecutor(1)
        self._digest: Future[str] = pool.submit(sha256, self._files)  # while the run goes on
        pool.shutdown(wait=False)
        say("preparing the projections")
        self.lines = prepare(recipe, scan, self._look)
        clock = self._lap("prepare", clock)
        self.reference = None if recipe.reference is None else self._reference(recipe.reference)  # and its data range
        clock = time.monotonic()
        auxiliary, self.registration = self._auxiliary()
        clock = self._lap("auxiliary", clock)
        self.checkpoint: Checkpointer | None = None
        self._finished: Estimate | None = None
        state = None
        if output is not None:
            self.checkpoint = Checkpointer(checkpoint_path(output), recipe, self._digest.result)
            state = self.checkpoint.load() if resume else None
        self.resumed = state is not None
        say("setting up")
        self.reconstruction = SlabRun(
            self.lines,
            recipe.method,
            recipe.options,
            auxiliary=auxiliary,
            holdout=recipe.holdout,
            device=recipe.device,
            seed=recipe.seed,
            resume=state,
            stop=self._stop,
            goes_on=self.checkpoint is not None,
        )
        self._lap("set_up", clock)

    def __iter__(self) -> Iterator[Estimate]:
        """Run, saving checkpoints on the way."""
        clock = time.monotonic()
        try:
            for estimate in self.reconstruction:
                self.last = estimate
                if self.checkpoint is not None and self.checkpoint.due(estimate):
                    self._save(estimate)
                yield estimate
        finally:
            self._lap("reconstruct", clock)

    def tune(self) -> Generator[Estimate, None, SettledRecipe]:
        """Settle what the recipe leaves open, without reconstructing."""
        settled = yield from self.reconstruction.tune()
        options = plain(settled.options.changes())
        axis = {"axis": self._axis(), "axis_origin": str(self.lines.provenance.get("axis", "")) or None}
        values = {**self.recipe.compact(), **(axis if axis["axis"] is not None else {}), "options": options}
        return SettledRecipe(Recipe.parse(values), plain(settled.chosen))

    def _look(self) -> None:
        if self._stop():
            raise Stopped

    def _axis(self) -> float | None:
        """Column of the unbinned detector, as --axis takes it."""
        axis, factor = self.lines.geometry.axis, self.recipe.bin
        return None if axis is None else axis * factor + (factor - 1) / 2

    @property
    def stopped(self) -> bool:
        """Whether the user ended the run before its end."""
        last = self.last
        return self._stop() and last is not None and (last.kept == "start" or last.fraction < 1)

    def finish(self, quick: bool = False) -> Result:
        """The last estimate, measured, with the record of the run.

        Parameters
        ----------
        quick : bool
            Of a stopped run: leave out what takes time on a large scan (scores, errors that no step has told, a
            digest of the input that is not ready), for somebody waits for the stop.

        Raises
        ------
        Stopped
            Before there was an estimate worth keeping.
        """
        last = self.last
        if last is None or not np.any(last.volume):
            if self._stop():
                raise Stopped
            if last is None:
                raise FewviewError("The run gave no estimate.", "Start anew, without --resume.")
        if not np.isfinite(last.array).any():
            raise FewviewError(
                f"The run diverged: not one value of the volume of '{self.recipe.method}' is a number.",
                "Set its options back towards their defaults; nothing was written.",
            )
        if self.stopped:
            self._save_last()
        return Result(
            last.array,
            self.lines.geometry.voxel,
            plain(self._record(last, quick)),
            {name: np.asarray(volume) for name, volume in last.extra.items()},
            self._inputs,
        )

    @property
    def notes(self) -> list[str]:
        """What a user should know of the scan and of the other volumes, before the run and in its record."""
        learned = "weights" in self.reconstruction.method.needs
        return [*self.lines.notes, *self._assumed, *field_of_view_notes(self.lines, learned)]

    def done(self) -> None:
        """The result is safe on disk: the checkpoint of a run that came to its end has done its work."""
        if self.checkpoint is not None and not self.stopped:
            self.checkpoint.remove()

    def _save_last(self) -> None:
        """What was stopped can go on: from where it is, from finished slabs, or from the checkpoint before."""
        run = self.reconstruction
        if run.goes_on_from is not None:
            self._save(run.goes_on_from)
        elif run.finished is not None and run.finished is not self._finished:
            self._save(run.finished)

    def _save(self, estimate: Estimate) -> None:
        """A checkpoint that cannot be written must not end the run that it protects."""
        if self.checkpoint is None:
            return
        self._finished = self.reconstruction.finished  # was finished by then: this checkpoint is no older
        try:
            self.checkpoint.save(estimate)
        except FewviewError as error:
            self._say(f"no checkpoints: {error}")
            self.checkpoint = None

    def _record(self, last: Estimate, quick: bool) -> dict[str, Any]:
        recipe, geometry, run = self.recipe, self.lines.geometry, self.reconstruction
        stopped = self.stopped
        known = {name: last.scalars[name] for name in ("data_residual", "heldout_error") if name in last.scalars}
        # The last estimate of a run that came to its end has been measured already.
        # A trial's residual is that of its own small problem.
        errors = (
            known if known and (quick or not stopped) and not last.shows else {} if quick else run.measure(last.volume)
        )
        measured = {"data_residual": None, "heldout_error": None, **errors}
        return {
            "method": recipe.method,
            "options": run.options.model_dump(mode="json"),
            "chosen": {
                **last.chosen,
                **_without_number(last.array),
                **_unexplained(measured["data_residual"]),
                **({} if stopped else self._too_weak(last.array)),
            },
            "kept": kept_of(last, stopped),
            "stage": last.stage,
            "holds": holds(run.method, last, stopped),
            "made_of": "" if stopped else made_of(run.method, run.options, last.chosen, last.step),
            "steps": last.step,
            "steps_planned": last.total,
            "stopped": stopped,
            "resumed": self.resumed,
            "seconds": self.timings.get("reconstruct", 0.0),
            "timings": self.timings,
            "started": self.started.isoformat(timespec="seconds"),
            "peak_memory_mb": peak_memory_mb(str(run.device)),
            "memory_forecast_mb": run.forecast.total / 1e6,
            "slabs": len(run.slabs),
            "device": str(run.device),
            "operator": run.setup.used.operator.label,
            "seed": recipe.seed,
            "views": geometry.views,
            "views_held_out": run.setup.views_held_out,
            "angles_deg": np.degrees(geometry.angles),
            "axis": self._axis(),
            "axis_origin": str(self.lines.provenance.get("axis", "")),
            "geometry": geometry.record(),
            "unit": PER_PIXEL if geometry.pixel is None else PER_MM,
            "shape": last.volume.shape,
            "extra_volumes": list(last.extra),
            "psnr": None,
            "ssim": None,
            **({} if quick else self._scores(last.array)),
            **measured,
            "scalars": {**last.scalars, **measured},
            "registration": self.registration,
            "preparation": self.lines.steps,
            "masked": self.lines.masked,
            "provenance": {name: str(origin) for name, origin in self.lines.provenance.items()},
            "notes": self.notes,
            "input": [str(path.resolve()) for path in self.lines.paths],
            "input_sha256": self._digest.result() if not quick or self._digest.done() else None,
            "versions": versions(),
            "recipe": recipe.compact(),
            "command": recipe.as_command(),
        }

    def _too_weak(self, volume: NDArray[Any]) -> dict[str, Any]:
        """Where strongly attenuating parts show less than was measured: of a result, for a stop cannot help it."""
        found = self.reconstruction.too_weak(volume) if np.isfinite(volume).all() else None
        if found is None:
            return {}
        z, y, x = found.at
        return {"too_weak": {**found._asdict(), "at": [self.lines.detector_rows[z], y, x]}}

    def _scores(self, volume: NDArray[Any]) -> dict[str, float | None]:
        if self.reference is None or not np.isfinite(volume).all():  # what diverged is written all the same
            return {}
        truth, scale = self.reference
        return {"psnr": psnr(volume, truth, value_range=scale), "ssim": ssim(volume, truth, value_range=scale)}

    def _auxiliary(self) -> tuple[NDArray[np.float32] | None, Mapping[str, Any] | None]:
        """The X-ray volume on the grid, and how it was registered: now, or when its file was written."""
        recipe = self.recipe
        if recipe.auxiliary is None:
            return None, None
        if recipe.registration is None:
            values, volume, note = fitting_volume(recipe.auxiliary, "auxiliary volume", recipe, self.lines, self._look)
            self._assumed += [note] if note else []
            self._look_at(values)
            return values, (volume.attrs.get("record") or {}).get("registration")
        values, _, found = registered_volume(
            recipe.auxiliary,
            self.lines,
            RegistrationOptions.parse(recipe.registration),
            first_row=recipe.rows[0] if recipe.rows is not None else 0,
            bin=recipe.bin,
            device=recipe.device,
            seed=recipe.seed,
            say=self._say,
            stop=self._stop,
        )
        self._look_at(values)
        return values, found.to_json()

    def _look_at(self, xray: NDArray[np.float32]) -> None:
        """A method that takes the X-ray volume needs one that shows something; of another one says that it does not."""
        method, path = self.recipe.method, str(self.recipe.auxiliary)
        if "aux" in require_method(method, self.recipe.options).needs:
            require_structure(xray, path)
        else:
            *others, last = guided_names()
            guided = f"{', '.join(others)} and {last}"
            self._assumed.append(f"'{method}' makes no use of the X-ray volume {path}; {guided} do.")

    def _reference(self, path: str) -> tuple[NDArray[np.float32], float]:
        """The reference on the grid, and the range of its file: binning and rows then do not change the scale in dB."""
        values, volume, note = fitting_volume(path, "reference", self.recipe, self.lines, self._look)
        self._assumed += [note] if note else []
        unit = PER_PIXEL if self.lines.geometry.pixel is None else PER_MM
        said = volume.attrs.get("unit")
        if said in (PER_MM, PER_PIXEL) and said != unit:
            size = "the pixel size with --pixel, or " if unit == PER_PIXEL else ""
            raise FewviewError(
                f"The reference {path} is in '{said}', the reconstruction will be in '{unit}'.",
                f"Give {size}a reference in the same unit.",
            )
        require_finite(values, "reference")  # after the hours of work it would be too late to say so
        scale = data_range(volume.values)
        if unit == PER_PIXEL and values.shape[-1] != volume.values.shape[-1]:  # the pixels of the volume are larger
            values, scale = values * np.float32(self.recipe.bin), scale * self.recipe.bin
        return values, scale

    def _lap(self, name: str, since: float) -> float:
        now = time.monotonic()
        self.timings[name] = now - since
        return now


def _without_number(volume: NDArray[Any]) -> dict[str, int]:
    """How many values of a volume are no numbers, where there are such: what diverged in part is kept, and told."""
    bad = int(volume.size - np.count_nonzero(np.isfinite(volume)))
    return {"values_without_number": bad} if bad else {}


def _unexplained(residual: float | None) -> dict[str, float]:
    """The part of the data that is left, where an empty volume would leave no more."""
    return {"unexplained_data": residual} if residual is not None and residual >= EMPTY else {}
