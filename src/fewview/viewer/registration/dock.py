"""The Registration dock: brings an X-ray volume onto the neutron grid while one watches, and says how good it is."""

# No `from __future__ import annotations`: napari reads the annotation of the constructor to hand in the viewer.
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import napari.viewer
from napari.qt.threading import thread_worker
from qtpy.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QProgressBar
from superqt.utils import signals_blocked

from ...errors import FewviewError
from ...registration import RegistrationOptions
from ...registration.register import Step
from ..common.choice import Choice
from ..common.layers import METADATA, contrast, facts
from ..common.notify import complain, tell
from ..common.widgets import Dock, allow, button, described, wrapped
from ..compare.flat import Flat
from ..compare.grids import place_of
from ..compare.hand import world_factor
from ..files.drops import open_dropped
from ..files.layer_files import KNOWN, is_volume, mark
from ..help import HelpButton
from ..scans import scan_of
from ..unit_of_layers import REGISTRATION
from ..workbench import workbench_of
from .presenter import RegistrationPresenter, clicked, in_millimetres, layer_volume

BOARD, REGISTERED = "Checkerboard", "X-ray (registered)"
PAIRS = ("Pairs in the neutron volume", "Pairs in the X-ray volume")
GOES_ON = "A registration goes on."
NO_VOLUMES = "It needs two volumes: a neutron reconstruction and an X-ray volume."
NOT_DONE = "There is no registration yet: press Register."
NOT_GOOD = "The registration that was found cannot be believed: the words below say why."
PAINT_SECONDS = 0.25
TURNS = {"about the vertical": "vertical", "about as they lie": "none", "on side or head too": "any"}
CHOSEN = {
    "Neutron": "A reconstruction of the neutron scan; a quick one of few views will do.",
    "X-ray": "The X-ray volume of the same sample, of any voxel size and orientation.",
    "Turns": "Where to look for the orientation. More turns take longer.",
}


@thread_worker
def _registering(presenter: RegistrationPresenter) -> Iterator[Step]:
    yield from presenter.steps()


