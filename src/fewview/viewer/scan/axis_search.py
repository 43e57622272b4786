"""The axis in the worker process: found in the data, or tried on the slice that is shown."""

from __future__ import annotations

from typing import Any

from ...errors import FewviewError
from ...runs.worker.queued_run import QueuedRun
from ..common.layers import spatial
from ..common.notify import complain
from ..reconstruct.live_view import Shown
from ..reconstruct.run_presenter import failure
from .presenter import ScanPresenter

LAYER = "Axis preview"
FIND, TRY = "fewview.runs.worker.engine:find_axis", "fewview.runs.worker.engine:try_axis"


class AxisSearch:
    """Finds and tries axes for a workbench: one search and one preview at a time, the newest wish wins."""

    def __init__(self, bench: Any) -> None:
        self._bench = bench
        self._wanted: tuple[float, int] | None = None
        self._try_run: QueuedRun | None = None
        self._find_run: QueuedRun | None = None
        self._scan: ScanPresenter | None = None
        self._show = False

    @property
    def finding(self) -> bool:
        """Whether the axis is being looked for."""
        return self._find_run is not None

    def try_column(self, column: float, row: int) -> None:
        """Show one slice around a tried axis; while one is computed the newest wish waits, older ones are dropped."""
        self._wanted = (column, row)
        self._next()

    def find(self, show: bool = True) -> None:
        """Have the axis of the scan found.

        Parameters
        ----------
        show : bool
            Whether the slice around it is then drawn: the user asked, and wants to see.
        """
        bench = self._bench
        try:
            recipe = bench.scan.recipe()
        except FewviewError as error:
            complain(error)
            return
        self._scan, self._show = bench.scan, show
        self._find_run = bench.queue.submit("axis", {"recipe": recipe.model_dump(mode="json")}, FIND)
        bench.live.expect(self._find_run, None)
        bench.go()

    def find_unknown(self) -> None:
        """At load, while the user looks around: the axis is then known, and shown, before the first run."""
        scan = self._bench.scan
        if scan.ready and scan.axis is None and self._bench.settings.warm and not self.finding:
            self.find(show=False)

    def ended(self, run: QueuedRun) -> bool:
        """Take note of the end of a run; returns whether it was one of these."""
        if run is self._find_run:
            self._find_run = None
            self._take(run)
        elif run is self._try_run:
            self._try_run = None
            self._next()
        else:
            return False
        return True

    def _take(self, run: QueuedRun) -> None:
        bench, scan = self._bench, self._scan or self._bench.scan  # another one may be meant by now
        if isinstance(run.record.get("axis"), (int, float)):
            scan.axis_state.take(run.record)
        elif run.error is not None and run.status == "failed":
            complain(failure(run))
        bench.scan_changed.emit()
        bench.axis_found.emit()
        if scan is not bench.scan:
            self.find_unknown()
        elif self._show and scan.axis is not None:
            self.try_column(scan.axis, bench.shown_row())

    def _next(self) -> None:
        if self._wanted is None or self._try_run is not None:
            return
        bench, (column, wanted) = self._bench, self._wanted
        self._wanted = None
        try:
            row = bench.scan.one_row(wanted)
            recipe = bench.scan.recipe(axis=round(column, 3), rows=row, reference=None, method="fbp")
        except FewviewError as error:
            complain(error)
            return
        self._try_run = bench.queue.submit(LAYER, {"recipe": recipe.model_dump(mode="json")}, TRY)
        place = spatial((1, 1, 1), bench.scan.voxel, row[0], bench.scan.bin)
        bench.live.expect(self._try_run, Shown(LAYER, place, {"axis": recipe.axis, "of": bench.scan.path}, reuse=True))
        if bench.projections_shown:
            bench.show_projections(False)
            bench.scan_changed.emit()
        bench.go()
