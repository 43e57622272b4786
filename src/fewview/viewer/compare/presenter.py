"""What the Compare dock computes from layers and regions: candidates, truth, table, scale curve, profiles. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import FewviewError
from ...quality import data_range, scale_curve
from ...runs.worker.queued_run import QueuedRun
from ..common.layers import facts
from ..common.names import short_names
from ..files.layer_files import is_volume
from .grids import Placed, Shaped, placed
from .profile import line_profile
from .table import OF_RUNS, WHOLE, Candidate, Row, Table, Truth
from .truth import truth_on
from .value_units import larger_pixels, one_unit

Live = dict[int, dict[str, float]]  # number of a run -> what it has told so far


@dataclass(frozen=True, eq=False)
class Comparison:
    """What can be compared at one height.

    Parameters
    ----------
    candidates : list of Candidate
    truth : Truth or None
    unit : str
        Of the values: "mm^-1", "per pixel", or "" where nobody knows.
    length : {"mm", "pixel"}
    notes : list of str
        Sentences on what was left out or assumed.
    elsewhere : bool
        Whether there are layers, none of which has a slice at this height.
    reference : str
        Name of the layer that was chosen as reference, whether or not it can be one.
    """

    candidates: list[Candidate] = field(default_factory=list)
    truth: Truth | None = None
    unit: str = ""
    length: str = "pixel"
    notes: list[str] = field(default_factory=list)
    elsewhere: bool = False
    reference: str = ""


class ComparePresenter:
    """Reads layers (anything with data, scale, translate, name, metadata) at one position along z."""

    def __init__(self) -> None:
        self.table = Table()
        self._versions: dict[int, int] = {}
        self._range: tuple[Any, int, float, str] | None = None  # a reference, its version, its data range, or why none

    def touch(self, layer: Any) -> None:
        """Say that a layer's data has changed."""
        self._versions[id(layer)] = self._versions.get(id(layer), 0) + 1

    def compare(
        self,
        layers: Sequence[Any],
        reference: Any,
        z: float,
        live: Live | None = None,
        scan: Shaped | None = None,
    ) -> Comparison:
        """Bring layers and reference to one unit and one height.

        Parameters
        ----------
        layers : sequence of layers
        reference : layer or None
        z : float
            In the unit in which the layers lie: mm if one of them is in mm.
        live : dict, optional
            Scores of a run in progress.
        scan : Shaped, optional
            The grid of the scan's own volume.

        Returns
        -------
        Comparison
            Slices (y, x) of the layers and of the reference, their unit and that of lengths, and notes for the user.
        """
        others = [layer for layer in layers if layer is not reference]
        everything = [*others, *([] if reference is None else [reference])]
        known, notes = placed(everything, scan)
        agreed, unit, more = one_unit([one.layer for one in known])
        notes += more
        usable = {id(one.layer): one for one in known if one.layer in agreed}
        truth_place = usable.get(id(reference))
        truth, scale = self._truth(truth_place, z, notes)
        pixel = min((one.place.step[-1] for one in usable.values()), default=1.0)
        of_truth = 1.0 if truth_place is None else larger_pixels(truth_place, pixel, unit)
        if truth is not None and of_truth != 1:
            truth = replace(truth, image=truth.image / of_truth, value_range=truth.value_range / of_truth)
        candidates = []
        for layer in others:
            one = usable.get(id(layer))
            image = None if one is None else one.plane(z)
            if one is None or image is None:
                continue
            larger = larger_pixels(one, pixel, unit)
            if larger != 1:  # attenuation per pixel depends on how large pixels are
                image = np.asarray(image, dtype=np.float32) / np.float32(larger)
                times = f"{larger:g}"
                notes.append(f"“{layer.name}” has pixels {times} times as large: its values were divided by {times}.")
            target = None
            if truth_place is not None and scale > 0:
                target, why = truth_on(one, image, truth_place, z)
                target = target if target is None or of_truth == 1 else target / np.float32(of_truth)
                notes += [why] if why else []
            candidates.append(self._candidate(one, image, target, live, larger))
        notes += unequal_views([layer for layer in others if layer in agreed])
        length = known[0].place.unit if known else "pixel"
        elsewhere = not candidates and any(layer is not reference for layer in agreed)
        chosen = "" if reference is None else reference.name
        return Comparison(candidates, truth, unit, length, list(dict.fromkeys(notes)), elsewhere, chosen)

    def candidate(self, layer: Any, z: float) -> Candidate | None:
        """One layer by itself, as the table measures it; None where it has no slice at ``z``."""
        return next(iter(self.compare([layer], None, z).candidates), None)

    def rows(
        self, comparison: Comparison, regions: Sequence[tuple[str, NDArray[Any]]], z: float, *, whole: bool = False
    ) -> list[Row]:
        """Lines of the table; ``whole`` ends it with the whole slice.

        Parameters
        ----------
        comparison : Comparison
        regions : sequence of tuple[str, ndarray]
            Names and corners (y, x), in world units.
        z : float
            Height of the slice, in world units.
        whole : bool, optional

        Returns
        -------
        list of Row
            One for each region and layer.
        """
        wanted: list[tuple[str, NDArray[Any] | None]] = [*regions, *([(WHOLE, None)] if whole else [])]
        return self.table.rows(wanted, comparison.candidates, comparison.truth, z)

    def scale_curves(self, comparison: Comparison, point: tuple[float, float]) -> dict[str, Any]:
        """PSNR against region size (DINR's scales) around a world point (y, x), per layer."""
        curves: dict[str, Any] = {}
        for candidate in comparison.candidates:
            if comparison.truth is None or candidate.truth is None:
                continue
            y, x = (np.asarray(point) - candidate.origin) / candidate.step
            if not (0 <= y < candidate.image.shape[0] and 0 <= x < candidate.image.shape[1]):
                continue
            try:
                scale = comparison.truth.value_range
                rows = scale_curve(candidate.image, candidate.truth, (y, x), value_range=scale)
            except FewviewError:  # pixels that are not numbers: the table tells of them
                continue
            sizes = [float(np.sqrt(size[0] * size[1])) for size, _, _ in rows]
            curves[candidate.name] = (sizes, [value for _, value, _ in rows])
        return curves

    def profiles(self, comparison: Comparison, line: tuple[NDArray[Any], NDArray[Any]]) -> dict[str, Any]:
        """Values along a line (world coordinates) on every layer; distances in world units."""
        curves: dict[str, Any] = {}
        for candidate in comparison.candidates:
            start, stop = ((end - candidate.origin) / candidate.step for end in line)
            distance, values = line_profile(candidate.image, start, stop)
            curves[candidate.name] = (distance * candidate.step[0], values)
        return curves

    def _candidate(
        self, one: Placed, image: NDArray[Any], truth: NDArray[Any] | None, live: Live | None, divided: float
    ) -> Candidate:
        layer, place = one.layer, one.place
        return Candidate(
            layer.name,
            image,
            place.origin[1:],
            place.step[1:],
            self._versions.get(id(layer), 0),
            (live or {}).get(facts(layer.metadata).get("run", -1)) or run_scores(layer),
            truth,
            id(layer),
            divided,
        )

    def _truth(self, one: Placed | None, z: float, notes: list[str]) -> tuple[Truth | None, float]:
        """The reference at ``z`` and its range; None without one, without a slice there, or if it is constant."""
        if one is None:
            self._range = None
            return None, 0.0
        layer, version = one.layer, self._versions.get(id(one.layer), 0)
        if self._range is None or self._range[0] is not layer or self._range[1] != version:
            try:
                self._range = layer, version, data_range(layer.data), ""
            except FewviewError as error:
                self._range = layer, version, 0.0, str(error)
        notes += [self._range[3]] if self._range[3] else []
        image = one.plane(z)
        if image is None:
            notes.append(f"The reference “{one.layer.name}” has no slice at this height.")
        scale = self._range[2]
        return (Truth(one.layer.name, image, scale, version), scale) if image is not None and scale > 0 else (None, 0.0)


