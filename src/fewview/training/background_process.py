"""A process that fills a folder beside a training, and ends with it."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class BackgroundProcess:
    """The process, not started yet.

    Parameters
    ----------
    folder : Path
        That it fills; it is made where it is missing.
    fill : callable
        At module level; ends by itself when the process that started it is gone.
    arguments
        Of ``fill``.
    """

    def __init__(self, folder: Path, fill: Callable[..., None], *arguments: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._fill, self._arguments = folder, fill, arguments
        self._process: multiprocessing.process.BaseProcess | None = None

    def start(self) -> None:
        """Start filling in the background; ends with this process."""
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=self._fill, args=self._arguments, daemon=True)
        self._process.start()

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.terminate()
            self._process.join()
            self._process = None

    def loaded(self, load: Callable[[], int], at_least: int) -> int:
        """Load what is new until there is enough; returns how much there is.

        Parameters
        ----------
        load : callable
            Loads what is in the folder, and returns how much it has loaded in all.
        at_least : int
            Is waited for.

        Raises
        ------
        RuntimeError
            The process ended, and nothing more will come.
        """
        while (count := load()) < at_least:
            if self._process is not None and not self._process.is_alive():
                raise RuntimeError(f"the process that fills {self.folder} ended (exit {self._process.exitcode})")
            time.sleep(0.2)
        return count
