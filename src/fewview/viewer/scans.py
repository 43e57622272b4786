"""The scans that are open in one viewer, and which layers belong to which."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FewviewError
from .common.layers import METADATA, facts
from .common.names import own_name, with_prefix
from .files.layer_files import files_of
from .scan.presenter import ScanPresenter
from .unit_of_layers import bring_layer


class Scans:
    """One scan is meant at a time; its layers are in sight, those of the others are hidden and keep their state.

    Attributes
    ----------
    all : list of ScanPresenter
        In the order in which they were opened.
    current : ScanPresenter
        The one that the docks show.
    leaving : list of callable
        Called before another one is meant: who has changed which layers are in sight, as a grid does, ends that first.
    moved : list of callable
        Called with the path of a scan, and the mm of its pixel until now and from now on: what is to come of it lies
        by the new one, too.
    returning : bool
        Whether layers come back that were out of the viewer: their scans are open, and none of them is meant by that.
    still : callable
        Gives a context in which nothing is painted. Where several layers go, one of them of more axes than the others,
        the sliders change and napari paints at once, layers that are half gone too: a crash within OpenGL.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.current = ScanPresenter()
        self.all: list[ScanPresenter] = []
        self.leaving: list[Callable[[], None]] = []
        self.moved: list[Callable[[str, float | None, float | None], None]] = []
        self.returning = False
        self._edges: dict[str, float] = {}  # mm of a pixel by which the layers of a scan lie
        self.still: Callable[[], AbstractContextManager[None]] = nullcontext
        self._visible: dict[int, bool] = {}
        self._parked: dict[str, list[Any]] = {}

    def add(self, scan: ScanPresenter) -> None:
        """Take in a scan that was loaded, and mean it; one of the same file is replaced."""
        known = [one for one in self.all if one.path == scan.path]
        self.all = [one for one in self.all if one not in known] + [scan]
        self.choose(scan)
        self.name_layers()

    def include(self, scan: ScanPresenter) -> None:
        """Take in a scan without meaning it."""
        if self.at(scan.path) is None:
            self.all.append(scan)
            self.name_layers()

    def choose(self, scan: ScanPresenter) -> None:
        """Mean another scan: its layers come into sight, the others' go, and the view begins anew."""
        if self.current is scan:
            return
        for leave in self.leaving:
            leave()
        before, self.current = self.current, scan
        self._hand_over(scan)
        self.park()
        for layer in self._viewer.layers:
            of = scan_of(layer)
            if of in (None, ""):
                continue
            if of != scan.path and before.path == of:
                self._visible[id(layer)] = layer.visible
            layer.visible = of == scan.path and self._visible.pop(id(layer), layer.visible)
        self.reset_view()
        self.name_layers()

    def _hand_over(self, scan: ScanPresenter) -> None:
        """X-ray volume and reference of a scan become its own where they came with another, as a frame of a series."""
        for waiting in self._parked.values():
            for layer in [one for one in waiting if _serves(one, scan)]:
                waiting.remove(layer)
                self._viewer.add_layer(layer)
        for layer in self._viewer.layers:
            if _serves(layer, scan):
                layer.metadata = {**layer.metadata, METADATA: {**facts(layer.metadata), "of": scan.path}}

    def park(self) -> None:
        """Take out of the viewer what lies in another unit than the scan that is meant, and bring back the rest.

        Millimetres and pixels cannot share one picture: napari would draw both as if they were the same.
        """
        layers = self._viewer.layers
        away = [scan for scan in self.all if (scan.pixel is None) != (self.current.pixel is None)]
        for scan in away:
            own = list(self.layers_of(scan))
            self._visible.update({id(layer): layer.visible for layer in own if id(layer) not in self._visible})
            runs = {facts(layer.metadata).get("run") for layer in own} - {None}  # newer than what waits of them
            waiting = self._parked.get(scan.path, [])
            waiting = [layer for layer in waiting if facts(layer.metadata).get("run") not in runs]
            self._parked[scan.path] = waiting + own
            with self.still():
                for layer in own:
                    layers.remove(layer)
        self.returning = True
        try:
            for scan in self.all:  # once the others are gone: napari warns of every layer that finds another unit
                for layer in self._parked.pop(scan.path, []) if scan not in away else ():
                    self._viewer.add_layer(layer)
        finally:
            self.returning = False
        self._follow_pixel(self.current)

    def _follow_pixel(self, scan: ScanPresenter) -> None:
        before, edge = self._edges.get(scan.path), scan.edge
        if sum(bring_layer(layer, scan, before) for layer in self.layers_of(scan)):
            self.reset_view()
        for follow in self.moved if before != edge else ():
            follow(scan.path, before, edge)
        if edge is not None:
            self._edges[scan.path] = edge

    def came(self, layer: Any) -> None:
        """A layer has come: one of a scan that is not meant stays out of sight."""
        of = scan_of(layer)
        if of and of != self.current.path and self.at(of) is not None:
            self._visible.setdefault(id(layer), layer.visible)
            layer.visible = False
            if self._viewer.layers.selection.active is layer:  # what is in sight stays what one works on
                seen = [one for one in self.layers_of(self.current) if one.visible]
                self._viewer.layers.selection = set(seen[-1:])
            self.park()

    def close(self, scan: ScanPresenter) -> None:
        """Take a scan out, with all of its layers."""
        if scan not in self.all:
            return
        self.all.remove(scan)
        self._parked.pop(scan.path, None)
        with self.still():
            if self.current is scan:
                self.choose(self.all[-1] if self.all else ScanPresenter())
            for layer in list(self.layers_of(scan)):
                self._viewer.layers.remove(layer)
        self.name_layers()

    def layers_of(self, scan: ScanPresenter) -> Iterator[Any]:
        """Layers that belong to a scan."""
        return (layer for layer in self._viewer.layers if scan_of(layer) == scan.path)

    def results_of(self, scan: ScanPresenter) -> list[Any]:
        """Layers of runs on a scan."""
        return [layer for layer in self.layers_of(scan) if "run" in facts(layer.metadata)]

    def at(self, path: str) -> ScanPresenter | None:
        """The open scan of a file; None where it is not open."""
        return next((scan for scan in self.all if scan.path == path), None)

    def needed(self, path: str, title: str) -> ScanPresenter:
        """The open scan of a file, for a run of this title.

        Raises
        ------
        FewviewError
            It is not open any more.
        """
        scan = self.at(path)
        if scan is None:
            raise FewviewError(f"The scan of “{title}” is not open any more.", f"Open {path} first.")
        return scan

    def everything_of(self, scan: ScanPresenter) -> list[Any]:
        """Layers that belong to a scan, in the viewer or parked."""
        return [*self.layers_of(scan), *self._parked.get(scan.path, [])]

    def label(self, scan: ScanPresenter) -> str:
        """Name of a scan for menus: its file; with the folder, where two have the same."""
        name = Path(scan.path).name
        same = sum(Path(one.path).name == name for one in self.all)
        return f"{Path(scan.path).parent.name}/{name}" if same > 1 else name

    def prefix(self, scan: ScanPresenter) -> str:
        """What the layers of a scan are called before their own name; nothing while there is one scan."""
        return f"{Path(self.label(scan)).with_suffix('')}: " if len(self.all) > 1 else ""

    def prefix_at(self, path: str) -> str:
        """As :meth:`prefix`, of the scan of a file; nothing where that is not open."""
        scan = self.at(path)
        return "" if scan is None else self.prefix(scan)

    def reset_view(self) -> None:
        """All of what is seen of the scan that is meant, and its middle row.

        Napari itself would make room for hidden layers, too, and for those from elsewhere.
        """
        seen = [layer for layer in self._viewer.layers if layer.visible and type(layer).__name__ == "Image"]
        if not seen:
            return
        own = [layer for layer in seen if scan_of(layer) == self.current.path] or seen
        dims, ndim = self._viewer.dims, max(layer.ndim for layer in own)
        for axis in range(ndim - 2):
            deep = [layer.extent.world[:, axis - ndim] for layer in own if layer.ndim == ndim]
            step = min(layer.scale[axis - ndim] for layer in own if layer.ndim == ndim)
            low, high = min(span[0] for span in deep), max(span[1] for span in deep)  # middles of pixels
            dims.set_point(dims.ndim - ndim + axis, low + np.floor((high - low) / step / 2 + 0.5 + 1e-6) * step)
        if ndim == dims.ndim:
            self._viewer.reset_view(layers=own)
        else:  # images in a viewer of volumes: napari cannot fit them by themselves
            self._viewer.reset_view()

    def name_layers(self) -> None:
        """Give the layers of each scan the same beginning of their names, as long as there are several scans."""
        for scan in self.all:
            wanted = self.prefix(scan)
            for layer in self.layers_of(scan):
                if facts(layer.metadata).get("prefix", "") != wanted:
                    layer.name = with_prefix(wanted, own_name(layer.name, layer.metadata))
                    layer.metadata = {**layer.metadata, METADATA: {**facts(layer.metadata), "prefix": wanted}}


def _serves(layer: Any, scan: ScanPresenter) -> bool:
    """Whether a volume that came with another scan is X-ray volume or reference of this one, too."""
    about = facts(layer.metadata)
    other = about.get("of") not in ("", None, scan.path) and "run" not in about
    return other and bool(files_of(layer) & {scan.auxiliary, scan.reference})


def scan_of(layer: Any) -> str | None:
    """Path of the scan that a layer belongs to; None for one from elsewhere."""
    about = facts(layer.metadata)
    result: str | None = about.get("scan") or about.get("of") or about.get("recipe", {}).get("scan")
    return result
