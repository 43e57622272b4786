"""Paired comparisons of rows: learned against tuned, and with against without an X-ray volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fewview.benchmark.quality.rows import CONDITION, VARIANT, cells, difference
from fewview.benchmark.rows_file import Row
from fewview.benchmark.statistics import Interval, Key, paired
from fewview.methods import get_method

TUNED = ("tv", "mbir")
UNIMODAL = "d3ip"
RIVALS = ("guide", "dtv")  # what else can be had from an X-ray volume


class Difference(NamedTuple):
    """A row against something else, in PSNR and SSIM."""

    row: Row
    psnr: Interval
    ssim: Interval | None


def conditions(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that share data, views, noise, size, slices and device."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in CONDITION if name not in VARIANT), []).append(row)
    return list(groups.values())


def best_of(rows: Sequence[Row], name: str = "psnr") -> dict[Key, float]:
    """The largest of a figure over the rows, measurement by measurement; those that all rows have."""
    figures = [cells(row, name) for row in rows]
    shared = set.intersection(*(set(f) for f in figures)) if figures else set()
    return {key: max(f[key] for f in figures) for key in sorted(shared)}


def against_best(rows: Sequence[Row]) -> list[Difference]:
    """Every method with a network against the best of the tuned ones, which is another one at each measurement.

    Where not all of them were measured there is no best, and nothing is said.
    """
    found = []
    for group in conditions(rows):
        others = [row for row in group if row["method"] in TUNED and row["label"] == row["method"]]
        if len(others) < len(TUNED):
            continue
        psnr, ssim = best_of(others), best_of(others, "ssim")
        for row in group:
            if "weights" in get_method(row["method"]).needs and row["control"] == "none":
                apart = paired(cells(row, "psnr"), psnr)
                if apart is not None:
                    found.append(Difference(row, apart, paired(cells(row, "ssim"), ssim)))
    return found


class Apart(NamedTuple):
    """A row minus another one, in PSNR and SSIM."""

    row: Row
    other: Row
    psnr: Interval
    ssim: Interval | None


def minus_others(rows: Sequence[Row]) -> list[Apart]:
    """:data:`UNIMODAL` with its defaults minus itself with others, and minus other learned ones without X-rays."""
    found = []
    for group in conditions(rows):
        row = _find(group, UNIMODAL, {}, "none")
        for other in group:
            if row is None or row is other:
                continue
            learned = "weights" in get_method(other["method"]).needs and not is_guided(other)
            apart = difference(row, other) if learned else None
            if apart is not None:
                found.append(Apart(row, other, apart, difference(row, other, "ssim")))
    return found


class Guided(NamedTuple):
    """What an X-ray volume brings: a guided method minus the same without, with zeros, and minus its rivals."""

    row: Row
    unimodal: Difference
    zeroed: Interval | None
    rivals: Mapping[str, Interval | None]


def guided(rows: Sequence[Row]) -> list[Guided]:
    """Rows with the right X-ray volume against :data:`UNIMODAL` with the same settings, or with its defaults.

    PSNR in dB, in the order of the rows; :data:`RIVALS`, other methods with X-rays, are compared apart.
    """
    found = []
    for group in conditions(rows):
        for row in group:
            if row["control"] != "none" or not is_guided(row) or row["method"] in RIVALS:
                continue
            against = minus_unimodal(row, group)
            if against is None:
                continue
            zeroed = _find(group, row["method"], row["settings"], "zeroed")
            others = {name: _find(group, name, {}, "none") for name in RIVALS}
            found.append(
                Guided(
                    row,
                    against,
                    None if zeroed is None else difference(row, zeroed),
                    {name: None if other is None else difference(row, other) for name, other in others.items()},
                )
            )
    return found


def controls(rows: Sequence[Row]) -> list[Difference]:
    """Rows of guided methods, whatever X-ray volume they saw, against :data:`UNIMODAL`."""
    found = [
        minus_unimodal(row, group)
        for group in conditions(rows)
        for row in group
        if is_guided(row) and any(other["control"] != "none" and other["label"] == row["label"] for other in group)
    ]
    return [one for one in found if one is not None]


def minus_unimodal(row: Row, group: Sequence[Row]) -> Difference | None:
    """A row minus :data:`UNIMODAL` under the same condition, in dB and SSIM; None where that was not measured."""
    other = _find(group, UNIMODAL, row["settings"], "none") or _find(group, UNIMODAL, {}, "none")
    psnr = None if other is None else difference(row, other)
    return None if other is None or psnr is None else Difference(row, psnr, difference(row, other, "ssim"))


def is_guided(row: Row) -> bool:
    """Whether its method takes an X-ray volume."""
    return "aux" in get_method(row["method"]).needs


def _find(group: Sequence[Row], method: str, settings: Mapping[str, Any], control: str) -> Row | None:
    alike = (r for r in group if (r["method"], r["settings"], r["control"]) == (method, settings, control))
    return next(alike, None)
