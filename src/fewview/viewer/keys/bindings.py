"""Binds the keys of the settings to the actions of a workbench."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any


class KeyBindings:
    """The keys that are bound in one viewer.

    Parameters
    ----------
    viewer
    act : bound method
        Called with the name of an action.
    """

    def __init__(self, viewer: Any, act: Callable[[str], None]) -> None:
        self._viewer, self._act = viewer, act
        self._bound: list[str] = []

    def bind(self, keys: Mapping[str, str]) -> list[str]:
        """Bind these keys instead of the ones before; returns actions whose key is no key."""
        wrong = []
        for old in self._bound:
            self._viewer.bind_key(old, None, overwrite=True)
        self._bound = []
        for action, key in keys.items():
            if not key:
                continue
            try:
                self._viewer.bind_key(key, KeyAction(self._act, action), overwrite=True)
            except (ValueError, TypeError, KeyError):
                wrong.append(action)
            else:
                self._bound.append(key)
        return wrong


class KeyAction:
    """What a key calls: an action of the workbench, which it does not keep alive."""

    def __init__(self, act: Callable[[str], None], action: str) -> None:
        self._act = weakref.WeakMethod(act)
        self._action = action
        self.__name__ = f"fewview_{action}"  # napari asks every bound key for its name

    def __call__(self, viewer: Any) -> None:
        """Called by napari."""
        act = self._act()
        if act is not None:
            act(self._action)
