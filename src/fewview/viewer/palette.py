"""Commands of the palette that press a button of a dock, for whoever would rather type than look for it."""

from collections.abc import Callable

import napari.viewer
from qtpy.QtWidgets import QAbstractButton, QApplication

from .common.notify import warn
from .common.widgets import ACTION


def _pressing(action: str, hidden: str = "", entry: str = "Open fewview") -> Callable[[napari.viewer.Viewer], None]:
    """A command that presses the button of an action.

    Parameters
    ----------
    action : str
        As the button has it.
    hidden : str, optional
        Where it is not in sight: when it is. One that is in sight and cannot be pressed says in its tooltip why.
    entry : str, optional
        Of the menu, which opens the dock that it stands in.

    Returns
    -------
    callable
        As napari takes commands.
    """

    def press(viewer: napari.viewer.Viewer) -> None:
        from .workbench import workbench_of

        window = workbench_of(viewer).window
        found = [
            made
            for made in QApplication.allWidgets()
            if isinstance(made, QAbstractButton) and made.property(ACTION) == action and made.window() is window
        ]
        if not found:
            warn(f"Open the docks first: Plugins > fewview > {entry}.")
        elif not found[0].isEnabled() or found[0].isHidden():
            lacks = hidden if found[0].isHidden() else found[0].toolTip()
            warn(f"“{found[0].accessibleName()}” is not possible now. {lacks}")
        else:
            found[0].click()

    return press


open_scan = _pressing("open_scan")
open_folder = _pressing("open_folder")
close_scan = _pressing("close_scan", "It is there where several scans are open.")
find_axis = _pressing("find_axis")
undo_axis = _pressing("undo_axis")
turn_upright = _pressing("turn_upright", "No tilt of the axis was found.")
show_sinogram = _pressing("show_sinogram")
before_and_after = _pressing("before_and_after")
learn = _pressing("learn", "It is there with the method Unrolled network of the mode Unimodal.")
copy_python = _pressing("copy_python")
copy_command = _pressing("copy_command")
several_scans = _pressing("several_scans")
time_series = _pressing("time_series")
end_process = _pressing("end_process", "It is there where a run does not respond, or hears no stop.")
cancel_run = _pressing("cancel_run")
copy_run_python = _pressing("copy_run_python")
copy_run_command = _pressing("copy_run_command")
queue_again = _pressing("queue_again")
show_record = _pressing("show_record")
show_residual = _pressing("show_residual")
save_table = _pressing("save_table")
save_picture = _pressing("save_picture")
save_report = _pressing("save_report")
save_regions = _pressing("save_regions")
load_regions = _pressing("load_regions")
draw_line = _pressing("draw_line")
drop_regions = _pressing("drop_regions")
draw_regions = _pressing("draw_regions")
edit_regions = _pressing("edit_regions")
remove_regions = _pressing("remove_regions")
whole_slice = _pressing("whole_slice")
click_pairs = _pressing("click_pairs", entry="Registration")
register = _pressing("register", entry="Registration")
stop_registration = _pressing("stop_registration", entry="Registration")
use_registration = _pressing("use_registration", entry="Registration")
