"""A run record, from wherever it lies: in a volume, beside one, in a report, or a recipe by itself. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import FewviewError
from ...io import read_volume
from ...runs.recipe import Recipe
from .places import on_disk

TEXTS = (".json", ".yaml", ".yml")


@dataclass(frozen=True)
class Restored:
    """What a record gives back.

    Parameters
    ----------
    recipe : Recipe
    regions : tuple of mapping
        Name, corners (y, x) and their unit.
    volume : str
        File of the result; empty where the record came without one.
    reference : str or None
        File that the result was compared with: while it ran, or later.
    """

    recipe: Recipe
    regions: tuple[Mapping[str, Any], ...] = field(default=())
    volume: str = ""
    reference: str | None = None


def read_record(path: str | Path) -> Restored:
    """Recipe and regions of a record.

    Raises
    ------
    FewviewError
        No record in it, or its scan is gone.
    """
    path = Path(path)
    record: Mapping[str, Any] = {}
    if path.suffix.lower() in TEXTS:
        recipe, volume = Recipe.load(path), ""
        if path.suffix.lower() == ".json":
            import json

            found = json.loads(path.read_text(encoding="utf-8"))
            record = found.get("record", found) if isinstance(found, dict) else {}
        if path.with_suffix("").suffix:  # volume.npy.json lies beside volume.npy
            volume = str(path.with_suffix("")) if path.with_suffix("").exists() else ""
    else:
        record, volume = read_volume(path).attrs.get("record") or {}, str(path)
        if not isinstance(record.get("recipe"), Mapping):
            raise FewviewError(
                f"{path.name} holds no run record.", "Open a volume that fewview wrote, or its JSON or YAML."
            )
        recipe = Recipe.parse(record["recipe"])
    if not on_disk(recipe.scan).exists():
        raise FewviewError(
            f"The scan of this record, {recipe.scan}, is not there.", "Copy it back, or mend its path in the record."
        )
    regions = record.get("regions") or ()
    return Restored(recipe, tuple(regions), volume, record.get("compared_with") or recipe.reference)
