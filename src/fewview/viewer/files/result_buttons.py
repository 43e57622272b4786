"""Save a result with all that made it, and begin again from what was saved."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from napari.qt.threading import thread_worker
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from ...errors import FewviewError
from ..common.layers import facts
from ..common.notify import complain, tell
from ..common.widgets import button
from ..compare.grids import turned
from ..restore import open_record, regions_of
from ..run_volumes import follow_layers
from .layer_files import layer_of, mark, remember
from .places import HOME
from .writers import save

FORMATS = "HDF5 (*.h5);;TIFF (*.tif);;OME-Zarr (*.zarr);;NumPy (*.npy)"
RECORDS = "Run records (*.h5 *.hdf5 *.tif *.tiff *.npy *.zarr *.json *.yaml *.yml)"


@thread_worker
def _saving(
    path: str, data: Any, attributes: dict[str, Any], regions: list[dict[str, Any]], compared: str | None
) -> tuple[str, FewviewError | None]:
    try:
        return save(path, data, attributes, regions, compared), None
    except FewviewError as error:
        return path, error  # raised, or returned by itself, napari would print it as a fault of ours


class ResultButtons(QWidget):
    """Two buttons for the docks."""

    def __init__(self, bench: Any) -> None:
        super().__init__()
        self._bench = bench
        self._worker: Any = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.save_button = button(
            "Save result…",
            "Save the selected result, with scale, unit, run record and regions inside.",
            self._ask_save,
            action="save_result",
        )
        self.open_button = button(
            "Open run record…",
            "Bring back scan, settings, regions and volume of a result that was saved.",
            self._ask_open,
            action="open_record",
        )
        row.addWidget(self.save_button)
        row.addWidget(self.open_button)
        bench.actions.update(save_result=self._ask_save, open_record=self._ask_open)

    def chosen(self) -> Any:
        """The layer that would be saved: the selected result of the scan that is meant, else its last one."""
        bench = self._bench
        results = [one for one in bench.scans.layers_of(bench.scan) if "recipe" in facts(one.metadata)]
        active = bench.viewer.layers.selection.active
        return active if active in results else results[-1] if results else None

    def save(self, path: str) -> None:
        """Write the chosen result; the ending chooses the format."""
        layer = self.chosen()
        if layer is None:
            complain(FewviewError("There is no result to save yet.", "Reconstruct something first."))
            return
        attributes = {key: getattr(layer, key) for key in ("name", "scale", "translate", "units", "metadata")}
        try:
            compared = self._compared()
        except FewviewError as error:
            complain(error)
            return
        data = layer.data.copy()
        self._saved = layer, data, attributes
        regions = regions_of(self._bench.viewer.layers, self._bench.scan)
        self._worker = _saving(path, data, attributes, regions, compared)
        self._worker.returned.connect(self._on_saved)
        self._worker.errored.connect(complain)
        self._worker.start()

    def _on_saved(self, outcome: tuple[str, FewviewError | None]) -> None:
        path, error = outcome
        if error is not None:
            complain(error)
            return
        layer, data, place = self._saved
        remember(layer, mark(path, data, place), file=path)
        tell(f"Result saved: {path}")

    def _compared(self) -> str | None:
        """File of the reference that the table compares with now: it may be another one than that of the run."""
        bench = self._bench
        follow_layers(bench.viewer.layers, bench.scan)
        layer = layer_of(bench.viewer.layers, bench.scan.reference)
        return None if layer is not None and turned(layer) else bench.scan.reference

    def _ask_save(self) -> None:
        layer = self.chosen()
        if layer is None:
            self.save("")
            return
        scan = Path(self._bench.scan.path)
        folder = scan.parent if scan.name and not str(scan).startswith(str(HOME)) else Path.home()
        name = re.sub(r"[^\w.-]+", "_", layer.name).strip("_") + ".h5"
        path, chosen = QFileDialog.getSaveFileName(self, "Save the result", str(folder / name), FORMATS)
        if path:
            known = (".h5", ".hdf5", ".tif", ".tiff", ".zarr", ".npy")
            ending = re.search(r"\*(\.\w+)", chosen)
            self.save(path if Path(path).suffix.lower() in known or ending is None else path + ending[1])

    def _ask_open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a run record", filter=RECORDS)
        if path:
            open_record(self._bench, path)
