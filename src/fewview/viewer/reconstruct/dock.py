"""The Reconstruct dock: mode, method, options, preview, run, pause, stop; progress, convergence, queue."""

# No `from __future__ import annotations`: napari reads the annotation of the constructor to hand in the viewer.
from functools import partial
from typing import Any

import napari.viewer
from qtpy.QtWidgets import QDoubleSpinBox, QFormLayout, QHBoxLayout, QPushButton, QSpinBox, QVBoxLayout, QWidget

from ...errors import FewviewError
from ...methods.interface import Method
from ...methods.presets import preset_options
from ...runs.recipe import Recipe
from ..common.notify import complain, tell
from ..common.theme import colours
from ..common.widgets import Dock, Section, allow, bare, button, described, in_use, to_clipboard, tool, wrapped
from ..common.words import NO_SCAN
from ..files.drops import open_dropped
from ..files.networks import networks_of
from ..files.result_buttons import ResultButtons
from ..help import HelpButton
from ..run_volumes import fitted, follow_layers
from ..scan.scan_bar import ScanChoice
from ..workbench import workbench_of
from .batch import BatchButtons
from .following import FollowedRuns
from .form import Form
from .form_entries import form_entries
from .learn_dialog import LearnDialog
from .method_picker import MethodPicker
from .presets import KEPT, MEANING, PRESETS, matching_preset, preset_help, preset_values, start_values
from .preview import preview_options
from .restored import possible
from .run_panel import RunPanel
from .run_presenter import forecast_text

LEARNS = "unrolled"  # the method that can be taught
LOADING = "The methods are still loading."
NO_XRAY = "This method needs an X-ray volume: choose its layer at X-ray in the Scan dock."


