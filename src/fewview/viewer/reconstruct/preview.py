"""A preview never waits for a search: settings come from an earlier run on the scan, or are middling ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...methods.interface import Method
from ...methods.presets import preset_options
from ..common.words import number
from ..scan.presenter import ScanPresenter

WORK = 1.6e9  # rays times pixels that iterations may cost: some 5 s of one processor core
LEAST_ITERATIONS = 20
# What stands for "auto" where no run on the scan has chosen yet. Weights are normalised, so that they carry over.
MIDDLING: dict[str, Any] = {
    "weight": 1e-3,
    "gamma": 0.9,
    "eta": 0.3,
    "sharpness": 0.0,
    "iterations": 15,
    "prior": "generic",
    "start_iterations": 10,
    "beside_share": 0.0,
    "guide_weight": 1.0,
}


def preview_options(method: Method[Any], options: Mapping[str, Any], scan: ScanPresenter) -> tuple[dict[str, Any], str]:
    """Options of a preview, and what to say about them.

    Parameters
    ----------
    options : mapping
        What the form changes.
    scan : ScanPresenter
        Knows what an earlier run of the method has chosen on it.
    """
    views, _, columns = scan.shape
    settled, source = scan.settled.get(method.name, ({}, ""))
    fields = method.options.model_fields
    draft = preset_options(method, "draft") if method.presets else {}
    wanted = {**draft, **options} if method.presets else dict(options)
    now = method.options.parse(wanted)
    taken, middling = {}, {}
    short = {path: name for name, path in method.options.short_names.items()}
    for path in now.undecided():
        name = short.get(path, path)
        if name in settled:
            taken[name] = settled[name]
        elif name in MIDDLING:
            middling[name] = MIDDLING[name]
    said = []
    if taken:
        said.append(f"{_listed(taken)} as {source} chose")
    if middling:
        said.append(f"{_listed(middling)} for want of a choice (a Run makes it)")
    chosen = {**wanted, **taken, **middling}
    if "iterations" in fields and "iterations" not in middling:
        most = max(LEAST_ITERATIONS, int(WORK / ((scan.views or views) * (columns // scan.bin) ** 2)))
        asked = int(method.options.parse(chosen).model_dump()["iterations"])
        if most < asked:
            chosen["iterations"] = most
            said.append(f"{most} of {asked} iterations")
    return chosen, f"Preview with {'; '.join(said)}." if said else ""


def _listed(values: Mapping[str, Any]) -> str:
    shown = {name: number(value, 3) if isinstance(value, float) else str(value) for name, value in values.items()}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())
