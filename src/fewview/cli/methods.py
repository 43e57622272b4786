"""`fewview methods`: what there is, what can run here, and why the rest cannot."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ..options import Leaf
from .values import json_text


def methods(
    name: Annotated[str | None, typer.Argument(help="Show only the method of this name.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON, with the schema of all options.")] = False,
) -> None:
    """List the reconstruction methods and their options, or show one of them."""
    from ..methods import get_method

    if name is not None:
        get_method(name)
    rows = [row for row in described() if name in (None, row["name"])]
    if as_json:
        typer.echo(json_text(rows if name is None else rows[0]))
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        typer.echo(f"{row['name']:{width}}  {row['title']} ({row['family']}). {row['summary']}")
        for value in row["values"]:
            unit = f" {value['unit']}" if value["unit"] and value["default"] is not None else ""
            only = f" (with {value['only_with']})" if value["only_with"] else ""
            default = "not set" if value["default"] is None else json.dumps(value["default"])
            typer.echo(f"{'':{width}}    {value['name']} = {default}{unit}{only}: {value['description']}")
        if not row["available"]:
            typer.echo(f"{'':{width}}    NOT AVAILABLE: {row['why_not']}")


def described() -> list[dict[str, Any]]:
    """All methods as plain values."""
    from ..methods import get_method, method_names

    rows = []
    for name in method_names():
        method = get_method(name)
        why_not = method.missing()
        rows.append(
            {
                "name": name,
                "title": method.title,
                "family": method.family,
                "summary": method.summary,
                "source": method.source,
                "needs": sorted(method.needs),
                "available": why_not is None,
                "why_not": why_not,
                "resumable": method.resumable,
                "options": method.options.model_json_schema(),
                "values": [_value(leaf) for leaf in method.options.leaves()],
            }
        )
    return rows


def _value(leaf: Leaf) -> dict[str, Any]:
    """A value as `--set` names it; those within a choice only matter with some of its kinds."""
    extra = leaf.field.json_schema_extra
    return {
        "name": leaf.path,
        "default": leaf.default,
        "unit": extra.get("unit", "") if isinstance(extra, dict) else "",
        "description": leaf.field.description,
        "only_with": "" if leaf.when is None else f"{leaf.when[0]}={'|'.join(leaf.when[1])}",
    }
