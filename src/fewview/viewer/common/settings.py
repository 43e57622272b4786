"""What is remembered between sessions: napari's plugin settings (Preferences > fewview)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from napari.settings import get_plugin_settings

from ..keys.table import KEYS, bindings


class Settings:
    """The plugin's settings; written to disk by napari as they change."""

    def __init__(self) -> None:
        self._settings: Any = get_plugin_settings("fewview")

    @property
    def interval_ms(self) -> int:
        """Shortest time between two paintings."""
        return round(1000 / float(self._settings.live.frames_per_second))

    @property
    def warm(self) -> bool:
        """Whether the worker starts with the dock."""
        return bool(self._settings.live.warm)

    @property
    def memory_mb(self) -> float | None:
        """Memory that a run may take."""
        limit = float(self._settings.live.memory_limit_gb)
        return limit * 1000 if limit > 0 else None

    def remembered(self, name: str) -> Any:
        """One of the last choices: mode, method, holdout, region_size."""
        return getattr(self._settings.remembered, name)

    def remember(self, **choices: Any) -> None:
        """Keep choices for the next session."""
        for name, value in choices.items():
            setattr(self._settings.remembered, name, value)

    def options_of(self, method: str) -> dict[str, Any]:
        """Options last used with a method."""
        found = self._options().get(method, {})
        return found if isinstance(found, dict) else {}

    def remember_options(self, method: str, options: Mapping[str, Any]) -> None:
        """Keep a method's options for the next session."""
        self._settings.remembered.options = json.dumps({**self._options(), method: dict(options)})

    def _options(self) -> dict[str, Any]:
        """Options last used, by method; none where they were edited by hand, and wrongly."""
        try:
            known = json.loads(self._settings.remembered.options)
        except json.JSONDecodeError:
            return {}
        return known if isinstance(known, dict) else {}

    def keys(self) -> dict[str, str]:
        """Key of every action."""
        return bindings({key.action: getattr(self._settings.keys, key.action) for key in KEYS})

    def set_key(self, action: str, key: str) -> None:
        """Change a key."""
        setattr(self._settings.keys, action, key)
