"""The pseudo-reference of DiffNR: a field's slices repaired, made consistent with the data, refused where worse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...models.fixer import FixerCondition, SliceFixer
from ..interface import Problem, Views
from ..inverse.consistency import TVz
from ..inverse.normalised import Scaled
from ..inverse.proposals import Proposal, data_consistent
from ..selection.comparison import ONE_STANDARD_ERROR, better
from ..selection.held_out import errors_by_slice
from .condition import condition_of
from .unrolled_fixer import UnrolledFixer

ERRORS = (0.1, 0.05, 0.02, 0.2)
"""Standard deviations of a repair that are tried, in parts of the object's maximum; the first is the default."""
ITERATIONS = 8
"""Of CG, from the repaired slices: what the data say of them is there after few."""
ALONG_Z, PENALTY, SWEEPS = 3.0, 100.0, 3
"""Of :class:`TVz` in that data step: slices are repaired one by one, and what then differs between neighbours is
smoothed (measured on validation volumes, docs/diffnr.md)."""


class PseudoReference(NamedTuple):
    """A repaired volume, in units of the object's maximum.

    Parameters
    ----------
    repaired : Tensor, shape (slices, y, x)
        What the fixer made of the field; the field itself in refused slices.
    volume : Tensor, same shape
        The same in agreement with the measurement: the pseudo-reference.
    rho : float
        Certainty of ``repaired`` against the data term, where it was not refused.
    refused : Tensor, shape (slices,)
        Which slices were refused.
    """

    repaired: Tensor
    volume: Tensor
    rho: float
    refused: Tensor

    @property
    def accepted(self) -> Tensor:
        """1 for slices that are listened to, 0 for refused ones: (slices, 1, 1)."""
        return (~self.refused).to(self.volume.dtype)[:, None, None]


