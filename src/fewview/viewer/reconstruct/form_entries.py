"""The options of a method as entries of a form: what to show, in which order, with which bounds and help. No Qt."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from ...options import Leaf, Options

Kind = Literal["int", "float", "bool", "choice", "text", "file"]
ALWAYS = ("budget",)  # entries that every method shares: shown after these
BASIC = 4  # entries that are shown at once; more are read by nobody


@dataclass(frozen=True)
class FormEntry:
    """One entry.

    Parameters
    ----------
    name, title, tooltip : str
    kind : {"int", "float", "bool", "choice", "text", "file"}
        A file is chosen by a name that is offered, or by its path.
    default : object
    auto : object
        Value that leaves the choice to the method ("auto" or None), or ... when there is no such value.
    choices : tuple
        Of a choice, or the names that are offered instead of a file.
    low, high : float, optional
        Bounds.
    when : tuple of (str, tuple of str), optional
        Name of another entry, and with which of its values this one matters.
    """

    name: str
    title: str
    tooltip: str
    kind: Kind
    default: Any
    auto: Any = ...
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""
    advanced: bool = False
    when: tuple[str, tuple[str, ...]] | None = None

    def matters(self, values: Mapping[str, Any]) -> bool:
        """Whether it does anything, given the values of all entries."""
        return self.when is None or values.get(self.when[0]) in self.when[1]

    @property
    def can_be_auto(self) -> bool:
        """Whether the method can choose the value itself."""
        return self.auto is not ...


def form_entries(model: type[Options]) -> list[FormEntry]:
    """Fields of an options model: at most four basic ones of its own first, each group in the order of declaration."""
    entries = list(map(_entry, model.leaves()))
    basic = [entry for entry in entries if not entry.advanced and entry.name not in ALWAYS][:BASIC]
    basic += [entry for entry in entries if entry.name in ALWAYS and not entry.advanced]
    rest = [entry if entry.advanced else replace(entry, advanced=True) for entry in entries if entry not in basic]
    return basic + rest


def changed(entries: Iterable[FormEntry], values: Mapping[str, Any]) -> dict[str, Any]:
    """Only the values that matter and differ from their defaults: a recipe says no more than it must."""
    return {
        entry.name: values[entry.name]
        for entry in entries
        if entry.name in values and entry.matters(values) and values[entry.name] != entry.default
    }


def named(model: type[Options], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the names that the entries of a form have: by path, whatever they were called."""
    known = {leaf.path for leaf in model.leaves()}
    found: dict[str, Any] = {}
    for name, value in values.items():
        place = model.short_names.get(name, name)
        if isinstance(value, Mapping):
            found |= {f"{place}.{key}": inner for key, inner in value.items()}
        else:
            found[place if place in known else f"{place}.kind"] = value
    return {name: value for name, value in found.items() if name in known}


def _entry(leaf: Leaf) -> FormEntry:
    name, info = leaf.path, leaf.field
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    unit = str(extra.get("unit", ""))
    bounds = {
        key: getattr(item, key) for item in info.metadata for key in ("ge", "gt", "le", "lt") if hasattr(item, key)
    }
    low = bounds.get("ge", bounds.get("gt"))
    high = bounds.get("le", bounds.get("lt"))
    kind, choices, auto = _kind(Literal[leaf.kinds] if leaf.kinds else info.annotation)
    offers = extra.get("offers")
    if kind == "text" and isinstance(offers, list) and offers:
        kind, choices = "file", tuple(map(str, offers))
    return FormEntry(
        name=name,
        title=info.title or name,
        tooltip=_tooltip(info, unit, low, high, auto, leaf.default),
        kind=kind,
        default=leaf.default,
        auto=auto,
        choices=choices,
        low=low,
        high=high,
        unit=unit,
        advanced=bool(extra.get("advanced", False)),
        when=leaf.when,
    )


def _kind(annotation: Any) -> tuple[Kind, tuple[Any, ...], Any]:
    """Kind, choices and the "leave it to the method" value of a type such as ``float | Literal["auto"]``."""
    parts = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    auto: Any = ...
    kinds: list[tuple[Kind, tuple[Any, ...]]] = []
    for part in parts:
        if part is type(None):
            auto = None
        elif get_origin(part) is Literal:
            words = get_args(part)
            if words == ("auto",) and len(parts) > 1:
                auto = "auto"
            else:
                kinds.append(("choice", words))
        elif part is bool:
            kinds.append(("bool", ()))
        elif part is int:
            kinds.append(("int", ()))
        elif part is float:
            kinds.append(("float", ()))
        else:
            kinds.append(("text", ()))
    if len(kinds) != 1:
        return "text", (), auto
    return kinds[0][0], kinds[0][1], auto


def _tooltip(info: FieldInfo, unit: str, low: Any, high: Any, auto: Any, default: Any) -> str:
    parts = [info.description or ""]
    if unit:
        parts.append(f"Unit: {unit}.")
    if low is not None and high is not None:
        parts.append(f"From {low:g} to {high:g}.")
    elif low is not None:
        parts.append(f"At least {low:g}." if low else "Not negative.")
    if auto == "auto":
        parts.append("Auto: chosen from the measurement.")
    if not isinstance(default, (list, dict)):
        parts.append(f"Default: {default}.")
    return " ".join(part for part in parts if part)
