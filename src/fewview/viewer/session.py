"""The session as it stands, kept on disk, so that it can be continued after a restart."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from napari.qt.threading import thread_worker
from qtpy.QtCore import QObject
from superqt.utils import QSignalDebouncer

from ..atomic_write import write_text
from ..errors import FewviewError
from ..runs.recipe import Recipe
from .common.layers import METADATA, facts
from .common.names import own_name
from .common.notify import complain, tell
from .compare.regions_layer import KIND, REGIONS
from .files import places
from .files.layer_files import Mark, files_of, layer_of, mark, place_in_view
from .files.writers import save
from .kept_results import KeptResults, described
from .kept_series import all_series, described_series, show_series
from .restore import regions_of, scan_of_recipe, take
from .run_volumes import ROLES, follow_layers
from .scan.presenter import ScanPresenter
from .scans import scan_of
from .wishes import take_wishes, wishes_of

SESSIONS, NAME = "sessions", "session.json"
SOON_MS = 1500
CHANGES = ("inserted", "removed", "name", "set_data", "data", "scale", "translate", "features")  # of layers
NUMBERS = itertools.count(1)  # of the viewers of this process
OPEN: set[str] = set()  # folders of those that are open


@thread_worker
def _keeping(path: str, data: Any, attributes: dict[str, Any]) -> tuple[str, dict[str, Mark], FewviewError | None]:
    try:
        save(path, data, attributes)
    except FewviewError as error:
        return path, {}, error  # raised, or returned by itself, napari would print it as a fault of ours
    return path, mark(path, data, attributes), None


class SessionKeeper(QObject):
    """Writes the session soon after each change; small results lie beside it, as they are now.

    Attributes
    ----------
    on : bool
        Off in a demo, whose session is nobody's.
    settings : Recipe or None
        What the Reconstruct dock was set to at the last run.
    """

    def __init__(self, bench: Any) -> None:
        super().__init__()
        self._bench = bench
        self.on = True
        self.settings: Recipe | None = None
        self.open()
        self._at_work: dict[str, Any] = {}
        self._files: dict[int, str] = {}  # of results, by the identities of their values
        self._results = KeptResults(lambda: self.file.parent)
        self._soon = QSignalDebouncer(parent=self)
        self._soon.setTimeout(SOON_MS)
        self._soon.triggered.connect(self.write)
        bench.scan_changed.connect(self._soon.throttle)
        bench.live.ended.connect(self._on_end)

    def open(self) -> None:
        """Begin a session, in a place of its own: several viewers do not write over each other's."""
        self._begun = False
        self._folder = f"{_process(os.getpid())}-{next(NUMBERS)}"
        OPEN.add(self._folder)
        self._bench.viewer.layers.events.connect(self._on_layers)

    def close(self) -> None:
        """Write the session for the last time: another viewer may continue it."""
        self._bench.viewer.layers.events.disconnect(self._on_layers)
        self.write(last=True)
        OPEN.discard(self._folder)

    @property
    def file(self) -> Path:
        """Where the session lies."""
        return places.HOME / SESSIONS / self._folder / NAME

    def last(self) -> Mapping[str, Any] | None:
        """The last session, where its scans are still there and nothing was opened since."""
        for file in [] if self._begun else _ended():
            try:
                found = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, json.JSONDecodeError):
                continue
            scans = found.get("scans") if isinstance(found, dict) else None
            if scans and all(places.on_disk(one["recipe"]["scan"]).exists() for one in scans):
                return {**found, "folder": str(file.parent)}
        return None

    def words(self) -> str:
        """What the last session held; empty where there is none."""
        found = self.last()
        if found is None:
            return ""
        names = ", ".join(Path(one["recipe"]["scan"]).name for one in found["scans"])
        count = sum(len(one["results"]) for one in found["scans"])
        return f"Continue with {names}" + (f" and {count} result{'s' * (count > 1)}" if count else "")

    def write(self, *, last: bool = False) -> None:
        """Write the session as it stands.

        Parameters
        ----------
        last : bool, optional
            Whether it ends here: then large volumes are looked through, too, for what was changed in them.
        """
        bench = self._bench
        if not self.on or not bench.scans.all or self._folder not in OPEN:  # it may have been closed meanwhile
            return
        try:
            self._begin()
        except OSError as error:
            self.on = False
            complain(FewviewError(f"The session is not kept: {error}.", f"Make {self.file.parent} writable."))
            return
        self._files = {}
        scans = [self._kept(scan, last) for scan in bench.scans.all if scan.ready]
        series = self._kept_series(last)
        settings = None if self.settings is None else self.settings.compact()
        others = [layer.name for layer in _others(bench) if id(layer) not in series]
        found = {"scans": scans, "settings": settings, "others": others, "wishes": wishes_of(bench)}
        found["series"] = list(series.values())
        try:
            write_text(self.file, json.dumps(found, indent=1))
        except FewviewError as error:
            self._give_up(error)

    def _give_up(self, error: FewviewError) -> None:
        self.on = False  # said once is enough
        complain(FewviewError(f"The session is not kept: {error.problem}", error.remedy))

    def _kept(self, scan: ScanPresenter, last: bool) -> dict[str, Any]:
        """What is written of a scan: its recipe, regions, other volumes and results."""
        bench, results, unsaved = self._bench, [], []
        own = bench.scans.everything_of(scan)
        left = bench.live.left() if last else None
        if left is not None and scan_of(left) == scan.path:  # in place of what its run was seen at last
            number = facts(left.metadata)["run"]
            own = [*(layer for layer in own if facts(layer.metadata).get("run") != number), left]
        try:
            if last:
                follow_layers([*bench.viewer.layers, *own], scan)
            for layer in own:
                if "recipe" in facts(layer.metadata):
                    file = self._results.file_of(layer, last=last)
                    results += [described(layer, file)] if file else []
                    self._files |= {id(layer.data): file} if file else {}
                    unsaved += [] if file else [layer.name]
        except FewviewError as error:
            self._give_up(error)
        roles = {role: layer_of([*bench.viewer.layers, *own], getattr(scan, role)) for role in ROLES}
        return {
            "recipe": scan.recipe(auxiliary=scan.auxiliary).compact(),
            "regions": regions_of([*bench.viewer.layers, *own], scan),
            "results": results,
            "unsaved": unsaved,
            "names": {role: own_name(one.name, one.metadata) for role, one in roles.items() if one is not None},
        }

    def _kept_series(self, last: bool) -> dict[int, dict[str, Any]]:
        """What is written of time series, by the identities of their layers."""
        kept: dict[int, dict[str, Any]] = {}
        for layer in all_series(self._bench):
            place = {key: getattr(layer, key)[1:] for key in ("scale", "units")}
            attributes = {"metadata": {METADATA: {"unit": facts(layer.metadata).get("unit")}}, **place}

            def file_of(volume: Any, attributes: Mapping[str, Any] = attributes) -> str:
                held = self._files.get(id(volume))
                return held or self._results.file_of_frame(volume, attributes, last=last)

            try:
                entry = described_series(layer, file_of)
            except FewviewError as error:
                self._give_up(error)
                break
            kept |= {id(layer): entry} if entry else {}
        return kept

    def resume(self) -> None:
        """Open the last session again."""
        found = self.last()
        if found is None:
            return
        self._begun = True
        before, now = Path(found["folder"]), self.file.parent
        with suppress(OSError):  # another viewer was quicker: the scans open, without results
            before.rename(now)
        lost, others = [], found.get("others", [])

        def moved(file: str) -> str:
            return str(now / Path(file).name if Path(file).parent == before else file)

        for one in found["scans"]:
            results = [entry if isinstance(entry, dict) else {"file": entry} for entry in one["results"]]
            for entry in results:
                entry["file"] = moved(entry["file"])
            there = [entry for entry in results if Path(entry["file"]).exists()]
            lost += [entry.get("name", entry["file"]) for entry in results if entry not in there] + one["unsaved"]
            try:
                scan = scan_of_recipe(Recipe.parse(one["recipe"]))
            except FewviewError as error:
                complain(error)
                continue
            take(self._bench, scan, one["regions"], there, one.get("names", {}))
        lost += show_series(self._bench, found.get("series", []), moved)
        self._bench.answer(True)
        if found.get("settings"):
            self._bench.restored.emit(Recipe.parse(found["settings"]))
        take_wishes(self._bench, found.get("wishes", []))
        if lost:
            tell(f"Without {_listed(lost)}: not saved (too large, or the run went on), or the file is gone.")
        if others:
            tell(
                f"Without {_listed(others)}: "
                "a session keeps scans, results, time series, regions, X-ray volumes and references."
            )

    def _begin(self) -> None:
        """The first thing to keep of a new session: what viewers that are gone have kept goes."""
        if not self._begun:
            self._begun = True
            for file in _ended():
                shutil.rmtree(file.parent)
        self.file.parent.mkdir(parents=True, exist_ok=True)

    def _on_layers(self, event: Any) -> None:
        """Layers came, went or were changed; what a run paints is kept at its end."""
        if event.type in CHANGES and not self._bench.queue.busy:
            self._soon.throttle()

    def _on_end(self, run: Any) -> None:
        volume = getattr(run, "volume", None)
        layer = next((one for one in self._bench.viewer.layers if facts(one.metadata).get("run") == run.number), None)
        if self.on and run in self._bench.runs and volume is not None and layer is not None:
            try:
                self._begin()
                path = self._results.begin(layer)
            except OSError:
                path = ""  # said where the session is written
            if path:
                worker = _keeping(
                    path, volume, {"name": layer.name, "metadata": layer.metadata, **place_in_view(layer)}
                )
                worker.returned.connect(self._on_kept)
                worker.errored.connect(complain)
                worker.start()
                self._at_work[path] = layer
        self._soon.throttle()

    def _on_kept(self, outcome: tuple[str, dict[str, Mark], FewviewError | None]) -> None:
        path, marks, error = outcome
        self._results.done(self._at_work.pop(path, None), path, marks)
        if error is not None:
            complain(error)
        self._soon.throttle()


def _others(bench: Any) -> list[Any]:
    """Layers that are no scans, results, regions or volumes of a scan: those of the user, and what came beside."""
    kept = {getattr(scan, role) for scan in bench.scans.all for role in ROLES} - {None}
    own = ("recipe", "scan", "look", "file", "copy", "swipe")
    return [
        layer
        for layer in bench.viewer.layers
        if not any(facts(layer.metadata).get(key) for key in own)
        and facts(layer.metadata).get(KIND) != REGIONS
        and not files_of(layer) & kept
    ]


def _listed(names: list[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)


def _process(number: int) -> str:
    """A process by its number and the time of its start: numbers are given again."""
    return f"{number}-{int(psutil.Process(number).create_time())}"


def _ended() -> list[Path]:
    """Session files of viewers that are gone, the newest first."""
    gone = [file for file in (places.HOME / SESSIONS).glob(f"*/{NAME}") if not _alive(file.parent.name)]
    return sorted(gone, key=lambda file: file.stat().st_mtime, reverse=True)


def _alive(folder: str) -> bool:
    number = int(folder.partition("-")[0])
    try:
        running = folder.startswith(f"{_process(number)}-")
    except psutil.NoSuchProcess:
        return False
    return running and (number != os.getpid() or folder in OPEN)
