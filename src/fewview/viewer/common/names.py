"""What layers are called: what is no result says so first, for lists, legends and pictures cut names behind, or within.

A name is "Total variation, 45 views #3"; where several scans are open, "tooth: " goes before it. A layer that holds no
result begins with what it is: "Stopped: tooth: Total variation, 45 views #3 (at step 80 of 200)".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any

from .layers import facts

STATES = ("Starting image", "While choosing", "Stopped")
COUNTER = re.compile(r" \[\d+\]$")  # of napari, for two layers of one name
NUMBER = re.compile(r"^([^,]+),.*?( #\d+)")  # of a run, behind what it was set to
_STATE = re.compile(rf"^({'|'.join(STATES)}): ")
_LEFT_OUT = "…"
KEPT = 16  # letters of a name that is told from others: of its beginning, and of where they differ
EXTRA = {
    "std": "standard deviation",
    "finer": "between the voxels",
    "guide_std": "where the guide was unsure",
    "guide_change": "what the guide changed",
    "repair": "what the fixer changed",
    "refused": "refused repairs",
}


def unfinished(title: str, kept: str, holds: str) -> str:
    """Name of a layer that holds something else than the result of its run.

    Parameters
    ----------
    title : str
        Of the run.
    kept : {"start", "intermediate"}
        As in :class:`~fewview.methods.Estimate`.
    holds : str
        What the volume is, as :attr:`~fewview.runs.worker.queued_run.QueuedRun.holds` says it.

    Returns
    -------
    str
        "Stopped: Total variation, 45 views #3 (at step 80 of 200)".
    """
    state = STATES[0] if kept == "start" else STATES[1] if "being chosen" in holds else STATES[2]
    more = holds.removeprefix("starting image: ").removeprefix("stopped ")
    return f"{state}: {title} ({more})" if more else f"{state}: {title}"


def with_prefix(prefix: str, name: str) -> str:
    """A name with that of its scan; behind what the layer is, if it is no result.

    Parameters
    ----------
    prefix : str
        "tooth: ", or nothing.
    name : str
    """
    state, rest = _parts(name)
    return state + (rest if rest.startswith(prefix) else prefix + rest)


def without_prefix(prefix: str, name: str) -> str:
    """A name without that of its scan."""
    state, rest = _parts(name)
    return state + rest.removeprefix(prefix)


def own_name(name: str, metadata: Mapping[str, Any]) -> str:
    """Name of a layer without that of its scan, and without what napari adds to tell two of one name apart."""
    return COUNTER.sub("", without_prefix(facts(metadata).get("prefix", ""), name))


def extra_name(result: str, name: str) -> str:
    """What a further volume of a run is called: after its method and number, for a list of layers is narrow.

    Parameters
    ----------
    result : str
        Name of the layer of the run.
    name : str
        Of the further volume, as the method calls it.
    """
    found = NUMBER.match(result)
    return f"{found[1] + found[2] if found else result} {EXTRA.get(name, name)}"


def common_scan(names: list[str]) -> str:
    """The scan before all of these names ("tooth: "), which then tells nothing; empty where they differ."""
    bare = [_parts(name)[1] for name in names]
    begins = {name.partition(": ")[0] + ": " if ": " in name else "" for name in bare}
    return begins.pop() if len(begins) == 1 else ""


def short(name: str, length: int = 24) -> str:
    """A layer's name for a legend: what it is where it is no result, method and number of the run ("TV #3").

    What is still too long loses letters of its middle, never what the layer is, nor the number.

    Parameters
    ----------
    name : str
    length : int, optional
        Letters that there is room for.
    """
    state, rest = _parts(name)
    found = NUMBER.match(rest)
    if found:
        rest = found[1] + found[2] + ("" if state else rest[found.end() :])
    room = max(length - len(state), 8)
    if len(rest) <= room:
        return state + rest
    end = max((room - 1) // 2, len(found[2]) if found else 0)
    return f"{state}{rest[: room - 1 - end]}{_LEFT_OUT}{rest[-end:]}"


def short_names(names: Iterable[str], length: int = 24) -> dict[str, str]:
    """Short names of layers that are told together, by their names; no two of them are the same.

    Where :func:`short` leaves out what two of them differ in, that is what is shown.

    Parameters
    ----------
    names : iterable of str
    length : int, optional
        Letters that there is room for.
    """
    plain = {name: short(name, length) for name in names}
    told = {name: _apart(name, [one for one in plain if plain[one] == plain[name]]) or plain[name] for name in plain}
    counts = Counter(told.values())
    return {name: one if counts[one] == 1 else name for name, one in told.items()}


def _apart(name: str, alike: list[str]) -> str:
    """A name down to the words in which it differs from others; empty where there are no others."""
    places = [_same(name, other) for other in alike if other != name]
    if not places:
        return ""
    begin = name.rfind(" ", 0, min(places)) + 1
    end = name.find(" ", max(*places, begin + KEPT))
    head = name[:begin] if begin <= KEPT else name[: KEPT - 1] + _LEFT_OUT
    return head + name[begin:] if end < 0 else head + name[begin:end] + _LEFT_OUT


def _same(one: str, other: str) -> int:
    """How many letters two names begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _parts(name: str) -> tuple[str, str]:
    """What the layer is ("Stopped: ", or nothing), and the rest of its name."""
    found = _STATE.match(name)
    return (found[0], name[found.end() :]) if found else ("", name)