@dataclass(frozen=True, eq=False)
class Repairer:
    """A fixer and the measurement that its proposals are held against.

    Parameters
    ----------
    fixer : SliceFixer
    given : Problem
        What the field sees.
    data : Scaled
        The same, in units of the object's maximum.
    held : Views, optional
        What neither the field nor a repair sees; None: nothing is refused.
    prompt : str
    error : float, optional
        Of a repair; chosen by what is held out when not given.
    consistent, refuse : bool
    enlarge : int
    positivity : bool
    refused : Tensor, optional
        Slices (slices,) that are refused beforehand: they stay, and no other is smoothed with their repair.
    """

    fixer: SliceFixer
    given: Problem
    data: Scaled
    held: Views | None
    prompt: str = ""
    error: float | None = None
    consistent: bool = True
    refuse: bool = True
    enlarge: int = 1
    positivity: bool = True
    refused: Tensor | None = None

    def repair(self, x: Tensor) -> Iterator[Tensor | PseudoReference]:
        """Repair ``x`` (slices, y, x); yields what is repaired so far, and the pseudo-reference last."""
        told = condition_of(self.given, x * self.data.top, self.data.top, self.prompt)
        condition = replace(told, measurement=self.data)
        repaired = x.clone()
        for index in torch.arange(len(x), device=x.device).split(self.fixer.together):
            for slices in answers(self.fixer, x[index], condition.part(index), self.enlarge):
                repaired[index] = slices.clamp(min=0) if self.positivity else slices
                yield repaired
        yield self._judged(x, repaired)

    def _judged(self, x: Tensor, repaired: Tensor) -> PseudoReference:
        errors = ERRORS if self.error is None else (self.error,)
        nobody = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        refused = nobody if self.refused is None else self.refused
        error, volume = errors[0], self._smoothed(x, repaired, errors[0], refused)
        if self.held is not None:
            tried = {error: volume} | {value: self._smoothed(x, repaired, value, nobody) for value in errors[1:]}
            told = {value: float(self._errors(one).mean()) for value, one in tried.items()}
            error = min(told, key=lambda value: told[value])
            volume = tried[error]
            if self.refuse:
                refused, volume = self._refused(x, repaired, error, volume)
        return PseudoReference(torch.where(refused[:, None, None], x, repaired), volume, self._rho(error), refused)

    def _refused(self, x: Tensor, repaired: Tensor, error: float, volume: Tensor) -> tuple[Tensor, Tensor]:
        """Which slices are refused, (slices,), and the volume, in which no other was smoothed with their repairs."""
        before = self._errors(x)

        def worse(now: Tensor) -> Tensor:
            told = [better(old, new) for old, new in zip(before, self._errors(now), strict=True)]
            return torch.tensor(told, device=x.device)

        refused = worse(volume)
        if refused.any():  # one that is good by itself may only have been smoothed with a bad one
            refused = refused & worse(self._agreed(repaired, error))
            while True:
                volume = self._smoothed(x, repaired, error, refused)
                if not (more := worse(volume)).any():
                    break
                refused = refused | more
        after = self._errors(volume)
        if not better(after.mean(axis=0), before.mean(axis=0), confidence=ONE_STANDARD_ERROR):
            return torch.ones_like(refused), x
        return refused, volume

    def _agreed(self, repaired: Tensor, error: float) -> Tensor:
        """Slices in agreement with the measurement, each by itself."""
        if not self.consistent:
            return repaired
        volume = data_consistent([Proposal(repaired, 1 / error**2)], self.data, ITERATIONS, repaired)
        return volume.clamp(min=0) if self.positivity else volume

    def _smoothed(self, x: Tensor, repaired: Tensor, error: float, refused: Tensor) -> Tensor:
        """The same, and with each other; refused ones are those of ``x``."""
        kept = refused[:, None, None]
        repaired = torch.where(kept, x, repaired)
        if not self.consistent:
            return repaired
        smoothing = TVz(len(repaired), PENALTY, ALONG_Z, ITERATIONS, SWEEPS)
        *_, volume = smoothing.swept([Proposal(repaired, 1 / error**2)], self.data, repaired)
        return torch.where(kept, x, volume.clamp(min=0) if self.positivity else volume)

    def error_of(self, rho: float) -> float:
        """The error of a repair that is so certain."""
        return float(self.data.noise / rho**0.5)

    def _rho(self, error: float) -> float:
        """Both terms by their variances: of the noise, and of the repair."""
        return (self.data.noise / error) ** 2

    def _errors(self, x: Tensor) -> np.ndarray:
        assert self.held is not None
        return errors_by_slice(self.held, (x.clamp(min=0) if self.positivity else x) * self.data.top)


def answers(fixer: SliceFixer, x: Tensor, condition: FixerCondition, enlarge: int = 1) -> Iterator[Tensor]:
    """Slices (batch, y, x) through the fixer, enlarged before and reduced after; all answers of one that is slow.

    Parameters
    ----------
    fixer : SliceFixer
    x : Tensor, shape (batch, y, x)
        In units of the object's maximum.
    condition : FixerCondition
        What is known of the measurement.
    enlarge : int, optional
        Factor of the size.

    Yields
    ------
    Tensor
        Shape (batch, y, x).
    """
    if isinstance(fixer, UnrolledFixer):
        yield from (answer[:, 0] for answer in fixer.answers(x[:, None], condition))
        return
    side = tuple(x.shape[-2:])
    image = x[:, None]
    if enlarge > 1:
        work = (side[0] * enlarge, side[1] * enlarge)
        image = F.interpolate(image, size=work, mode="bicubic")
        rows, columns = (
            F.interpolate(values, size=work, mode="bilinear") for values in (condition.rows, condition.columns)
        )
        condition = replace(condition, rows=rows, columns=columns)
    out = fixer(image, condition)
    if enlarge > 1:
        out = F.interpolate(out, size=side, mode="bicubic", antialias=True)
    yield out[:, 0]
