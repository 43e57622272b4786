"""A look at some pixels of a scan before it is called ready: ``info`` then says what ``reconstruct`` would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..frames import FrameSource
from ..provenance import Provenance
from . import angles as rules
from .checks import frames
from .look_flats_darks import MOST, look_at_flats_darks, middle_rows
from .picked import Unsigned
from .request import Draft, leave_out_as_well

_ALL = 256 << 20  # bytes: of a larger scan, some views are looked at
_VIEWS = 48
_SPOTS = 2e-5  # zingers per pixel that are worth a word
_MANY = 0.3  # of the views: if more cannot be used, the user has to say what is right

Why = tuple[str, str]  # what is wrong with one view, and with several


def look(made: Draft) -> None:
    """Add what the pixels tell: notes, views and flats that are left out, questions."""
    if made.frames is None or made.hopeless or made.frames.shape[2] < frames.NARROW:
        return
    _reinterpret(made)
    assert made.frames is not None
    views = _some(made.frames)
    sample = middle_rows(made.frames, views)
    _integers(made, sample)
    if made.kind == "counts":
        look_at_flats_darks(made, sample)
        if made.lacks:
            return
    _views(made, views, sample)


def _some(source: FrameSource) -> NDArray[np.intp]:
    n, v, u = source.shape
    if n * v * u * source.dtype.itemsize <= _ALL or n <= _VIEWS:
        return np.arange(n)
    return np.unique(np.linspace(0, n - 1, _VIEWS).round().astype(np.intp))


def _reinterpret(made: Draft) -> None:
    """16-bit counts that a program wrote as signed: the upper half of them turns up as negative numbers."""
    assert made.frames is not None
    if made.frames.dtype != np.int16:
        return
    if not frames.signed_by_mistake(middle_rows(made.frames, _some(made.frames)[::4]), made.frames.dtype):
        return
    made.frames = Unsigned(made.frames)
    for name in ("flats", "darks"):
        source: FrameSource | None = getattr(made, name)
        if source is not None and source.dtype == np.int16:
            setattr(made, name, Unsigned(source))
    made.notes.append("The 16-bit integers are read as unsigned: as signed ones, their brightest pixels are negative.")


def _integers(made: Draft, sample: NDArray[np.float32]) -> None:
    assert made.frames is not None
    if frames.wrapped(sample, made.frames.dtype):
        made.refuse(
            f"The pixels of {made.path.name} wrap around: beside the largest values of {made.frames.dtype.name} "
            "lie the smallest ones, as after an overflow.",
            "Save the frames again in a type that holds their values.",
        )


def _views(made: Draft, views: NDArray[np.intp], sample: NDArray[np.float32]) -> None:
    """Views among themselves, and against the flats."""
    assert made.frames is not None
    kept = np.arange(made.frames.shape[0]) if made.keep is None else made.keep
    used = np.isin(views, kept)
    views, sample = views[used], sample[used]
    if len(views) < 3:
        return
    useless: dict[Why, NDArray[np.intp]] = {}
    missing = frames.not_numbers(sample)
    useless["holds no numbers", "hold no numbers"] = views[missing > 0.5]
    if np.any((missing > 0) & (missing <= 0.5)):
        share = 100 * float(missing[missing <= 0.5].mean())
        made.notes.append(f"{share:.2g} % of the pixels are not numbers: masked in the preparation.")
    top = frames.ceiling(sample, made.frames.dtype)
    if top is not None:
        share_of = frames.saturated_share(sample, top)
        whole = frames.saturated(share_of)
        useless["is saturated", "are saturated"] = views[whole]
        partly = (share_of > 1e-3) & ~whole
        if partly.any():
            made.notes.append(
                f"{100 * share_of[partly].mean():.2g} % of the pixels in {int(partly.sum())} views are saturated at "
                f"{top:g}: --prepare saturation={top:g} masks them."
            )
    same = frames.repeated(sample) if made.frames.dtype.kind in "iu" else 0
    if same:
        made.notes.append(f"{same} views are the same frame as the view before: was the camera stuck?")
    values = _transmission(made, sample)
    if values is not None:
        _against_the_beam(made, views, values, useless)
        hits = frames.spots(values)
        if hits.sum() >= 5 and hits.sum() / sample.size > _SPOTS:
            made.notes.append(
                f"{int(hits.sum())} single pixels in {np.count_nonzero(hits)} of the {len(views)} views looked at "
                "are far brighter than their neighbours (zingers, gamma spots): --prepare zingers=0.3 masks them."
            )
    elif made.kind == "attenuation":
        _sign(made, sample)
    _leave_out(made, kept, useless)


def _transmission(made: Draft, sample: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """The sample of a scan as transmission; as counts where there are no flats; None for line integrals."""
    if made.kind == "attenuation":
        return None
    if made.kind == "transmission" or made.flats is None:
        return sample
    flat = middle_rows(made.flats, np.arange(min(made.flats.shape[0], MOST))).mean(axis=0)
    dark = np.float32(0)
    if made.darks is not None:
        dark = middle_rows(made.darks, np.arange(min(made.darks.shape[0], MOST))).mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(flat - dark > 0, (sample - dark) / (flat - dark), np.nan).astype(np.float32)


def _against_the_beam(
    made: Draft, views: NDArray[np.intp], values: NDArray[np.float32], useless: dict[Why, NDArray[np.intp]]
) -> None:
    """What the open beam beside the sample tells."""
    dark = frames.without_beam(values)
    useless["has no beam", "have no beam"] = views[dark]
    views, values = views[~dark], values[~dark]
    side = frames.beside(values)
    if made.kind == "transmission" and abs(side.level) < 0.1 * float(np.nanquantile(values, 0.95)):
        made.refuse(
            f"The transmission of {made.path.name} is {side.level:.2g} beside the sample, where it should be 1: its "
            "greys are inverted, or its values are line integrals.",
            "Save the frames with their greys the right way round, or say --kind attenuation.",
        )
    if not np.all(np.isfinite(side.views)) or np.any(side.views <= 0):
        return
    mean = frames.attenuation(values, side.views)
    changing = frames.drift(values, side) if made.monitor is None else None
    if changing is not None:
        side = replace(side, open=True)
        low, high = (one / side.level for one in changing)
        made.notes.append(
            f"The beam beside the sample changes from view to view, from {low:.2f} to {high:.2f} of its usual level: "
            "--prepare dose=edges scales each view to it."
        )
    made.open_beside = side.open
    normalised = made.kind == "transmission" or made.flats is not None
    if side.open or normalised:  # of a sample that leaves the detector the flats alone tell the beam
        beam = side.views if side.open else np.ones_like(side.views)
        empty = frames.without_sample(frames.attenuation(values, beam))
        useless["shows the open beam and no sample", "show the open beam and no sample"] = views[empty]
    if side.open and float(np.nanmedian(mean)) < -0.02:
        made.refuse(
            f"The sample of {made.path.name} is brighter than the beam beside it: its greys are inverted, or its "
            "values are no transmission.",
            "Save the frames with their greys the right way round, or say what they are with --kind.",
        )
    elif changing is None and normalised and (side.level > 1.15 or (side.open and side.level < 0.87)):
        what = "flats" if made.kind == "counts" else "open beam (1)"
        made.notes.append(
            f"Beside the sample the views read {side.level:.3g} times the {what}: another exposure or beam current? "
            "--prepare dose=edges scales each view to the open beam beside the sample."
        )


def _sign(made: Draft, sample: NDArray[np.float32]) -> None:
    """Line integrals whose logarithm lost its minus are negative where the sample is."""
    side = frames.beside(sample)
    finite = sample[np.isfinite(sample)]
    if not finite.size:
        return
    low, high = np.percentile(finite, (1, 99))
    if low < -0.2 and high < 0.25 * abs(low) and abs(side.level) < 0.25 * abs(low):
        made.refuse(
            f"The line integrals of {made.path.name} are negative ({low:.3g} to {high:.3g}): "
            "log(I/I0) without its minus?",
            "Save them as -log(I/I0), or give the transmission with --kind transmission.",
        )


def _leave_out(made: Draft, kept: NDArray[np.intp], useless: dict[Why, NDArray[np.intp]]) -> None:
    bad = np.zeros(0, dtype=np.intp)
    for why, which in useless.items():  # one reason each
        useless[why] = np.setdiff1d(which, bad)
        bad = np.union1d(bad, which)
    if not len(bad):
        return
    said = "; ".join(f"{in_words(which)} {why[len(which) > 1]}" for why, which in useless.items() if len(which))
    if len(bad) > _MANY * len(kept):
        made.refuse(
            f"{made.path.name}: of {len(kept)} views, {said}.",
            f"Say which views to leave out, with {leave_out_as_well(made.excluded, 'A:B')}.",
        )
        return
    made.keep = np.setdiff1d(kept, bad)
    made.notes.append(f"Of {len(kept)} views {len(bad)} {'is' if len(bad) == 1 else 'are'} left out: {said}.")
    how = made.provenance.get("angles")
    if how is None:
        made.provenance["angles"] = Provenance("missing", rules.FLAG)
    elif how.how == "given":
        made.provenance["angles"] = replace(how, where=f"{how.where}, without {len(bad)} views")


def in_words(views: NDArray[np.intp]) -> str:
    """Views as ``--exclude`` takes them, runs as A:B."""
    runs = np.split(views, np.flatnonzero(np.diff(views) > 1) + 1)
    parts = [f"{run[0]}:{run[-1] + 1}" if len(run) > 1 else f"{run[0]}" for run in runs]
    more = f" and {len(parts) - 8} more" if len(parts) > 8 else ""
    return f"views {','.join(parts[:8])}{more}" if len(views) > 1 else f"view {parts[0]}"
