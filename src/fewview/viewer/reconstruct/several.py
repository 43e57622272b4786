"""Runs on several scans that were queued together: what became of them, said once when the last one is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...runs.worker.queued_run import QueuedRun
from .run_presenter import kept_words

WHERE = "Each lies as a layer of its scan: choose the scan above, at Scan. “Save result…” writes it to a file."


@dataclass(frozen=True)
class Several:
    """Runs that were queued at once, one per scan.

    Parameters
    ----------
    runs : sequence of QueuedRun
    unread : sequence of str
        Of each file of which there is no run: why it could not be read.
    """

    runs: Sequence[QueuedRun]
    unread: Sequence[str]

    @property
    def over(self) -> bool:
        """Whether nothing more will come of any."""
        return all(run.over for run in self.runs)

    def words(self, label: Callable[[str], str]) -> str:
        """How many are done, what became of the others and why, and where the results are.

        Parameters
        ----------
        label : callable
            Gives the name of a scan from its path.

        Returns
        -------
        str
            Sentences.
        """
        done = sum(run.status == "done" for run in self.runs)
        told = [f"{done} of {len(self.runs) + len(self.unread)} scans are reconstructed."]
        for run in self.runs:
            name, why = label(run.scan), ""
            if run.status == "failed":
                why = "failed." if run.error is None else f"failed: {run.error.problem}"
            elif run.status == "stopped":
                why = f"was stopped. {kept_words(run)}"
            told += [f"{name} {why}"] if why else []
        there = any(run.volume is not None for run in self.runs)
        return " ".join([*told, *self.unread, *([WHERE] if there else [])])
