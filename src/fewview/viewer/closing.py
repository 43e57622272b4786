"""The end of a window, which ends what was done for it."""

from __future__ import annotations

import weakref
from typing import Any


class End:
    """What the end of a window calls. A plain callable: PySide6 cannot call a slot of ours from a dying sender."""

    def __init__(self, bench: Any) -> None:
        self._bench = weakref.ref(bench)

    def __call__(self, *_: Any) -> None:
        """Called by Qt."""
        bench = self._bench()
        if bench is not None:
            bench.close()
