"""A preview never waits for a search: settings come from an earlier run on the scan, or are middling ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...methods.budget import middling
from ...methods.interface import Method
from ...methods.presets import preset_options
from ..common.words import number
from ..scan.presenter import ScanPresenter

WORK = 1.6e9  # rays times pixels that iterations may cost: some 5 s of one processor core
LEAST_ITERATIONS = 20


def preview_options(method: Method[Any], options: Mapping[str, Any], scan: ScanPresenter) -> tuple[dict[str, Any], str]:
    """Options of a preview, and what to say about them.

    Parameters
    ----------
    method : Method
    options : mapping
        What the form changes.
    scan : ScanPresenter
        Knows what an earlier run of the method has chosen on it.

    Returns
    -------
    options : dict
        By name, with nothing left on "auto" that takes a search.
    said : str
        A sentence; empty where they are those asked for.
    """
    views, _, columns = scan.shape
    settled, source = scan.settled.get(method.name, ({}, ""))
    fields = method.options.model_fields
    draft = preset_options(method, "draft") if method.presets else {}
    wanted = {**draft, **options} if method.presets else dict(options)
    now = method.options.parse(wanted)
    short = {path: name for name, path in method.options.short_names.items()}
    open_ = {short.get(path, path) for path in now.undecided()}
    taken = {name: settled[name] for name in settled if name in open_}
    guessed = {short.get(path, path): value for path, value in middling(now).items()}
    guessed = {name: value for name, value in guessed.items() if name not in taken}
    said = []
    if taken:
        said.append(f"{_listed(taken)} as {source} chose")
    if guessed:
        said.append(f"{_listed(guessed)} for want of a choice (a Run makes it)")
    chosen = {**wanted, **taken, **guessed}
    if "iterations" in fields and "iterations" not in guessed:
        most = max(LEAST_ITERATIONS, int(WORK / ((scan.views or views) * (columns // scan.bin) ** 2)))
        asked = int(method.options.parse(chosen).model_dump()["iterations"])
        if most < asked:
            chosen["iterations"] = most
            said.append(f"{most} of {asked} iterations")
    return chosen, f"Preview with {'; '.join(said)}." if said else ""


def _listed(values: Mapping[str, Any]) -> str:
    shown = {name: number(value, 3) if isinstance(value, float) else str(value) for name, value in values.items()}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())