class ReconstructDock(Dock):
    """See the module."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.dropped.connect(partial(open_dropped, viewer))
        self.bench = workbench_of(viewer)
        self.form: Form | None = None
        self._wanted: Recipe | None = None
        self.followed = FollowedRuns()
        self.column.addWidget(ScanChoice(self.bench))
        self.picker = MethodPicker(self.bench.settings)
        self.modes, self.method = self.picker.modes, self.picker.method
        self.picker.changed.connect(self._on_method)
        self.picker.loaded.connect(self._take_wanted)
        self.column.addWidget(self.picker)
        self.column.addLayout(self._make_presets())
        self.form_place = QVBoxLayout()
        self.column.addLayout(self.form_place)
        self.learn_button = button(
            "Learn from a dense scan…",
            "Teach this network samples like yours, from a volume or a dense scan of a sister sample, in minutes.",
            self._learn,
            action="learn",
        )
        self.learning: LearnDialog | None = None
        self.column.addWidget(self.learn_button)
        self.column.addWidget(Section("Measuring the error", self._make_holdout()))
        self.forecast = wrapped()
        described(self.forecast, "Memory forecast")
        self.column.addWidget(self.forecast)
        self.column.addLayout(self._make_copies())
        self.panel = RunPanel(self.bench)
        self.column.addWidget(self.panel)
        self.results = ResultButtons(self.bench)
        self.column.addWidget(self.results)
        self.several = BatchButtons(self)
        self.column.addWidget(self.several)
        self.column.addStretch(1)
        self.foot.addWidget(self.panel.head)
        self.foot.addLayout(self._make_buttons())
        self.foot.addLayout(self.panel.buttons)
        self.bench.scan_changed.connect(self._offer_networks)
        self.bench.scan_changed.connect(self.refresh)
        self.bench.runs_changed.connect(self.refresh)
        self.bench.runs_changed.connect(self._show_chosen)
        self.bench.ticked.connect(self._follow_run)
        self.bench.restored.connect(self._on_restored)
        self.appeared.connect(self._on_appeared)
        self.removed.connect(self._on_removed)
        self.hear(viewer.events.theme, self._on_theme)
        self.bench.actions.update(toggle_run=self.run, preview=self.preview)
        self._on_theme()
        self.refresh()
        if self.bench.settings.warm:
            self.bench.queue.warm()
        self.picker.load()

    # -- making --------------------------------------------------------------------------------------------------

    def _make_presets(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.presets: dict[str, QPushButton] = {}
        for name in PRESETS:
            made = tool(name, MEANING[name], self._on_preset, checkable=False)
            made.setCheckable(True)
            made.setProperty("preset", name)
            self.presets[name] = made
            row.addWidget(made)
        return row

    def _make_holdout(self) -> QWidget:
        box = QWidget()
        form = bare(QFormLayout(box))
        self.holdout = QDoubleSpinBox()
        self.holdout.setRange(0, 50)
        self.holdout.setDecimals(0)
        self.holdout.setSuffix(" %")
        self.holdout.setToolTip(
            "Share of the views held out; the error of predicting them needs no truth. Unit: % of the views. "
            "More measure better and reconstruct from less."
        )
        described(self.holdout, "Held-out views")
        self.holdout.setValue(100 * float(self.bench.settings.remembered("holdout")))
        self.holdout.valueChanged.connect(self._on_edit)
        self.seed = QSpinBox()
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setToolTip("The number that every random choice follows from: the same seed gives the same volume.")
        described(self.seed, "Seed")
        form.addRow("Held-out views", self.holdout)
        form.addRow("Seed", self.seed)
        return box

    def _make_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.preview_button = button(
            "Preview slice",
            "Reconstruct only the slice that is shown, without a search for settings.",
            self.preview,
            action="preview",
        )
        self.run_button = button(
            "Run", "Reconstruct the chosen rows. While one runs, the next one waits.", self.run, action="run"
        )
        row.addWidget(self.preview_button)
        row.addWidget(self.run_button)
        return row

    def _make_copies(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(
            button(
                "Copy Python", "The run that these settings make, as a script.", self.copy_python, action="copy_python"
            )
        )
        row.addWidget(
            button(
                "Copy command",
                "The run that these settings make, as a command line.",
                self.copy_command,
                action="copy_command",
            )
        )
        row.addWidget(HelpButton(self.viewer, "Reconstruct"))
        return row

    # -- what others use -----------------------------------------------------------------------------------------

    @property
    def chosen_method(self) -> Method[Any] | None:
        """Method that would run."""
        return self.picker.chosen

    def recipe(self, **more: Any) -> Recipe:
        """Recipe of the run that the settings make.

        Raises
        ------
        FewviewError
            No scan, no method, or an option out of bounds.
        """
        method = self.chosen_method
        if method is None or self.form is None:
            raise FewviewError(LOADING, "Try again in a moment.")
        values: dict[str, Any] = {
            "method": method.name,
            "options": self.form.changes(),
            "holdout": round(self.holdout.value() / 100, 4),
            "seed": self.seed.value(),
        }
        if "aux" in method.needs:
            values["auxiliary"] = self.bench.scan.auxiliary
        return self.bench.scan.recipe(**{**values, **more})

    def choose(self, name: str) -> None:
        """Choose a method by name, in whatever mode it is."""
        self.picker.choose(name)

    def run(self) -> None:
        """Queue a run of everything that is chosen."""
        self._start()

    def preview(self) -> None:
        """Queue a run of the slice that is shown, with settings that need no search."""
        scan, method = self.bench.scan, self.chosen_method
        if method is None or self.form is None or not scan.ready:
            self._start()
            return
        options, note = preview_options(method, self.form.changes(), scan)
        self._start(note, rows=scan.one_row(self.bench.shown_row()), options=options)

    def copy_python(self) -> None:
        """Put the script on the clipboard."""
        self._copy("as_python", "script")

    def copy_command(self) -> None:
        """Put the command line on the clipboard."""
        self._copy("as_command", "command")

    # -- inside --------------------------------------------------------------------------------------------------

    def _start(self, note: str = "", **more: Any) -> None:
        method = self.chosen_method
        try:
            recipe, unscored = self._true_recipe(**more)
        except FewviewError as error:
            complain(error)
            return
        assert method is not None and self.form is not None
        settings = self.bench.settings
        settings.remember(method=method.name, holdout=recipe.holdout, mode=self.picker.mode.mode.name)
        kept = {name: value for name, value in self.form.values().items() if name in KEPT}
        settings.remember_options(method.name, {**self.form.changes(), **kept})
        run = self.bench.run(recipe, method, note=" ".join(filter(None, (note, unscored))))
        self.followed.queued(run, self.recipe())

    def _follow_run(self) -> None:
        """Show what a run that begins was set to, unless the form is in use, or holds what is yet to be run."""
        run, runs = self.bench.queue.current, self.bench.runs
        if not self.followed.begins(run, runs) or run is None or in_use(self):
            return
        try:
            recipe = self.followed.wanted(run, self.recipe(), runs)
        except FewviewError:  # what was entered is out of bounds, and stays
            return
        if recipe is not None:
            self._on_restored(recipe)

    def _true_recipe(self, **more: Any) -> tuple[Recipe, str]:
        """The recipe with the files that hold the layers as they are now, and why it is not scored, if it is not."""
        follow_layers(self.viewer.layers, self.bench.scan)
        return fitted(self.recipe(**more), self.viewer.layers, self.bench.scan)

    def _copy(self, how: str, what: str) -> None:
        try:
            text = getattr(self._true_recipe()[0], how)()
        except FewviewError as error:
            complain(error)
            return
        to_clipboard(text)
        tell(f"The {what} is on the clipboard: paste it where you want to run it.")

    def _on_restored(self, recipe: Recipe) -> None:
        self._wanted = recipe
        self._take_wanted()

    def _take_wanted(self) -> None:
        """Set the dock as a record says, as soon as the methods are there."""
        recipe = self._wanted
        if recipe is None or not self.picker.states:
            return
        self._wanted = None
        self.choose(recipe.method)
        if self.form is None or self.chosen_method is None or self.chosen_method.name != recipe.method:
            complain(
                FewviewError(f"The method '{recipe.method}' of the record cannot run here.", "See `fewview doctor`.")
            )
            return
        self.form.set_values(possible(self.chosen_method, recipe.options))
        self.holdout.setValue(100 * recipe.holdout)
        self.seed.setValue(recipe.seed)
        self._on_edit()

    def _on_method(self) -> None:
        method = self.chosen_method
        if method is None:
            return
        if self.form is not None:
            self.form_place.removeWidget(self.form)
            self.form.hide()
            self.form.deleteLater()
        self.form = Form(
            method.options, start_values(form_entries(method.options), self.bench.settings.options_of(method.name))
        )
        self.form.edited.connect(self._on_edit)
        self.form_place.addWidget(self.form)
        self._offer_networks()
        self.learn_button.setVisible(method.name == LEARNS)
        useful = any(preset_options(method, name.lower()) for name in PRESETS)
        for name, made in self.presets.items():
            made.setToolTip(preset_help(method, name))
            made.setVisible(useful and (name == "Standard" or bool(preset_options(method, name.lower()))))
        self.order_tabs()
        self._on_edit()

    def _offer_networks(self) -> None:
        """Networks that learnt samples of this scan."""
        method = self.chosen_method
        if self.form is not None and method is not None and method.name == LEARNS:
            self.form.offer("weights", networks_of(self.bench.scan.path))

    def _learn(self) -> None:
        if self.learning is None:
            self.learning = LearnDialog(self.bench, self)
            self.learning.learnt.connect(self._on_learnt)
        self.learning.ask()

    def _on_learnt(self, scan: str, weights: str, useful: bool) -> None:
        """What was just learnt is what the next run uses, unless the scan itself says that it does not help."""
        self._offer_networks()
        method = self.chosen_method
        if (
            useful
            and scan == self.bench.scan.path
            and self.form is not None
            and method is not None
            and method.name == LEARNS
        ):
            self.form.set_values({**self.form.values(), "weights": weights})

    def _on_preset(self) -> None:
        sender: Any = self.sender()
        name = sender.property("preset")
        method = self.chosen_method
        if self.form is not None and method is not None:
            kept = {option: value for option, value in self.form.values().items() if option in KEPT}
            self.form.set_values(preset_values(method, self.form.entries, name) | kept)
        self._on_edit()

    def _on_edit(self, *_: Any) -> None:
        method = self.chosen_method
        if self.form is not None and method is not None:
            now = matching_preset(method, self.form.entries, self.form.values())
            for name, made in self.presets.items():
                made.setChecked(name == now)
        self._show_chosen()
        self.refresh()

    def _show_chosen(self) -> None:
        """What "auto" came to in the last run of this method on this scan."""
        method, path = self.chosen_method, self.bench.scan.path
        over = [run for run in reversed(self.bench.runs) if run.status == "done"]
        asked = [(run.payload["recipe"], run.record) for run in over]
        record = next(
            (r for recipe, r in asked if method and recipe["method"] == method.name and recipe["scan"] == path), {}
        )
        if self.form is not None:
            self.form.show_chosen(dict(record.get("chosen", {})))

    def refresh(self) -> None:
        """Forecast and buttons."""
        method = self.chosen_method
        blind = method is not None and "aux" in method.needs and self.bench.scan.auxiliary is None
        lacks = "" if self.bench.scan.ready else NO_SCAN
        for made in (self.learn_button, self.several.several, self.several.series):
            allow(made, lacks)
        for made in (self.preview_button, self.run_button):
            allow(made, lacks or (LOADING if method is None else NO_XRAY if blind else ""))
        self.run_button.setText("Queue" if self.bench.queue.busy else "Run")
        if not self.bench.scan.ready:
            self.forecast.setText("Load a scan first: Scan dock, or File > Open Sample > fewview.")
            return
        if method is None:
            return
        try:
            words = forecast_text(self.recipe(), method, self.bench.scan.shape)
            text, fits = (NO_XRAY, False) if blind else words
        except FewviewError as error:
            text, fits = str(error), False
        tone = "" if fits else colours(self.viewer).tone("warning")
        self.forecast.setStyleSheet(f"color: {tone}" if tone else "")
        self.forecast.setText(text if fits else f"⚠ {text}")

    def _on_appeared(self) -> None:
        self.bench.attach(self)

    def _on_removed(self) -> None:
        self.bench.withdraw("toggle_run", "preview", "toggle_pause", "stop", "save_result", "open_record")

    def _on_theme(self, event: Any = None) -> None:
        self.panel.follow(colours(self.viewer))
        if self.learning is not None:
            self.learning.plot.follow(colours(self.viewer))
        self.refresh()
