"""What a run kept, in words: the result and what it is made of, or an intermediate volume, or the starting image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..methods.ensemble.members import shares_of
from ..methods.interface import Estimate, Kept, Method
from ..methods.registry import get_method
from ..options import Options

PRIOR_WORDS = {"generic": "plain shapes", "materials": "materials"}
BESIDE_WORDS = {"tv": "total variation", "mbir": "MBIR", "dtv": "directional total variation"}


def kept_of(estimate: Estimate, stopped: bool) -> Kept:
    """What the last estimate of a run is."""
    return "result" if not stopped else "start" if estimate.kept == "start" else "intermediate"


def holds(method: Method[Any], estimate: Estimate, stopped: bool) -> str:
    """What a volume is, for its name: empty for a result, whose name needs no more.

    Parameters
    ----------
    method : Method
    estimate : Estimate
        That is kept.
    stopped : bool
        Whether the run was stopped.

    Returns
    -------
    str
        Empty, or a phrase.

    Examples
    --------
    "starting image: CGLS, 56 steps"; "Total variation while its weight was being chosen: weight 0.0014"; "SIRT,
    stopped at step 80 of 200".
    """
    kept = kept_of(estimate, stopped)
    if kept == "result":
        return ""
    if kept == "start":
        return f"starting image: {estimate.shows}"
    if estimate.shows:
        return f"{method.title} {estimate.shows}"
    return f"{method.title}, stopped at step {estimate.step} of {estimate.total}"


def remarks(chosen: Mapping[str, Any]) -> list[str]:
    """What whoever sees a result must know.

    Whether the X-ray volume was used; what a time budget left out, or why a run needed less; that a field predicts
    worse than its start; which repairs were refused; that a volume is worth nothing, or its brightest parts too weak;
    how the scan is unlike the training.
    """
    refused = len(chosen.get("refused_slices", []))
    said = [str(chosen["guided"])] if "guided" in chosen else []
    if "within_budget" in chosen:
        said += [str(chosen[name]) for name in ("within_budget", "ended_early") if name in chosen]
    if "behind_start" in chosen:
        said.append(str(chosen["behind_start"]))
    if refused:
        slices = f"{refused} slice{'s' * (refused > 1)}"
        said.append(f"The repair of {slices} was refused, because held-out pixels were predicted worse with it.")
    if chosen.get("last_repair_refused"):
        made = chosen.get("repairs_made", 0)
        before = f"; {made} before it {'was' if made == 1 else 'were'} followed" if made else ""
        said.append(
            f"The repair of the finished field was refused, because held-out pixels were predicted worse with "
            f"it{before}."
        )
    if bad := chosen.get("values_without_number"):
        said.append(f"The run diverged in part: {bad} values of the volume are not numbers.")
    if left := chosen.get("unexplained_data"):
        said.append(
            f"The volume explains the measurement no better than an empty one would: {left:.0%} of it is left. Look at "
            "the line integrals, which may be negative or hold no object, or take another method."
        )
    if weak := chosen.get("too_weak"):
        said.append(_weak(weak))
    return [*said, *chosen.get("outside_training", [])]


def _weak(found: Mapping[str, Any]) -> str:
    """Where strongly attenuating parts show less than was measured."""
    row, y, x = found["at"]
    number = found["voxels"]
    shown, asked = (f"{found[name]:.3g}" for name in ("shown", "asked"))
    return (
        f"The brightest parts come out too weak: {number} voxel{'s' * (number > 1)} around row {row}, y {y}, x {x} "
        f"{'show' if number > 1 else 'shows'} {shown}, where the measurement asks for {asked} or more. Of metal and "
        "other parts far above the rest, `mbir` and `tv` keep most."
    )


def made_of(method: Method[Any], options: Options, chosen: Mapping[str, Any], steps: int) -> str:
    """What a result is made of, in one plain sentence.

    Parameters
    ----------
    method : Method
    options : Options
    chosen : mapping
        What was left to the method, by name.
    steps : int
        As many as were taken.

    Returns
    -------
    str
        Ends with a full stop.

    Examples
    --------
    "53 % total variation, 47 % network (prior: plain shapes), chosen by held-out views."
    """
    if said := chosen.get("made_of"):  # the method's own sentence
        return str(said)
    if options.knows("beside_share"):
        return _mixture(options, chosen)
    if options.knows("shares"):
        return _average(options, chosen)
    return f"{method.title}, {steps} {'step' if steps == 1 else 'steps'}{_settled(options, chosen)}."


def _settled(options: Options, chosen: Mapping[str, Any]) -> str:
    """What "auto" came to: by held-out measurements, or by which rule. What the user has set is none of it."""
    measured, ruled = [], []
    for name, field in type(options).model_fields.items():
        if name not in chosen or options.value(name) != "auto":
            continue
        said = f"{_within(field.title or name)}{_value(chosen[name])}"
        extra = field.json_schema_extra
        rule = chosen.get(f"{name}_rule") or (extra.get("rule") if isinstance(extra, dict) else "")
        if rule:
            ruled.append(f"{said} {rule}")
        else:
            measured.append(said)
    by = f"; chosen by held-out measurements: {', '.join(measured)}" if measured else ""
    return by + (f"; {', '.join(ruled)}" if ruled else "")


def _average(options: Options, chosen: Mapping[str, Any]) -> str:
    """Of an ensemble: what part each of its members has."""
    parts = shares_of(str(chosen.get("shares", options.value("shares"))))
    total = sum(parts.values())
    told = [f"{part / total:.0%} {get_method(name).title}".replace("%", " %") for name, part in parts.items()]
    return f"Average: {', '.join(told)}{', chosen by held-out views' if 'shares' in chosen else ', as set'}."


def _mixture(options: Options, chosen: Mapping[str, Any]) -> str:
    def settled(name: str) -> Any:
        return chosen.get(name, options.value(name))

    share, prior, adaptation = settled("beside_share"), str(settled("prior")), settled("adaptation")
    network = f"network (prior: {PRIOR_WORDS.get(prior, Path(prior).stem)}"
    network += ", adapted to this scan)" if adaptation != "none" else ")"
    part = 0.0 if share in ("auto", None) else float(share)  # None: no classical method stands beside it
    if part <= 0:
        parts = [f"100 % {network}"]
    else:
        edges = chosen.get("guide_by") == "edges"
        other = BESIDE_WORDS["dtv" if edges else str(settled("beside"))]
        parts = [f"{part:.0%} {other}".replace("%", " %"), f"{1 - part:.0%} {network}".replace("%", " %")]
    share_chosen, prior_chosen = "beside_share" in chosen, "prior_curve" in chosen
    if share_chosen or prior_chosen:
        which = {(True, False): "the shares ", (False, True): "the prior "}.get((share_chosen, prior_chosen), "")
        return f"{', '.join(parts)}, {which}chosen by held-out views."
    return f"{', '.join(parts)}, as set."


def _within(title: str) -> str:
    """A title within a sentence: "Weight" without its capital, "TV" with all of them."""
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def _value(value: Any) -> str:
    """A value behind its title; of a switch, whether it is on."""
    if isinstance(value, bool):
        return f": {'yes' if value else 'no'}"
    return f" {value:.3g}" if isinstance(value, float) else f" {value}"
