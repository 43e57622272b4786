"""One HTML file with everything of a comparison: pictures, table, run records. Opens anywhere, needs nothing."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ... import __version__
from ...runs.recipe import Recipe
from .table import Column, Row

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #222; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }
table { border-collapse: collapse; } th, td { padding: .25em .7em; border-bottom: 1px solid #ccc; text-align: right; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
figure { display: inline-block; margin: .5em 1em .5em 0; vertical-align: top; } figcaption { color: #555; }
img { max-width: 100%; image-rendering: pixelated; } .best { font-weight: 700; }
pre { background: #f4f4f4; padding: .8em; overflow-x: auto; } details { margin: .5em 0; }
"""


ENDS = {
    "running": "Was still running. The command makes the whole run.",
    "stopped": "Stopped by the user; the estimate of step {} was kept. The command makes the whole run.",
    "failed": "Failed; the estimate of step {} was kept. The command makes the whole run.",
}


@dataclass(frozen=True)
class Picture:
    """A PNG and its caption."""

    caption: str
    png: bytes


def record_of(about: Mapping[str, Any]) -> dict[str, Any]:
    """Record of a layer's run; of one that was stopped or failed: how it ended, and the command of the whole run.

    Parameters
    ----------
    about : mapping
        What we wrote into the layer's metadata; empty for a layer from elsewhere.
    """
    record = dict(about.get("record") or {})
    recipe = about.get("recipe")
    if record or not recipe:
        return record
    ended = {"status": about.get("status", "running"), "step": about.get("step")}
    return {**ended, "recipe": recipe, "command": Recipe.parse(recipe).as_command()}


def html_report(
    title: str,
    pictures: Sequence[Picture],
    columns: Sequence[Column],
    rows: Sequence[Row],
    records: Mapping[str, Mapping[str, Any]],
    notes: Sequence[str] = (),
    value_unit: str = "",
) -> str:
    """The report as text of one self-contained HTML file.

    Parameters
    ----------
    title : str
    pictures : sequence of Picture
    columns, rows
        Of the table.
    records : mapping
        Layer name -> run record; its command is shown first.
    notes : sequence of str
        What a reader must know ("no reference: ...").
    value_unit : str
        Of the layers' values, for the headings.

    Returns
    -------
    str
        Pictures and style are within it.
    """
    when = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{html.escape(title)}</h1><p>fewview {__version__}, {when}</p>",
        *(f"<p>{html.escape(note)}</p>" for note in notes),
        *(_figure(picture) for picture in pictures),
        "<h2>Regions</h2>",
        _table(columns, rows, value_unit) if rows else "<p>No region was chosen.</p>",
        "<h2>Runs</h2>",
        *(_record(name, record) for name, record in records.items()),
        "</body></html>",
    ]
    return "\n".join(parts)


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode("ascii")
    caption = html.escape(picture.caption)
    return (
        f"<figure><img alt='{caption}' src='data:image/png;base64,{data}'><figcaption>{caption}</figcaption></figure>"
    )


def _table(columns: Sequence[Column], rows: Sequence[Row], value_unit: str) -> str:
    head = "".join(
        f"<th title='{html.escape(column.tooltip, quote=True)}'>{html.escape(column.heading(value_unit))}</th>"
        for column in columns
    )
    lines = [f"<table><tr><th>Region</th><th>Layer</th>{head}</tr>"]
    for row in rows:
        cells = "".join(
            f"<td{' class=best' if column.key in row.best else ''}>{html.escape(row.text(column))}</td>"
            for column in columns
        )
        lines.append(f"<tr><td>{html.escape(row.region)}</td><td>{html.escape(row.layer)}</td>{cells}</tr>")
    return "\n".join([*lines, "</table>", "<p>★ best of its region, in columns in which better is defined.</p>"])


def _record(name: str, record: Mapping[str, Any]) -> str:
    if not record:
        return f"<h3>{html.escape(name)}</h3><p>Not of a run of fewview.</p>"
    command = html.escape(str(record.get("command", "")))
    text = html.escape(json.dumps(record, indent=2, default=str))
    shown = f"<pre>{command}</pre>" if command else ""
    status = str(record.get("status", "done"))
    ended = "" if status == "done" else f"<p>{html.escape(ENDS.get(status, status).format(record.get('step')))}</p>"
    return f"<h3>{html.escape(name)}</h3>{ended}{shown}<details><summary>Record</summary><pre>{text}</pre></details>"
