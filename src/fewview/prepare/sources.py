"""Where the preparation starts: blocks of transmission, made from counts or taken as they are."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ScanError
from .dose import Box, open_edges
from .normalise import FlatField, Floats, Mask, Unusable, combine, dark_views, transmission
from .options import PrepareOptions
from .zingers import find_zingers

_BLOCK = 2**24  # pixels of a block: some ten temporaries of 64 MB each
_SAMPLE = 4096  # pixels of a view that tell whether it has beam


@dataclass
class Run:
    """What the whole run shares: options, and the account of what was done and masked."""

    options: PrepareOptions
    pixels: int
    counts: dict[str, int] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)

    def blocks(self, views: int) -> list[slice]:
        """Views in portions that keep the temporaries small."""
        size = max(1, _BLOCK // self.pixels)
        return [slice(start, min(start + size, views)) for start in range(0, views, size)]

    def count(self, unusable: Unusable) -> None:
        """Add the pixels that a block masked."""
        for reason, found in unusable.counts.items():
            self.counts[reason] = self.counts.get(reason, 0) + found

    def describe(self, boxes: list[Box], factor: int) -> None:
        """Put into words what happened between the source and the logarithm."""
        if boxes:
            self.steps.append("dose from " + " and ".join(f"{t}:{b},{a}:{z}" for t, b, a, z in boxes))
        if self.options.paganin > 0:
            self.steps.append(f"Paganin filter, {self.options.paganin:g} px^2")
        if factor > 1:
            self.steps.append(f"binned {factor} x {factor}")
        self.steps.append("minus logarithm")


class Counts:
    """Blocks of transmission made from counts."""

    def __init__(
        self,
        frames: NDArray,
        flats: ArrayLike | None,
        darks: ArrayLike | None,
        times: NDArray[np.float64],
        flat_times: ArrayLike | None,
        run: Run,
    ) -> None:
        if flats is None or len(np.asarray(flats)) == 0:
            raise ScanError(
                "Counts need flat frames, and there are none.",
                "Give flats, or say kind=transmission or kind=attenuation if the frames are normalised already.",
            )
        self.frames, self.times, self.options, self.run = frames, times, run.options, run
        self.flat = FlatField.of(self._without_zingers(flats), self.options.flat, flat_times)
        self.dark = np.zeros((1, 1), np.float32)
        if darks is not None and len(np.asarray(darks)):
            self.dark = combine(self._without_zingers(darks), self.options.dark)
        for name, reference in (("flats", self.flat.frames[0]), ("darks", self.dark)):
            if reference.shape not in (frames.shape[1:], (1, 1)):
                raise ScanError(
                    f"The {name} are {reference.shape[0]} x {reference.shape[1]} pixels, "
                    f"the frames {frames.shape[1]} x {frames.shape[2]}.",
                    f"Use {name} of the same detector window.",
                )
        run.steps.append(f"flats by {self.options.flat}")
        run.steps.append(f"darks by {self.options.dark}" if self.dark.size > 1 else "no darks: taken as 0")
        if self.options.zingers != "off":
            run.steps.append(f"zingers, {self.options.zingers}, {self.options.zinger_threshold:g} sigma")
        self.no_beam = dark_views([self._brightness(view) for view in range(len(frames))])

    def read(self, block: slice) -> tuple[Floats, Floats, Unusable]:
        """Transmission, light and unusable pixels of some views; see :func:`~.normalise.transmission`."""
        counts = np.array(self.frames[block], dtype=np.float32)
        zingers = np.zeros(counts.shape, dtype=bool)
        if self.options.zingers != "off":
            for index, frame in enumerate(counts):
                zingers[index], median = self._zingers(frame)
                frame[zingers[index]] = median[zingers[index]]
        flat = self.flat.at(self.times[block])
        ratio, light, unusable = transmission(counts, flat, self.dark, self.options.saturation, self.options.dead)
        unusable.add("zinger", zingers)
        unusable.add("no beam", self.no_beam[block][:, None, None])
        return ratio, light, unusable

    def dose_boxes(self) -> list[Box]:
        """Open regions that the dose is measured in; none when it is not corrected."""
        if self.options.dose == "off":
            return []
        if self.options.dose_box is not None:
            return [self.options.dose_box]
        some = np.unique(np.linspace(0, len(self.frames) - 1, min(len(self.frames), 32)).astype(int))
        some = some[~self.no_beam[some]]
        flat = self.flat.at(self.times[some])
        ratio, _, unusable = transmission(
            self.frames[some], flat, self.dark, self.options.saturation, self.options.dead
        )
        return open_edges(ratio, unusable.mask)

    def _brightness(self, view: int) -> float:
        """Level of the brightest twentieth of a view, in parts of the flat."""
        stride = max(1, int(np.sqrt(self.run.pixels / _SAMPLE)))
        some = np.s_[::stride, ::stride]
        dark = self.dark[some] if self.dark.size > 1 else self.dark
        flat = self.flat.frames[0][some] - dark
        good = np.isfinite(flat) & (flat > 0)
        level = np.asarray(self.frames[view][some], dtype=np.float32) - dark
        level = (level[good] / flat[good])[np.isfinite(level[good])]
        return float(np.quantile(level, 0.95)) if len(level) else 0.0

    def _zingers(self, frame: Floats) -> tuple[Mask, Floats]:
        options = self.options
        return find_zingers(frame, options.zinger_threshold, options.zinger_size, dark_too=options.zingers == "both")

    def _without_zingers(self, stack: ArrayLike) -> Floats:
        """Reference frames whose zingers are no numbers, so that combining leaves them out."""
        clean = np.array(stack, dtype=np.float32)
        if self.options.zingers != "off":
            for frame in clean:
                frame[self._zingers(frame)[0]] = np.nan
        return clean


class Ratio:
    """Blocks of transmission from frames that are normalised already."""

    def __init__(self, frames: NDArray, *, attenuation: bool, run: Run) -> None:
        self.frames, self.attenuation, self.options = frames, attenuation, run.options
        run.steps.append(f"frames are {'attenuation' if attenuation else 'transmission'}: no flats, no darks")

    def read(self, block: slice) -> tuple[Floats, Floats, Unusable]:
        """Transmission, light and unusable pixels of some views; see :func:`~.normalise.transmission`."""
        ratio = np.array(self.frames[block], dtype=np.float32)
        unusable = Unusable(np.zeros(ratio.shape, dtype=bool))
        unusable.add("not a number", ~np.isfinite(ratio))
        ratio[unusable.mask] = 0 if self.attenuation else 1
        if self.attenuation:
            np.exp(-ratio, out=ratio)
        return ratio, np.where(unusable.mask, np.float32(0), ratio), unusable

    def dose_boxes(self) -> list[Box]:
        """Open regions that the dose is measured in; none when it is not corrected."""
        if self.options.dose == "off":
            return []
        if self.options.dose_box is not None:
            return [self.options.dose_box]
        ratio, _, unusable = self.read(slice(None, None, max(1, len(self.frames) // 32)))
        return open_edges(ratio, unusable.mask)
