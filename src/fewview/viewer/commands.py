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


def run(viewer: napari.viewer.Viewer) -> None:
    """Run what the Reconstruct dock is set to."""
    _act(viewer, "toggle_run")


def stop(viewer: napari.viewer.Viewer) -> None:
    """Stop the run and keep its last estimate."""
    _act(viewer, "stop")


def show_keys(viewer: napari.viewer.Viewer) -> None:
    """Show the table of keys, where they can be changed."""
    from .keys.dialog import KeysTable
    from .workbench import workbench_of

    viewer.window.add_dock_widget(KeysTable(workbench_of(viewer)), name="fewview keys", area="right")


def _act(viewer: Any, action: str) -> None:
    from .workbench import workbench_of

    actions = workbench_of(viewer).actions
    if action in actions:
        actions[action]()
    else:
        warn("Open the Reconstruct dock first: Plugins > fewview > Reconstruct.")
