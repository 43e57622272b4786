"""Values of flags that need more than a number: ranges, KEY=VALUE, the axis."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ..errors import FewviewError, OptionError
from ..runs.recipe import parse_flag_value


def require_values(arguments: Sequence[str]) -> None:
    """Refuse an empty argument: of a variable that a script never set, it would count as one thing here, another there.

    Raises
    ------
    OptionError
        Names the flag.
    """
    for before, argument in zip(("", *arguments), arguments, strict=False):
        flag, equals, value = argument.partition("=") if argument.startswith("--") else (before, "", "")
        if not (value if equals else argument).strip():
            named = flag.startswith("-")
            raise OptionError(
                f"{flag} has an empty value." if named else "An argument is empty.",
                "Give a value, or leave the flag out." if named else "Give a name in its place.",
            )


def check_folder(path: Path | None) -> None:
    """Refuse the name of a file whose folder is not there, before the work."""
    if path is not None and not path.resolve().parent.is_dir():
        raise FewviewError(f"The folder of {path} does not exist.", "Make it, or choose another one.")


def parse_rows(text: str | None) -> tuple[int, int] | None:
    """``A:B`` as a pair; None stays None."""
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d+)\s*:\s*(\d+)\s*", text)
    if match is None or int(match[1]) >= int(match[2]):
        raise OptionError(f"--rows {text} is not a range of rows.", "Write --rows A:B with A < B, for instance 10:20.")
    return int(match[1]), int(match[2])


def parse_axis(text: str | None) -> float | Literal["auto"] | None:
    """``auto`` or a column; None stays None."""
    if text is None or text == "auto":
        return text  # type: ignore[return-value]
    try:
        return float(text)
    except ValueError:
        raise OptionError(f"--axis {text} is not a column.", "Give a number (0-based column), or auto.") from None


def json_text(value: Any) -> str:
    """JSON for people and other programs, which know no NaN and no infinity: they are null."""
    return json.dumps(_known_to_json(value), indent=2)


def _known_to_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _known_to_json(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_known_to_json(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def parse_pairs(flag: str, pairs: Sequence[str]) -> dict[str, Any]:
    """``KEY=VALUE`` of a flag that may be repeated."""
    values = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise OptionError(
                f"{flag} {pair} is not KEY=VALUE.", f"Name an option and its value, as in {flag} KEY=VALUE."
            )
        values[key.strip()] = parse_flag_value(value.strip())
    return values
