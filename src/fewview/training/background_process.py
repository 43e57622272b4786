"""A process that fills a folder beside a training, and ends with it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any


class BackgroundProcess:
    """The process, not started yet.

    Parameters
    ----------
    folder : Path
        That it fills, for messages.
    fill : callable
        At module level; ends by itself when the process that started it is gone.
    arguments
        Of ``fill``.
    """

    def __init__(self, folder: Path, fill: Callable[..., None], *arguments: Any) -> None:
        self.folder, self._fill, self._arguments = folder, fill, arguments
        self._process: multiprocessing.process.BaseProcess | None = None

    def start(self) -> None:
        """Start filling in the background."""
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=self._fill, args=self._arguments, daemon=True)
        self._process.start()

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.terminate()
            self._process.join()
            self._process = None

    def check(self) -> None:
        """Raise RuntimeError when the process ended, since nothing more will come."""
        if self._process is not None and not self._process.is_alive():
            raise RuntimeError(f"the process that fills {self.folder} ended (exit {self._process.exitcode})")