class RegistrationDock(Dock):
    """See the module."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.dropped.connect(partial(open_dropped, viewer))
        self.bench = workbench_of(viewer)
        self.presenter: RegistrationPresenter | None = None
        self._worker: Any = None
        self._neutron: Any = None
        self._scan = ""  # path of the one that was meant when it began
        self._painted = 0.0
        form = QFormLayout()
        self.neutron, self.xray, self.turns = (
            Choice(tooltip, f"{title} of the registration") for title, tooltip in CHOSEN.items()
        )
        self.turns.addItems(list(TURNS))
        for title, combo in zip(CHOSEN, (self.neutron, self.xray, self.turns), strict=True):
            combo.textActivated.connect(self._on_chosen)
            form.addRow(title, combo)
        self.column.addLayout(form)
        self.pick = button(
            "Click point pairs",
            "Click the same features in both volumes, in one order.",
            self._pick,
            action="click_pairs",
        )
        self.use_pairs = QCheckBox("Start from the pairs")
        self.use_pairs.setToolTip("Instead of the middles of both volumes. At least three pairs, two within a slice.")
        described(self.use_pairs, "Start from the pairs")
        self.column.addWidget(self.pick)
        self.column.addWidget(self.use_pairs)
        row = QHBoxLayout()
        self.start = button("Register", "Find the transform; watch the checkerboard.", self._start, action="register")
        self.stop = button(
            "Stop", "Stop; nothing is applied.", self._stop, "Stop the registration", "stop_registration"
        )
        self.use = button(
            "Use",
            "Make the registered X-ray volume the one of the next run.",
            self._use,
            "Use the registration",
            "use_registration",
        )
        for widget in (self.start, self.stop, self.use, HelpButton(viewer, "Registration")):
            row.addWidget(widget)
        self.column.addLayout(row)
        self.bar = QProgressBar()
        described(self.bar, "Progress of the registration")
        self.column.addWidget(self.bar)
        self.words = wrapped("Choose the two volumes.")
        described(self.words, "State of the registration")
        self.column.addWidget(self.words)
        self.column.addStretch(1)
        self.hear_layers(self._on_layers)
        self.hear(viewer.dims.events.point, self._on_slice)
        self._flat = Flat(viewer, lambda about: about.get(REGISTRATION) == BOARD)
        self.hear(viewer.dims.events.order, self._flat.follow)
        self.removed.connect(self._stop)
        self._on_layers()

    # -- clicks --------------------------------------------------------------------------------------------------

    def _pick(self) -> None:
        """A layer of points for each volume, numbered, the neutron one ready for clicks."""
        chosen = self._chosen()
        if chosen is None:
            return
        for name, layer, colour in zip(PAIRS, chosen, ("orange", "cyan"), strict=True):
            if self._own(name) is None:
                self.viewer.add_points(
                    ndim=layer.ndim,
                    **self._named(name),
                    scale=layer.scale,
                    translate=layer.translate,
                    units=layer.units,
                    axis_labels=layer.axis_labels,
                    face_color=colour,
                    size=max(3, max(layer.data.shape) // 50),
                )
            self._own(name).mode = "add"
        self.viewer.layers.selection.active = self._own(PAIRS[0])
        self.use_pairs.setChecked(True)
        self.words.setText("Click features in the neutron volume; select the other points layer, and click them there.")

    def _start(self) -> None:
        chosen = self._chosen()
        if chosen is None or self._worker is not None:
            return
        (neutron, grid), (xray, xray_grid) = (layer_volume(layer) for layer in chosen)
        pairs = None
        first, second = (self._own(name) for name in PAIRS)
        if self.use_pairs.isChecked() and first is not None and second is not None:
            pairs = clicked(first, grid), clicked(second, xray_grid)
        self._neutron, self._scan = chosen[0], self.bench.scan.path
        self.presenter = RegistrationPresenter(
            neutron,
            grid,
            xray,
            xray_grid,
            in_mm=all(in_millimetres(layer) for layer in chosen),
            options=RegistrationOptions.parse({"turns": TURNS[self.turns.currentText()]}),
            pairs=pairs,
        )
        self._worker = _registering(self.presenter)
        self._worker.yielded.connect(self._on_step)
        self._worker.errored.connect(complain)
        self._worker.finished.connect(self._on_finished)
        self.words.setText("Looking for the turn…")
        self._refresh()
        self._worker.start()

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.quit()

    def _use(self) -> None:
        """Resample once, show, and hand over to the Scan dock."""
        if self.presenter is None or self._neutron is None:
            return
        if self.bench.scan.path != self._scan:
            complain(FewviewError("The registration was made for another scan.", "Choose it, or register again."))
            return
        try:
            values, path, record = self.presenter.apply(self.bench.scan.path)
        except FewviewError as error:
            complain(error)
            return
        # Where the neutron layer lay when it was registered; it may have been moved since.
        flat, grid = self._neutron.ndim == 2, self.presenter.neutron_grid
        axes = slice(1 if flat else 0, 3)
        place = {"scale": grid.spacing[axes], "translate": grid.origin[axes], "units": self._neutron.units}
        for name in (REGISTERED, BOARD):
            if (before := self._own(name)) is not None:
                self.viewer.layers.remove(before)
        shown = values[0] if flat else values
        self.viewer.add_image(
            shown,
            **self._named(REGISTERED, file=path, record=record, **{KNOWN: mark(path, shown, place)}),
            **place,
            axis_labels=self._neutron.axis_labels,
            colormap="bone",
            contrast_limits=contrast(values),
        )
        self.bench.scan.auxiliary = path
        self.bench.scan_changed.emit()
        tell(f"The registered X-ray volume is the one of the next run; it lies in {path}.")

    # -- showing -------------------------------------------------------------------------------------------------

    def _on_step(self, step: Step) -> None:
        if self.presenter is None:
            return
        self.presenter.take(step)
        self.bar.setValue(round(100 * step.share))
        if step.stage and step.result is None:
            self.words.setText(step.stage[:1].upper() + step.stage[1:] + "…")
        if step.result is not None or time.monotonic() - self._painted > PAINT_SECONDS:
            self._paint()

    def _on_finished(self) -> None:
        self._worker = None
        if self.presenter is not None:
            self.words.setText(self.presenter.words or "Stopped.")
        self._refresh()

    def _on_slice(self, event: Any = None) -> None:
        if self._own(BOARD) is not None and time.monotonic() - self._painted > PAINT_SECONDS / 5:
            self._paint()

    def _paint(self) -> None:
        """The checkerboard of the slice that is shown."""
        layer = self._neutron
        if self.presenter is None or layer not in self.viewer.layers or self.bench.scan.path != self._scan:
            return
        z = float(self.viewer.dims.point[-3]) * world_factor(self.viewer) if self.viewer.dims.ndim > 2 else 0.0
        image = self.presenter.checkerboard(place_of(layer).index(z) if layer.ndim > 2 else 0)
        self._painted = time.monotonic()
        if image is None:
            return
        board = self._own(BOARD)
        if board is not None:
            board.data = image
            return
        self.viewer.add_image(
            image,
            **self._named(BOARD, swipe=True),
            scale=layer.scale[-2:],
            translate=layer.translate[-2:],
            units=layer.units[-2:],
            axis_labels=("y", "x"),
            contrast_limits=(0, 1),
        )
        self._flat.follow()

    def _on_layers(self, event: Any = None) -> None:
        volumes = [layer for layer in self.viewer.layers if is_volume(layer)]
        names = [layer.name for layer in volumes if REGISTRATION not in facts(layer.metadata)]
        xray = next((name for name in names if "X-ray" in name), "")
        # The newest reconstruction, before the reference: what is registered to the truth says little of the scan.
        neutron = min(reversed(names), key=lambda name: (name == xray, not self._is_run(name)), default="")
        for combo, usual in ((self.neutron, neutron), (self.xray, xray)):
            before = combo.property("chosen")  # by the user; else what is usual may have come with the new layer
            with signals_blocked(combo):
                combo.clear()
                combo.addItems(names)
                combo.setCurrentText(before if before in names else usual)
        self._refresh()

    def _named(self, name: str, **about: Any) -> dict[str, Any]:
        """Name and metadata of a layer of this dock: each scan has its own."""
        scans = self.bench.scans
        prefix = scans.prefix(scans.current)
        told = {REGISTRATION: name, "of": scans.current.path, "prefix": prefix, **about}
        return {"name": prefix + name, "metadata": {METADATA: told}}

    def _own(self, name: str) -> Any:
        """The layer of this dock that belongs to the scan that is meant, whatever it is called by now."""
        layers = [one for one in self.viewer.layers if facts(one.metadata).get(REGISTRATION) == name]
        return next((one for one in layers if (scan_of(one) or "") == self.bench.scan.path), None)

    def _is_run(self, name: str) -> bool:
        return "run" in facts(self.viewer.layers[name].metadata)

    def _on_chosen(self, name: str) -> None:
        for combo in (self.neutron, self.xray):
            combo.setProperty("chosen", combo.currentText())

    def _refresh(self) -> None:
        running = self._worker is not None
        result = None if self.presenter is None else self.presenter.result
        lacks = GOES_ON if running else "" if self.neutron.count() > 1 else NO_VOLUMES
        allow(self.start, lacks)
        allow(self.pick, lacks)
        allow(self.stop, "" if running else "No registration goes on.")
        doubt = NOT_DONE if result is None else "" if result.quality.good else NOT_GOOD
        allow(self.use, GOES_ON if running else doubt)

    def _chosen(self) -> tuple[Any, Any] | None:
        names = self.neutron.currentText(), self.xray.currentText()
        if names[0] == names[1] or not all(name in self.viewer.layers for name in names):
            complain(FewviewError("Choose two different volumes.", "One of neutrons, one of X-rays."))
            return None
        return self.viewer.layers[names[0]], self.viewer.layers[names[1]]
