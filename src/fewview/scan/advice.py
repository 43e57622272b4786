"""Advice that knows what was given: notes ask for no flag, no step of the preparation and no rows a second time."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from ..frames import Span

if TYPE_CHECKING:
    from ..prepare import PrepareOptions

_SENTENCE = re.compile(r"(?<=[.?!]) (?=[A-Z])")
_FLAG = re.compile(r"--([a-z][\w-]*)")
_STEP = re.compile(r" ?--prepare (\w+)=([^\s:,;]+)")
_ROWS = re.compile(r"--rows (\d+):(\d+)")


def without_given(notes: Iterable[str], given: Collection[str]) -> list[str]:
    """Notes without the sentences that advise flags which were given ("reverse_angles").

    A sentence that begins with a flag quotes what the user said, and stays.
    """

    def asks(sentence: str) -> bool:
        named = {name.replace("-", "_") for name in _FLAG.findall(sentence)}
        return not sentence.startswith("--") and not named.isdisjoint(given)

    kept = (" ".join(one for one in _SENTENCE.split(note) if not asks(one)) for note in notes)
    return [note for note in kept if note]


def still_due(notes: Iterable[str], options: PrepareOptions, rows: Span) -> tuple[str, ...]:
    """Notes on a scan but for those whose advice is followed: by a step of the preparation, or by the rows chosen.

    Parameters
    ----------
    notes : iterable of str
        Of the scan, as it was read.
    options : PrepareOptions
        What is done to the data.
    rows : (int, int)
        Of the detector that are used, the second one excluded.

    Returns
    -------
    tuple of str
    """

    def followed(note: str) -> bool:
        step, span = _STEP.search(note), _ROWS.search(note)
        if step is not None:
            return _taken(step[1], step[2], options)
        return span is not None and int(span[1]) <= rows[0] and rows[1] <= int(span[2])

    return tuple(note for note in notes if not followed(note))


def without_taken(remedy: str, options: PrepareOptions) -> str:
    """A remedy of several flags without the steps that the preparation takes already."""
    return _STEP.sub(lambda step: "" if _taken(step[1], step[2], options) else step[0], remedy)


def _taken(step: str, value: str, options: PrepareOptions) -> bool:
    """Whether the preparation does already what ``--prepare step=value`` would be for."""
    if step == "dose":
        return options.dose in ("edges", "region", "monitor")
    if step == "saturation":
        return options.saturation is not None and options.saturation <= float(value)
    if step == "flat" and options.flat == value:
        return True
    return step in ("zingers", "flat") and options.zingers is not None  # which leaves them out of the flats, too
