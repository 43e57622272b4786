"""``fewview benchmark probe``: does a reconstruction follow the object, or what its prior takes for likely?

A void of three pixels is added to a measured sample, or one that was there is filled. The sample is reconstructed
before and after the change, with the same noise, the same seed and the same settings: those that the method chose
before. What differs between the two volumes within the void, over what differs between the truths, is the contrast
recovered: 1 is all of it, 0 an invention (a void that is not shown, or one that is shown though it was filled). Blur
lowers it, too; the amount, which is the same ratio of sums over the void and :data:`AROUND` pixels around it, does
not mind blur: where the contrast is low and the amount is not, the method lacks resolution and does not invent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from ..errors import FewviewError, Stopped
from ..methods import get_method
from ..runs.slabs import SlabRun
from ..scan import LineIntegrals
from ..simulate import Beam
from .probe_voids import Kind, pair
from .quality.case import Array
from .quality.simulated import Slab, lines_of
from .quality.xray import Exposed, xray
from .rows_file import Row, read_rows, write_rows

METHODS = ("d3ip", "tv", "mbir")
VIEWS = (16, 32)
KINDS: tuple[Kind, ...] = ("added", "removed")
AROUND = 4  # px
STREAM = 202
CONDITION = ("method", "kind", "views", "counts", "size", "slices", "volume", "device")


class CommonNoise(np.random.Generator):
    """Poisson counts that move with their mean: two objects that differ here are alike in their noise elsewhere.

    numpy draws as many random numbers as a count happens to need, so that a change at one pixel would give another
    noise to all that follow.
    """

    def poisson(self, lam: Any = 1.0, size: Any = None) -> Any:
        """The quantile of each mean at a uniform number that is the same for every mean."""
        return poisson.ppf(self.random(np.shape(lam) if size is None else size), lam)


def run(
    json_path: Path | None = None,
    *,
    methods: Sequence[str] = METHODS,
    views: Sequence[int] = VIEWS,
    size: int = 128,
    counts: float | None = 2000.0,
    volumes: int = 1,
    slices: int = 4,
    device: str = "cpu",
    again: bool = False,
    say: Callable[[str], None] = print,
    stop: Callable[[], bool] = lambda: False,
) -> list[Row]:
    """Measure, and write the rows after each; those that the file holds already are kept.

    A method that takes an X-ray volume gets that of the unchanged sample: the one to be misled by.

    Parameters
    ----------
    json_path : Path, optional
        Rows are kept here; None keeps none.
    methods : sequence of str, optional
        Names.
    views : sequence of int, optional
        Numbers of views.
    size : int, optional
        Pixels a side.
    counts : float, optional
        Open-beam counts of a pixel; None without noise.
    volumes : int, optional
        Samples.
    slices : int, optional
        Of each sample.
    device : str, optional
        cpu or cuda.
    again : bool, optional
        Measure anew what the file holds already.
    say : callable, optional
        Takes a line of progress.
    stop : callable, optional
        Whether to end now.

    Returns
    -------
    list of dict
        ``contrast`` (mean over the voids), ``lowest``, ``contrasts`` (of each), ``amount``, and what they were
        measured on.

    Raises
    ------
    FewviewError
        There is no such method, or the file holds something else.
    """
    for name in methods:
        get_method(name)
    rows = [] if json_path is None or not json_path.exists() else read_rows(json_path, {*CONDITION}, "the probe")
    try:
        for volume, count, name in product(range(volumes), views, methods):
            before: Reconstructed | None = None
            for kind in KINDS:
                where = (name, kind, count, counts, size, slices, volume, device)
                at = dict(zip(CONDITION, where, strict=True))
                old = next((row for row in rows if all(row[key] == at[key] for key in CONDITION)), None)
                if old is not None and not again:
                    continue
                phantom, changed, missing = pair(kind, size, slices, volume)
                if not len(missing):
                    say(f"{_title(at)}: the sample has none of that size")
                    continue
                if before is None:  # the same for every kind
                    before = _reconstructed(at, phantom, {}, stop)
                after = _reconstructed(at, changed, before.settings, stop)
                row = at | _compared(before.volume, after.volume, missing, kind)
                say(_told(row))
                rows = [*(r for r in rows if r is not old), row]
                write_rows(json_path, rows)
    except Stopped:
        say("stopped; what was measured is kept")
    return rows


class Reconstructed(NamedTuple):
    """A volume, and the settings that the method chose for it."""

    volume: Array
    settings: dict[str, Any]


def _compared(before: Array, after: Array, missing: Array, kind: Kind) -> Row:
    shown = before - after if kind == "added" else after - before
    found = contrasts(shown, missing)
    return {
        "contrast": round(float(np.mean(found)), 4),
        "lowest": min(found),
        "amount": round(float(np.mean(amounts(shown, missing))), 4),
        "contrasts": found,
    }


def contrasts(shown: Array, missing: NDArray[np.floating]) -> list[float]:
    """What a volume shows of each void over what is missing there: means over the void's inner pixels.

    Parameters
    ----------
    shown : array, shape (slices, y, x)
    missing : array, shape (voids, slices, y, x)
    """
    inner = [m > 0.5 * m.max() for m in missing]  # not the rim, where a pixel is part void
    return [round(float(shown[i].mean() / m[i].mean()), 4) for i, m in zip(inner, missing, strict=True)]


def amounts(shown: Array, missing: NDArray[np.floating]) -> list[float]:
    """What a volume shows of each void over what is missing, as sums over the void and its surroundings.

    Parameters
    ----------
    shown : array, shape (slices, y, x)
    missing : array, shape (voids, slices, y, x)
    """
    from scipy.ndimage import binary_dilation

    disk = np.hypot(*np.mgrid[-AROUND : AROUND + 1, -AROUND : AROUND + 1]) <= AROUND
    around = [binary_dilation(m > 0, disk[None]) for m in missing]  # within the slices: each is measured apart
    return [float(shown[a].sum() / m.sum()) for a, m in zip(around, missing, strict=True)]


def _lines(phantom: Slab, at: dict[str, Any]) -> LineIntegrals:
    angles = np.arange(at["views"], dtype=np.float64) * (np.pi / at["views"])
    rng = CommonNoise(np.random.PCG64([at["volume"], at["views"], STREAM]))
    return lines_of(phantom, angles, Beam(counts=at["counts"]), rng)


def _reconstructed(
    at: dict[str, Any], phantom: Slab, settings: dict[str, Any], stop: Callable[[], bool]
) -> Reconstructed:
    guided = "aux" in get_method(at["method"]).needs
    sample = Exposed("microstructure", at["size"], at["slices"], at["volume"], 0, at["counts"])
    aux = xray(sample) if guided else None
    lines = _lines(phantom, at)
    run = SlabRun(lines, at["method"], settings, auxiliary=aux, device=at["device"], seed=0, stop=stop)
    last = None
    for last in run:  # noqa: B007
        pass
    if stop():
        raise Stopped
    if last is None:
        raise FewviewError(f"The method '{at['method']}' gave no estimate.")
    known = run.method.options.knows
    return Reconstructed(last.array, {name: value for name, value in last.chosen.items() if known(name)})


def _title(at: dict[str, Any]) -> str:
    return "{method}, {views} views, volume {volume}, voids {kind}".format_map(at)


def _told(row: Row) -> str:
    each = ", ".join(f"{value:.2f}" for value in row["contrasts"])
    return f"{_title(row)}: {row['contrast']:.2f} of the contrast ({each}), {row['amount']:.2f} of the amount"