def comparable(layers: Any, reference: Any = None) -> list[Any]:
    """Image layers that can be compared: volumes and slices, without projections and without the reference."""
    return [
        layer
        for layer in layers
        if is_volume(layer) and layer is not reference and not facts(layer.metadata).get("swipe")
    ]


def run_scores(layer: Any) -> dict[str, float]:
    """Held-out error and data residual that the run of a layer ended with."""
    record = facts(layer.metadata).get("record", {})
    history = facts(layer.metadata).get("history", {})
    holds = str(facts(layer.metadata).get("holds", ""))
    if holds and not holds.startswith("stopped"):
        history = {}  # the figures of a trial are those of its own small problem
    scores = {}
    for name in OF_RUNS:
        value = record.get(name)
        if value is None and history.get(name):
            value = history[name][-1][1]  # it was stopped, or failed: the last value that was told
        if value is not None:
            scores[name] = float(value)
    return scores


def unequal_views(layers: Sequence[Any]) -> list[str]:
    """A sentence where runs that are compared were not made of as many views; their names may be cut in the table."""
    counts = {layer.name: facts(layer.metadata).get("record", {}).get("views") for layer in layers}
    known = {name: views for name, views in counts.items() if views}
    if len(set(known.values())) < 2:
        return []
    names = short_names(known)
    told = ", ".join(f"{names[name]} {views}" for name, views in known.items())
    return [f"The runs had unequal numbers of views: {told}."]


def live_scores(run: QueuedRun | None) -> dict[int, dict[str, float]]:
    """Newest numbers of a run that goes on, by its own number."""
    if run is None or run.over:
        return {}
    return {run.number: {name: points[-1][1] for name, points in run.history.items() if points}}
