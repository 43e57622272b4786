"""What the Scan dock knows: the file, the facts in plain words, what is missing, and what will be used of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import FewviewError
from ...io import inspect, read_scan
from ...io.cil import channels
from ...io.info import ScanInfo
from ...prepare import PrepareOptions
from ...runs.recipe import ReaderChoices, Recipe
from ...scan import Scan
from ...scan.advice import still_due, without_taken
from ..common.words import number, size, without_flags
from .axis_state import AxisState
from .fact import Action, Fact, State

SHARE_OF_PROJECTIONS = 512 * 2**20  # bytes: more are shown thinned out


class ScanPresenter:
    """One scan and the choices made about it.

    Attributes
    ----------
    path : str
        Empty while nothing is loaded.
    reader : ReaderChoices
        What the user said about the file.
    views : int or None
        To use; None for all.
    rows : (int, int) or None
        Detector rows; None for all.
    bin : int
    axis_state : AxisState
        The rotation axis in use, and what was found.
    prepare : dict
        Options of the preparation that differ from its defaults.
    settled : dict
        By method: what earlier runs on this scan chose for options on "auto", and the title of that run.
    auxiliary, reference : str or None
        Files of the X-ray volume and of the reference.
    """

    def __init__(self) -> None:
        self.path = ""
        self.reader = ReaderChoices()
        self.info: ScanInfo | None = None
        self.scan: Scan | None = None
        self.views: int | None = None
        self.rows: tuple[int, int] | None = None
        self.bin = 1
        self.axis_state = AxisState()
        self.prepare: dict[str, Any] = {}
        self.settled: dict[str, tuple[dict[str, Any], str]] = {}
        self.auxiliary: str | None = None
        self.reference: str | None = None

    @property
    def loaded(self) -> bool:
        """Whether there is a file."""
        return self.info is not None

    @property
    def ready(self) -> bool:
        """Whether it can be reconstructed."""
        return self.scan is not None

    @property
    def channels(self) -> int:
        """Scans in the file: the times or energies of a series."""
        return channels(self.path) if self.path else 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """Views, rows and columns of the detector; zeros before a scan is loaded."""
        shape = None if self.info is None else self.info.shape
        return shape or (0, 0, 0)

    @property
    def pixel(self) -> float | None:
        """Detector pixel in mm."""
        return None if self.scan is None else self.scan.geometry.pixel

    @property
    def edge(self) -> float | None:
        """Voxel of a volume that is not binned, mm: a detector pixel brought back to the axis."""
        return None if self.scan is None else self.scan.geometry.voxel

    @property
    def voxel(self) -> float | None:
        """Voxel of the volume to come, mm."""
        return None if self.edge is None else self.edge * self.bin

    @property
    def angles(self) -> NDArray[np.float64]:
        """All angles, degrees."""
        return np.zeros(0) if self.scan is None else np.degrees(self.scan.geometry.angles)

    @property
    def angles_used(self) -> NDArray[np.float64]:
        """Angles of the views that will be used, degrees."""
        if self.scan is None or self.views is None:
            return self.angles
        return np.degrees(self.scan.sparse(self.views).geometry.angles)

    def load(self, path: str | Path, **said: Any) -> None:
        """Look at a file or folder; choices about an earlier one are forgotten.

        Raises
        ------
        ScanError
            Nothing can be said about it at all.
        """
        reader = ReaderChoices.parse(said)
        info = inspect(path, **reader.given())
        self.__init__()  # type: ignore[misc]
        self.path, self.reader = str(path), reader
        self._take(info)

    def say(self, **said: Any) -> None:
        """Correct what is known of the file (angles, kind, pixel, flats, darks, layout) and look again.

        Raises
        ------
        FewviewError
            What was said is not possible; nothing has changed.
        """
        reader = ReaderChoices.parse({**self.reader.given(), **said})
        info = inspect(self.path, **reader.given())
        for one in info.missing:
            if _action(one.problem) in said:
                raise FewviewError(one.problem, one.remedy)
        before, self.reader = self.reader, reader
        try:
            self._take(info)
        except FewviewError:
            self.reader = before
            raise
        turned = reader.horizontal_axis != before.horizontal_axis
        if turned or reader.mirror != before.mirror:  # the column of the axis is another one now
            self.axis_state = AxisState(info.axis, info.provenance.get("axis", "") if info.axis is not None else "")

    @property
    def axis(self) -> float | None:
        """Column of the rotation axis in use, of the unbinned detector."""
        return self.axis_state.column

    @axis.setter
    def axis(self, column: float) -> None:
        self.axis_state.choose(column)

    @property
    def axis_how(self) -> str:
        """How the axis in use came to be: "found: ...", "given: by the user", ..."""
        return self.axis_state.how

    def set_axis(self, column: float, how: str = "given: by the user") -> None:
        """Choose the rotation axis."""
        self.axis_state.choose(column, how)

    def turn_upright(self) -> None:
        """Resample the projections by the tilt that was found, on top of what they are turned already."""
        self._turn(self.axis_state.turn(float(self.prepare.get("tilt", 0.0))))

    def undo_axis(self) -> None:
        """Go back to the axis from before: column, or turn."""
        turned = self.axis_state.undo()
        if turned is not None:
            self._turn(turned)

    def _turn(self, degrees: float) -> None:
        rest = {name: value for name, value in self.prepare.items() if name != "tilt"}
        self.prepare = {**rest, "tilt": degrees} if degrees else rest

    def _take(self, info: ScanInfo) -> None:
        scan = read_scan(self.path, **self.reader.given()) if info.ready else None
        self.info, self.scan = info, scan
        if info.axis is not None and self.axis is None:
            self.axis_state = AxisState(info.axis, info.provenance.get("axis", ""))
        rows = self.shape[1]
        if self.rows is not None and self.rows[1] > rows:
            self.rows = None

    def use_like(self, other: ScanPresenter | Recipe) -> None:
        """Use of this scan what is used of another one, or by a run: views, rows, binning and preparation.

        Raises
        ------
        FewviewError
            There are fewer views or rows; nothing has changed.
        """
        views, rows, _ = self.shape
        if self.ready and ((other.views or 0) > views or (other.rows or (0, 0))[1] > rows):
            name = Path(self.path).name
            raise FewviewError(
                f"{name} has {views} views of {rows} rows: fewer than are to be used.", "Open it by itself."
            )
        self.views, self.rows, self.bin, self.prepare = other.views, other.rows, other.bin, dict(other.prepare)

    def learn(self, record: Mapping[str, Any], title: str) -> None:
        """What a finished run on this scan has chosen serves its next previews.

        Parameters
        ----------
        record : mapping
            Of the run.
        title : str
            What the run is called.
        """
        options = record.get("options", {})
        chosen = {name: value for name, value in record.get("chosen", {}).items() if options.get(name) == "auto"}
        if chosen:
            self.settled[record["method"]] = (chosen, title)

    def facts(self) -> list[Fact]:
        """The scan in plain words."""
        info = self.info
        if info is None:
            return [Fact("Scan", "Nothing loaded. Open a file, a folder or a sample.", "note")]
        files = f"{info.files} files, " if info.files > 1 else ""
        facts = [
            Fact("File", f"{Path(self.path).name} ({files}{info.format}, {size(info.file_bytes)})", where=self.path)
        ]
        if info.shape is not None:
            views, rows, columns = info.shape
            layout = info.provenance.get("layout", "")
            facts.append(
                Fact("Frames", f"{views} views of {rows} × {columns} pixels, {info.dtype}", _state(layout), "", layout)
            )
        facts += self._corrigible(info)
        for first, later in info.duplicates:
            facts.append(Fact("Note", f"Views {first} and {later} measure the same lines.", "note"))
        steps = PrepareOptions.parse(self.prepare)
        notes = still_due(info.notes, steps, self.rows or (0, self.shape[1]))
        facts += [Fact("Note", without_flags(note), "note") for note in notes]
        for one in info.missing:
            said = without_flags(f"{one.problem} {without_taken(one.remedy, steps)}")
            facts.append(Fact("Missing", said, "missing", _action(one.problem)))
        return facts

    def _corrigible(self, info: ScanInfo) -> list[Fact]:
        """Facts that the user may correct at any time, whether they were read or assumed."""
        said = self.reader.given()
        facts = []
        channel = str(said.get("dataset", ""))
        if channel.isdigit():
            facts.append(Fact("Channel", f"{channel} of 0 to {self.channels - 1}", "note", "dataset", "", channel))
        if info.angles is not None:
            a = info.angles
            uneven = ", uneven" if a.irregular else ""
            text = f"{number(a.start)}° to {number(a.stop)}°, step {number(a.step, 3)}°{uneven}"
            facts.append(Fact("Angles", text, _state(a.origin), "angles", a.origin, str(said.get("angles", ""))))
        for switch, (label, yes, no) in _SWITCHES.items():
            if info.angles is not None:
                on = bool(said.get(switch))
                facts.append(Fact(label, yes if on else no, "note", switch, "", "yes" if on else "no"))
        if info.shape is not None:
            text = str(said.get("exclude") or "")
            facts.append(Fact("Left out", f"views {text}" if text else "no view", "note", "exclude", "", text))
        if info.kind is not None:
            origin = info.provenance.get("kind", "")
            facts.append(Fact("Values", _KIND[info.kind], _state(origin), "kind", origin, info.kind))
        if info.kind == "counts" or info.flats:
            fields: tuple[tuple[Action, str], ...] = (("flats", "open-beam"), ("darks", "dark"))
            for name, label in fields:
                count = info.flats if name == "flats" else info.darks
                state: State = "good" if count else "assumed" if name == "flats" else "note"
                where, now = info.provenance.get(name, ""), str(said.get(name, ""))
                facts.append(Fact(name.capitalize(), f"{count or 'no'} {label} frames", state, name, where, now))
        if self.scan is not None and self.scan.geometry.name != "parallel":
            where, now = info.provenance.get("beam", ""), str(said.get("geometry") or "")
            facts.append(Fact("Beam", info.beam, "note", "geometry", where, now))
        facts.append(self.axis_state.fact())
        origin = info.provenance.get("pixel", "")
        if self.pixel is None:
            facts.append(Fact("Pixel", "size unknown: lengths in pixels", "note", "pixel", origin))
        else:
            facts.append(Fact("Pixel", f"{number(self.pixel)} mm", _state(origin), "pixel", origin, f"{self.pixel:g}"))
        return facts

    def headline(self) -> str:
        """One line: can it be reconstructed?"""
        if self.info is None:
            return "No scan"
        if not self.ready:
            return "Not ready: see what is missing"
        assumed = [name for name in self.info.assumed if name != "axis" or self.axis is None]
        return "Ready; please check what is assumed (≈)" if assumed else "Ready to reconstruct"

    def recipe(self, **more: Any) -> Recipe:
        """The recipe of a run on what is chosen.

        Raises
        ------
        FewviewError
            No scan that can be reconstructed.
        """
        if not self.ready:
            raise FewviewError("There is no scan that can be reconstructed.", "Load one in the Scan dock.")
        values: dict[str, Any] = {
            "scan": self.path,
            "reader": self.reader,
            "bin": self.bin,
            "reference": self.reference,
        }
        if self.axis is not None:
            values["axis"] = round(self.axis, 3)
            values["axis_origin"] = self.axis_how or None
        if self.views is not None and self.views < self.shape[0]:
            values["views"] = self.views
        if self.prepare:
            values["prepare"] = self.prepare
        if self.rows is not None and self.rows != (0, self.shape[1]):
            values["rows"] = self.rows
        return Recipe.parse({**values, **more})

    def one_row(self, row: int) -> tuple[int, int]:
        """Rows that make the slice which shows detector row ``row``."""
        last = self.shape[1] // self.bin * self.bin
        start = min(max(0, row // self.bin * self.bin), max(0, last - self.bin))
        return start, start + self.bin

    def projections(self) -> NDArray[np.float32]:
        """Frames (angle, v, u) to look at, binned where all of them would not fit in memory comfortably."""
        if self.scan is None:
            raise FewviewError("The projections cannot be shown yet.", "Add what is missing first.")
        views, rows, columns = self.shape
        factor = 1
        while views * rows * columns * 4 / factor**2 > SHARE_OF_PROJECTIONS:
            factor *= 2
        return (self.scan.bin(factor) if factor > 1 else self.scan).read()


_KIND = {"counts": "raw counts", "transmission": "transmission I/I₀", "attenuation": "line integrals, -log(I/I₀)"}


_SWITCHES: dict[Action, tuple[str, str, str]] = {
    "reverse_angles": ("Sense", "rotation reversed", "rotation as the angles say"),
    "mirror": ("Mirrored", "columns mirrored", "columns as stored"),
    "horizontal_axis": ("Turned", "axis along the rows: frames turned by 90°", "axis along the columns"),
}


def _state(origin: str) -> State:
    return "assumed" if origin.startswith("assumed") else "missing" if origin.startswith("missing") else "good"


def _action(problem: str) -> Action:
    lower = problem.lower()
    if "angle" in lower:
        return "angles"
    if "fan-beam" in lower or "geometry" in lower:
        return "geometry"
    if "channels" in lower:
        return "dataset"
    return "flats" if "flat" in lower else ""
