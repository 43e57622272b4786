"""Commands of the palette and the menus."""

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


def run(viewer: napari.viewer.Viewer) -> None:
    """Run what the Reconstruct dock is set to, or go on."""
    _act(viewer, "toggle_run")


def preview(viewer: napari.viewer.Viewer) -> None:
    """Reconstruct the slice that is shown."""
    _act(viewer, "preview")


def pause(viewer: napari.viewer.Viewer) -> None:
    """Hold the run, or go on."""
    _act(viewer, "toggle_pause")


def stop(viewer: napari.viewer.Viewer) -> None:
    """Stop the run and keep its last estimate."""
    _act(viewer, "stop")


def save_result(viewer: napari.viewer.Viewer) -> None:
    """Save the selected result with its record and regions."""
    _act(viewer, "save_result")


def open_record(viewer: napari.viewer.Viewer) -> None:
    """Bring back what a run record says."""
    _act(viewer, "open_record")


def continue_session(viewer: napari.viewer.Viewer) -> None:
    """Open the last session again."""
    from .common.notify import tell
    from .workbench import workbench_of

    keeper = workbench_of(viewer).keeper
    if keeper.last() is None:
        tell("There is no last session to continue, or a scan is open already.")
    keeper.resume()


def drop_region(viewer: napari.viewer.Viewer) -> None:
    """Drop a region at the cursor."""
    _act(viewer, "drop_region")


def undo_regions(viewer: napari.viewer.Viewer) -> None:
    """Take back the last change of the regions."""
    _act(viewer, "undo")


def toggle_grid(viewer: napari.viewer.Viewer) -> None:
    """Compared layers side by side, or on top of each other."""
    _act(viewer, "toggle_grid")


def toggle_swipe(viewer: napari.viewer.Viewer) -> None:
    """Swipe between two layers, on or off."""
    _act(viewer, "swipe")


def link_contrast(viewer: napari.viewer.Viewer) -> None:
    """Link the contrast of the compared layers, on or off."""
    _act(viewer, "link_contrast")


def _on_top(viewer: Any, name: str) -> bool:
    """Whether a dock is open and not behind another tab."""
    frame = viewer.window.dock_widgets.get(f"{name} (fewview)")
    return frame is not None and bool(frame.isVisible()) and not frame.visibleRegion().isEmpty()


def _act(viewer: Any, action: str) -> None:
    from .workbench import workbench_of

    actions = workbench_of(viewer).actions
    if action in actions:
        actions[action]()
    else:
        warn("Open the docks first: Plugins > fewview > Open fewview.")
