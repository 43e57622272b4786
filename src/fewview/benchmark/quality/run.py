"""``fewview benchmark quality``: every method on the same samples, with settings from held-out views alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import FewviewError, MethodUnavailable, Stopped
from ...methods import get_method, method_names
from ..rows_file import Row
from ..statistics import Key
from .case import Case, NoData
from .cell import measure_cell
from .data import DATA, MEASURED, Sample
from .rows import Rows, row_name
from .variant import Variant, variants

VIEWS = (4, 8, 16, 32, 64)
COUNTS = (None, 2000.0)


def run(
    json_path: Path | None = None,
    *,
    data: Sequence[str] = DATA,
    methods: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    preset: str | None = None,
    label: str = "",
    controls: Sequence[str] = ("none",),
    views: Sequence[int] = VIEWS,
    sizes: Sequence[int] = (128,),
    counts: Sequence[float | None] = COUNTS,
    volumes: int = 3,
    seeds: int = 3,
    slices: int = 4,
    device: str = "cpu",
    folder: Path = MEASURED,
    again: bool = False,
    say: Callable[[str], None] = print,
    stop: Callable[[], bool] = lambda: False,
) -> list[Row]:
    """Measure, and write the rows after every reconstruction.

    Parameters
    ----------
    json_path : Path, optional
        Rows that are there are kept, and what they hold is not measured again.
    data, methods : sequence of str
        Without methods: all that can run here.
    settings, preset, label, controls
        See :func:`fewview.benchmark.quality.variant.variants`: each makes rows of its own.
    views, sizes : sequence of int
    counts : sequence of float or None
        Open-beam counts of simulated data; None for no noise. Measured data have the noise they have.
    volumes, seeds, slices : int
        Samples, measurements of each, and slices of each; fewer where there are not so many.
    device : str
    folder : Path
        Of measured data that do not travel with fewview.
    again : bool
        Measure anew what is there.
    say : callable
        Told one line per reconstruction.
    stop : callable
        Once true, ends; what is measured is kept.

    Returns
    -------
    list of dict
        All rows, earlier ones included: see :mod:`fewview.benchmark.quality.rows`.

    Raises
    ------
    FewviewError
        A data set, method, option or control that does not exist, impossible numbers, a file of something else.
    """
    chosen = variants(list(methods) or list(_able(say)), settings, preset, label, controls)
    if min((*views, *sizes, volumes, seeds, slices)) < 1 or any(c is not None and c <= 0 for c in counts):
        raise FewviewError("Views, sizes, counts, volumes, seeds and slices count from 1.", "Give positive numbers.")
    samples = [Sample(name, size, slices, folder) for name in data for size in sizes]
    rows = Rows(json_path)
    try:
        for sample, level, key, count in _cases(samples, counts, views, volumes, seeds):
            every = [(variant, _condition(sample, variant, count, level, device)) for variant in chosen]
            todo = [(variant, condition) for variant, condition in every if again or not rows.has(condition, key)]
            if not todo:
                continue
            try:
                case = sample.case(*key, count, level)
            except NoData as problem:
                say(f"{sample.data}, {count} views left out: {problem}")
                continue
            for variant, condition in todo:
                if stop():
                    raise Stopped
                say(f"{_title(condition, key)}: {_add(rows, condition, key, case, variant, sample, stop)}")
    except Stopped:
        say("stopped; what was measured is kept")
    return list(rows)


def _cases(
    samples: Sequence[Sample], counts: Sequence[float | None], views: Sequence[int], volumes: int, seeds: int
) -> Iterator[tuple[Sample, float | None, Key, int]]:
    """Sample, counts, volume and seed, and views: volume by volume, so that an early end leaves whole comparisons."""
    for sample in samples:
        for level in dict.fromkeys(sample.noise(count) for count in counts):
            for seed in range(seeds):
                for volume in range(sample.volumes(volumes)):
                    for count in views:
                        yield sample, level, (volume, seed), count


def _condition(sample: Sample, variant: Variant, views: int, counts: float | None, device: str) -> dict[str, Any]:
    return {
        "data": sample.data,
        "size": sample.size,
        "method": variant.method,
        "label": variant.label,
        "settings": dict(variant.settings),
        "control": variant.control,
        "views": views,
        "counts": counts,
        "device": device,
        "slices": sample.depth,
    }


def _title(condition: dict[str, Any], key: Key) -> str:
    where = "{data} {size} px, {views} views".format_map(condition)
    return f"{where}, volume {key[0]}, seed {key[1]}, {row_name(condition)}"


def _add(
    rows: Rows,
    condition: dict[str, Any],
    key: Key,
    case: Case,
    variant: Variant,
    sample: Sample,
    stop: Callable[[], bool],
) -> str:
    """Measure and write one cell; what to say of it. A method that cannot do this is no reason to leave the others."""
    try:
        aux = sample.auxiliary(*key, condition["counts"], variant.control) if variant.guided else None
        cell = measure_cell(variant.method, case, key[1], condition["device"], stop, variant.options, aux)
    except FewviewError as problem:
        return f"left out: {problem}"
    rows.add(condition, key, cell)
    return f"{cell['psnr']:.2f} dB, held-out error {cell['heldout_error']:.4f}, {cell['seconds']:.1f} s"


def _able(say: Callable[[str], None]) -> Iterator[str]:
    """Names of the methods that can run here."""
    for name in method_names():
        why = get_method(name).missing()
        if why is None:
            yield name
        else:
            say(str(MethodUnavailable(f"'{name}' is left out: {why}")))
