"""The rows of the quality benchmark for people: means with intervals, and paired differences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..rows_file import Row
from ..statistics import Interval
from .rows import balanced, difference, row_name

AGAINST = "tv"


def interval_text(interval: Interval | None, digits: int = 2) -> str:
    """``mean [low, high]``; the bare mean of a single value, a dash of none."""
    if interval is None:
        return "-"
    if interval.low is None or interval.high is None:
        return f"{interval.mean:.{digits}f}"
    return f"{interval.mean:.{digits}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def table(rows: Sequence[Row], against: str = AGAINST) -> Iterator[str]:
    """Lines: a head per condition, then its methods, best first, with their difference to one of them.

    Means are over the volumes and seeds that all methods of a condition share.

    Parameters
    ----------
    rows : sequence of dict
    against : str
        Method that the others are compared with, volume by volume and seed by seed.
    """
    for head, group in by_condition(balanced(rows)):
        yield ""
        yield head
        other = next((row for row in group if row["method"] == against), None)
        yield f"  {'method':24}{'PSNR, dB':24}{f'minus {against}':24}{'SSIM':8}{'held out':10}{'s':>8}{'n':>4}"
        for row in sorted(group, key=lambda row: -row["psnr"]):
            mean = interval_text(Interval(row["psnr"], row["psnr_low"], row["psnr_high"], len(row["cells"])))
            apart = "-" if other is None or other is row else interval_text(difference(row, other))
            similar = "n/a" if row["ssim"] is None else f"{row['ssim']:.3f}"
            held = f"{row['heldout_error']:.4f}"
            figures = f"{similar:8}{held:10}{row['seconds']:8.1f}{len(row['cells']):4}"
            yield f"  {row_name(row):24}{mean:24}{apart:24}{figures}"


def by_condition(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Rows that may be compared, under a head that says what they share."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        shared = tuple(row[name] for name in ("data", "size", "slices", "counts", "views", "device"))
        groups.setdefault(shared, []).append(row)
    heads = []
    for (data, size, slices, counts, views, device), group in groups.items():
        noise = "noise as measured" if data in ("wood", "tooth") else f"{counts:g} counts" if counts else "no noise"
        heads.append((f"{data}, {size} px, {slices} slices, {noise}, {views} views, {device}", group))
    return heads
