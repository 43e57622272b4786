"""The section on how a run looks while it goes on, of docs/benchmarks.md."""

from __future__ import annotations

from markdown_table import Rows, table

RUNS_LIVE = """## A run as it is seen

`python benchmarks/runs_live.py`, with one thread

One slice each, by total variation and D3IP (draft), carried out as the viewer does. Seconds are
those of one processor core. Alive: share of the run in which the picture changed within the last 3 s; still: the
longest time without a new picture. Time left: how much it ever rose above what was told before, and by how much the
total that it stood for after a third of the run was off. Deaf: the longest time from one look at the stop button to
the next.
"""


def runs_live(rows: Rows) -> str:
    """Pictures, forecast and stop of whole runs; previews."""
    keys = ["case", "seconds", "alive", "still", "bar_back", "left_rise", "third", "deaf"]
    header = ["run", "seconds", "alive", "still, s", "bar back", "time left rose", "total off by", "deaf, s"]
    parts = [RUNS_LIVE, table(header, [[row[key] for key in keys] for row in rows if "alive" in row])]
    stops = [[row["case"], row["moments"], row["slowest"], row["true"]] for row in rows if "moments" in row]
    if stops:
        parts.append(table(["stops", "moments", "slowest, s", "names and records true"], stops))
    previews = [[row["case"], row["first"], row["second"], row["after_a_run"]] for row in rows if "after_a_run" in row]
    if previews:
        parts.append(table(["preview", "first time, s", "second time, s", "after a run, s"], previews))
    return "\n".join(parts)
