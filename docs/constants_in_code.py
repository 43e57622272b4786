"""Every module-level number of a part of the code: its name, its value, and what its comment says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parents[1] / "src" / "fewview"
MADE_OF = {"tuple", "float"}
"""What may be called to make a value; an object such as a method is no number."""


class Constant(NamedTuple):
    """A name in capitals with a number, or numbers, for its value.

    Parameters
    ----------
    place : str
        "methods/inverse/window.py".
    name : str
        Of an assignment to several names all of them, with commas between.
    value : str
        As it is written.
    meaning : str
        The first sentence that the code says of it.
    """

    place: str
    name: str
    value: str
    meaning: str


def constants(room: str) -> Iterator[Constant]:
    """Of all modules of a room such as "methods", in the order of their paths."""
    for path in sorted((SOURCE / room).rglob("*.py")):
        yield from _of_module(path)


def _of_module(path: Path) -> Iterator[Constant]:
    text = path.read_text(encoding="utf-8")
    body, lines = ast.parse(text).body, text.splitlines()
    for node, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        named = [one.id for one in ast.walk(target) if isinstance(one, ast.Name)]
        if all(name.lstrip("_").isupper() for name in named) and _is_number(node.value):
            place = path.relative_to(SOURCE).as_posix()
            yield Constant(place, ", ".join(named), ast.unparse(node.value), _meaning(node, after, lines))


def _is_number(value: ast.expr) -> bool:
    """Whether numbers are in it, and nothing is made of them."""
    calls = [ast.unparse(one.func) for one in ast.walk(value) if isinstance(one, ast.Call)]
    numbers = (one.value for one in ast.walk(value) if isinstance(one, ast.Constant))
    found = any(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers)
    return found and all(call in MADE_OF or call.startswith("np.") for call in calls)


def _meaning(node: ast.stmt, after: ast.stmt | None, lines: list[str]) -> str:
    """Of the comment on its line, of the text below it, or of the comment above it."""
    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
        said = after.value.value
    elif "  # " in lines[node.lineno - 1]:
        said = lines[node.lineno - 1].split("  # ", 1)[1]
    else:
        first = node.lineno - 1
        while first > 0 and lines[first - 1].startswith("# "):
            first -= 1
        said = " ".join(line.removeprefix("# ") for line in lines[first : node.lineno - 1])
    return " ".join(said.split()).split(". ")[0].rstrip(".").replace("|", "\\|")
