"""The session as it stands, kept on disk, so that it can be continued after a restart."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from napari.qt.threading import thread_worker
from qtpy.QtCore import QObject
from superqt.utils import QSignalDebouncer

from ..atomic_write import written_whole
from ..errors import FewviewError
from ..runs.recipe import Recipe
from .common.layers import facts
from .common.notify import complain, tell
from .files import places
from .files.writers import save
from .restore import regions_of, scan_of_recipe, take

SESSIONS, NAME = "sessions", "session.json"
SOON_MS = 1500
SHARE = 0.05  # of the free disk that a result may take unasked; a larger one only its user saves
NUMBERS = itertools.count(1)  # of the viewers of this process
OPEN: set[str] = set()  # folders of those that are open


@thread_worker
def _keeping(path: str, data: Any, attributes: dict[str, Any]) -> tuple[FewviewError, ...]:
    try:
        save(path, data, attributes)
    except FewviewError as error:
        return (error,)  # raised, or returned by itself, napari would print it as a fault of ours
    return ()


def _tell(errors: tuple[FewviewError, ...]) -> None:
    for error in errors:
        complain(error)


class SessionKeeper(QObject):
    """Writes the session soon after each change; small results lie beside it.

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
        self._workers: list[Any] = []
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

    def close(self) -> None:
        """Write the session for the last time: another viewer may continue it."""
        self.write()
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
            if scans and all(Path(one["recipe"]["scan"]).exists() for one in scans):
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

    def write(self) -> None:
        """Write the session as it stands."""
        bench = self._bench
        if not self.on or not bench.scans.all:
            return
        try:
            self._begin()
        except OSError as error:
            self.on = False
            complain(FewviewError(f"The session is not kept: {error}.", f"Make {self.file.parent} writable."))
            return
        scans = []
        for scan in bench.scans.all:
            if not scan.ready:
                continue
            layers = [layer for layer in bench.scans.layers_of(scan) if "recipe" in facts(layer.metadata)]
            files = [facts(layer.metadata).get("file") or facts(layer.metadata).get("kept_file") for layer in layers]
            scans.append(
                {
                    "recipe": scan.recipe(auxiliary=scan.auxiliary).compact(),
                    "regions": regions_of(bench.viewer, scan),
                    "results": [file for file in files if file],
                    "unsaved": [layer.name for layer, file in zip(layers, files, strict=True) if not file],
                }
            )
        settings = None if self.settings is None else self.settings.compact()
        text = json.dumps({"scans": scans, "settings": settings}, indent=1)
        try:
            with written_whole(self.file) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except FewviewError as error:
            self.on = False  # said once is enough
            complain(FewviewError(f"The session is not kept: {error.problem}", error.remedy))

    def resume(self) -> None:
        """Open the last session again."""
        found = self.last()
        if found is None:
            return
        self._begun = True
        before, now = Path(found["folder"]), self.file.parent
        with suppress(OSError):  # another viewer was quicker: the scans open, without results
            before.rename(now)
        unsaved = []
        for one in found["scans"]:
            paths = [now / path.name if path.parent == before else path for path in map(Path, one["results"])]
            try:
                scan = scan_of_recipe(Recipe.parse(one["recipe"]))
            except FewviewError as error:
                complain(error)
                continue
            take(self._bench, scan, one["regions"], [str(path) for path in paths if path.exists()])
            unsaved += one["unsaved"]
        self._bench.answer(True)
        if found.get("settings"):
            self._bench.restored.emit(Recipe.parse(found["settings"]))
        if unsaved:
            tell(f"Not kept, because they were large and had not been saved: {', '.join(unsaved)}.")

    def _begin(self) -> None:
        """The first thing to keep of a new session: what viewers that are gone have kept goes."""
        if not self._begun:
            self._begun = True
            for file in _ended():
                shutil.rmtree(file.parent)
        self.file.parent.mkdir(parents=True, exist_ok=True)

    def _on_end(self, run: Any) -> None:
        self._soon.throttle()
        volume = getattr(run, "volume", None)
        if not self.on or run not in self._bench.runs or volume is None:
            return
        self.write()  # makes the folder, too
        if not self.on or volume.nbytes > SHARE * shutil.disk_usage(self.file.parent).free:
            return
        layer = next((one for one in self._bench.viewer.layers if facts(one.metadata).get("run") == run.number), None)
        if layer is None:
            return
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")  # a continued session numbers its runs anew
        path = str(self.file.parent / f"run-{stamp}-{run.number}.npy")
        attributes = {key: getattr(layer, key) for key in ("name", "scale", "units", "metadata")}
        worker = _keeping(path, volume, attributes)
        worker.returned.connect(_tell)
        worker.errored.connect(complain)
        worker.start()
        facts(layer.metadata)["kept_file"] = path  # type: ignore[index]


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
