"""The table of keys: one place for what they do, where they are shown, and how they are changed. No Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """One action with a key.

    Parameters
    ----------
    action : str
        Name of the setting, and of the method of the workbench that it calls.
    default : str
        As napari writes keys.
    title : str
        What it does.
    """

    action: str
    default: str
    title: str


KEYS = (
    Key("toggle_run", "Shift-R", "Run, or go on when paused"),
    Key("toggle_pause", "Shift-P", "Pause, or go on"),
    Key("stop", "Shift-S", "Stop and keep the last estimate"),
    Key("preview", "Shift-V", "Preview the slice that is shown"),
    Key("drop_region", "Shift-D", "Drop a region at the cursor"),
    Key("undo", "Control-Z", "Undo the last change of the regions"),
    Key("toggle_grid", "Shift-G", "Layers side by side, or on top of each other"),
    Key("swipe", "Shift-W", "Swipe between two layers, on or off"),
    Key("link_contrast", "Shift-C", "Link the contrast of the compared layers, on or off"),
)


def bindings(chosen: Mapping[str, str]) -> dict[str, str]:
    """Key of every action: the user's where there is one, else the default. Empty: no key."""
    return {key.action: chosen.get(key.action, key.default).strip() for key in KEYS}


def conflicts(keys: Mapping[str, str], taken: Iterable[str]) -> dict[str, str]:
    """Actions whose key is used twice, or by the viewer itself, and by what."""
    others = {name.lower() for name in taken}
    found: dict[str, str] = {}
    for action, key in keys.items():
        if not key:
            continue
        same = [other for other, theirs in keys.items() if other != action and theirs.lower() == key.lower()]
        if same:
            found[action] = f"also {same[0]}"
        elif key.lower() in others:
            found[action] = "used by the viewer"
    return found
