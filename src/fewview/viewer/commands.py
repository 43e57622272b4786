"""Commands of the palette and the menus."""

from collections.abc import Callable
from typing import Any

import napari.viewer

from .common.notify import warn

DOCKS = ("Scan", "Reconstruct", "Compare")


def open_all(viewer: napari.viewer.Viewer) -> dict[str, Any]:
    """Open the three docks: Scan and Reconstruct as tabs on the right, Compare below the picture."""
    from .files.writer_order import offer_first
    from .layout import arrange
    from .workbench import workbench_of

    frames, docks = {}, {}
    for name in DOCKS:
        tabbed = name == "Reconstruct"
        frames[name], docks[name] = viewer.window.add_plugin_dock_widget("fewview", name, tabify=tabbed)
    arrange(frames)
    workbench_of(viewer).bind_keys()
    offer_first()
    return docks


def show_keys(viewer: napari.viewer.Viewer) -> None:
    """Show the table of keys, where they can be changed."""
    from .keys.dialog import KeysTable
    from .layout import show_page
    from .workbench import workbench_of

    show_page(viewer, KeysTable(workbench_of(viewer)), "fewview keys", "Keys")


def show_help(viewer: napari.viewer.Viewer) -> None:
    """Open the documentation of the dock that is on top."""
    from .help import show_help as show

    tops = [name for name in DOCKS if _on_top(viewer, name)]
    show(viewer, next(iter(tops), ""))


def continue_session(viewer: napari.viewer.Viewer) -> None:
    """Open the last session again."""
    from .common.notify import tell
    from .workbench import workbench_of

    keeper = workbench_of(viewer).keeper
    if keeper.last() is None:
        tell("There is no last session to continue, or a scan is open already.")
    keeper.resume()


def _on_top(viewer: Any, name: str) -> bool:
    """Whether a dock is open and not behind another tab."""
    frame = viewer.window.dock_widgets.get(f"{name} (fewview)")
    return frame is not None and bool(frame.isVisible()) and not frame.visibleRegion().isEmpty()


def _acting(action: str) -> Callable[[napari.viewer.Viewer], None]:
    """A command that has the dock act that can, if it is open."""

    def act(viewer: napari.viewer.Viewer) -> None:
        from .workbench import workbench_of

        actions = workbench_of(viewer).actions
        if action in actions:
            actions[action]()
        else:
            warn("Open the docks first: Plugins > fewview > Open fewview.")

    return act


run = _acting("toggle_run")
preview = _acting("preview")
pause = _acting("toggle_pause")
stop = _acting("stop")
save_result = _acting("save_result")
open_record = _acting("open_record")
drop_region = _acting("drop_region")
undo_regions = _acting("undo")
toggle_grid = _acting("toggle_grid")
toggle_swipe = _acting("swipe")
link_contrast = _acting("link_contrast")
