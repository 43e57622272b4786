"""`fewview methods`: what there is, what can run here, and why the rest cannot."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer


def methods(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with options' schema.")] = False,
) -> None:
    """List the reconstruction methods."""
    rows = described()
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        typer.echo(f"{row['name']:{width}}  {row['title']} ({row['family']}). {row['summary']}")
        for name, field in row["options"]["properties"].items():
            unit = f" {field['unit']}" if field.get("unit") else ""
            typer.echo(f"{'':{width}}    {name} = {json.dumps(field.get('default'))}{unit}: {field['description']}")
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
            }
        )
    return rows
