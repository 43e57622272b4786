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
from ..inverse.proposals import Proposal
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

    def without(self, refused: Tensor, x: Tensor) -> PseudoReference:
        """The same with slices (slices,) refused, which stay as they are in ``x``."""
        repaired, volume = (torch.where(refused[:, None, None], x, mine) for mine in (self.repaired, self.volume))
        return PseudoReference(repaired, volume, self.rho, refused)


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
        if self.held is None:
            errors = errors[:1]
        tried = {error: self._agreed(repaired, self._rho(error)) for error in errors}
        nobody = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        if self.held is None:
            ((error, volume),) = tried.items()
            return PseudoReference(repaired, volume, self._rho(error), nobody)
        told = {error: self._errors(volume) for error, volume in tried.items()}
        error = min(told, key=lambda value: float(told[value].mean()))
        volume, refused = tried[error], nobody
        if self.refuse:
            before, after = self._errors(x), told[error]
            worse = [better(old, new) for old, new in zip(before, after, strict=True)]
            old, new = before.mean(axis=0), np.where(np.array(worse)[:, None], before, after).mean(axis=0)
            helps = better(new, old, confidence=ONE_STANDARD_ERROR)
            refused = torch.tensor(worse, device=x.device) if helps else ~nobody
        return PseudoReference(repaired, volume, self._rho(error), nobody).without(refused, x)

    def _agreed(self, repaired: Tensor, rho: float) -> Tensor:
        if not self.consistent:
            return repaired
        smoothing = TVz(len(repaired), PENALTY, ALONG_Z, ITERATIONS, SWEEPS)
        *_, volume = smoothing.swept([Proposal(repaired, 1 / self.error_of(rho) ** 2)], self.data, repaired)
        return volume.clamp(min=0) if self.positivity else volume

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
