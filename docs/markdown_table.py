"""Markdown tables of the rows of the benchmarks."""

from __future__ import annotations

from collections.abc import Sequence

from fewview.benchmark.rows_file import Row

Rows = list[Row]


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; numbers to four significant digits."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def cell(value: object) -> str:
    """A number to four significant digits; a dash where there is none."""
    if value is None:
        return "-"
    if isinstance(value, float) and 1000 <= abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
