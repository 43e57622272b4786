"""The session as it stands, kept on disk, so that it can be continued after a restart."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

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

SOON_MS = 1500
LARGEST = 64 * 2**20  # bytes of a result that is kept unasked; a larger one only its user saves


@thread_worker
def _keeping(path: str, data: Any, attributes: dict[str, Any]) -> str:
    return save(path, data, attributes)


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
        self._begun = False
        self._workers: list[Any] = []
        self._soon = QSignalDebouncer(parent=self)
        self._soon.setTimeout(SOON_MS)
        self._soon.triggered.connect(self.write)
        bench.scan_changed.connect(self._soon.throttle)
        bench.live.ended.connect(self._on_end)

    @property
    def file(self) -> Path:
        """Where the session lies."""
        return places.HOME / "session" / "session.json"

    def last(self) -> Mapping[str, Any] | None:
        """The last session, where its scans are still there and nothing was opened since."""
        if self._begun or not self.file.exists():
            return None
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError):
            return None
        scans = found.get("scans") if isinstance(found, dict) else None
        return found if scans and all(Path(one["recipe"]["scan"]).exists() for one in scans) else None

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
        unsaved = []
        for one in found["scans"]:
            try:
                scan = scan_of_recipe(Recipe.parse(one["recipe"]))
            except FewviewError as error:
                complain(error)
                continue
            take(self._bench, scan, one["regions"], [path for path in one["results"] if Path(path).exists()])
            unsaved += one["unsaved"]
        self._bench.answer(True)
        if found.get("settings"):
            self._bench.restored.emit(Recipe.parse(found["settings"]))
        if unsaved:
            tell(f"Not kept, because they were large and had not been saved: {', '.join(unsaved)}.")

    def _begin(self) -> None:
        """The first thing to keep of a new session: what was kept of the one before goes."""
        if not self._begun:
            self._begun = True
            if self.file.parent.exists():
                shutil.rmtree(self.file.parent)
        self.file.parent.mkdir(parents=True, exist_ok=True)

    def _on_end(self, run: Any) -> None:
        self._soon.throttle()
        volume = getattr(run, "volume", None)
        if not self.on or run not in self._bench.runs or volume is None or volume.nbytes > LARGEST:
            return
        self.write()  # makes the folder, too
        layer = next((one for one in self._bench.viewer.layers if facts(one.metadata).get("run") == run.number), None)
        if layer is None or not self.on:
            return
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")  # a continued session numbers its runs anew
        path = str(self.file.parent / f"run-{stamp}-{run.number}.npy")
        record = {**facts(layer.metadata).get("record", {}), "title": run.title}
        record.setdefault("recipe", facts(layer.metadata).get("recipe"))
        about = {**facts(layer.metadata), "record": record}
        attributes = {"scale": tuple(layer.scale), "units": tuple(layer.units), "metadata": {"fewview": about}}
        worker = _keeping(path, volume, attributes)
        worker.errored.connect(complain)
        worker.start()
        facts(layer.metadata)["kept_file"] = path  # type: ignore[index]
