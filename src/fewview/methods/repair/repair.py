"""When a field is repaired, and how it follows: the repair-and-augment schedule of DiffNR (2025)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...errors import OptionError
from ...models.ssim import ssim3d
from ..fields.field import Slab
from ..fields.objective import Objective
from ..fields.watch import Watch
from ..interface import Problem, Views
from ..inverse.normalised import Scaled
from ..trained_range import told_of_training
from .options import RepairOptions
from .pseudo_reference import PseudoReference, Repairer
from .unrolled_fixer import UnrolledFixer, load_any_fixer

APART = 0.1
"""Part of the steps from one repair to the next, at least: a field needs them to follow."""
DECAY = 0.5
"""Of the weight of the likeness at each new repair: the later, the more the data count."""
OBJECT = 0.05
"""Of the object's maximum: below it in both volumes a voxel is air, which is alike whatever it holds."""


class Verdict(NamedTuple):
    """What held-out pixels say of a repair of the field that is handed out.

    Parameters
    ----------
    error : float
        How wrong the repair is taken to be, in parts of the object's maximum.
    refused : Tensor, shape (slices,)
    """

    error: float
    refused: Tensor


class Repair:
    """What the field loop asks, between two steps, to be repaired by.

    Parameters
    ----------
    options : RepairOptions
    given : Problem
        What the field sees.
    held : Views, optional
    data : Scaled
        ``given``, in units of the object's maximum.
    """

    def __init__(self, options: RepairOptions, given: Problem, held: Views | None, data: Scaled) -> None:
        fixer = load_any_fixer(options.fixer, given.operator.device)
        if isinstance(fixer, UnrolledFixer) and options.enlarge > 1:
            raise OptionError(
                f"Slices cannot be enlarged by {options.enlarge} for {options.fixer}, which compares them with the "
                "measurement.",
                "Leave enlarge at 1, or choose another slice fixer.",
            )
        self.options = options
        self.outside = told_of_training(data, options.fixer)
        self.repairer = Repairer(
            fixer,
            given,
            data,
            held,
            options.prompt,
            options.repair_error or None,
            options.consistent,
            options.refuse,
            options.enlarge,
            options.positivity,
        )
        self.reference: PseudoReference | None = None
        self.before: Tensor | None = None
        self.made, self.last, self.fits = 0, 0.0, 0
        self.verdict: Verdict | None = None

    def due(self, part: float, watch: Watch | None) -> bool:
        """Whether a repair is to be made now, ``part`` of the steps being done."""
        if self.made >= self.options.repairs:
            return False
        stuck = watch is not None and watch.over
        if self.made == 0:
            return part >= self.options.warm_up or stuck
        if self.reference is not None and bool(self.reference.refused.all()):
            return False  # what was refused once would be proposed again
        return stuck or (part - self.last >= APART and (watch is None or not watch.gaining))

    def make(self, x: Tensor, part: float) -> Iterator[Tensor]:
        """Make a new pseudo-reference of the field's values ``x``; yields what is repaired so far."""
        self.reference = yield from _repaired(self.repairer, x)
        self.before = x.clone()
        self.made, self.last = self.made + 1, part

    def judge(self, x: Tensor) -> Iterator[Tensor]:
        """Have a repair of the best field judged by what it never saw, for :meth:`finish`; yields what is left last."""
        if not self.options.last_repair or self.verdict is not None:
            return
        found = yield from _repaired(self.repairer, x)
        self.verdict = Verdict(self.repairer.error_of(found.rho), found.refused)
        yield found.volume

    def finish(self, x: Tensor, whole: Problem, data: Scaled) -> Iterator[Tensor]:
        """Repair the finished field, held against all data, as sure as :meth:`judge` found; the result is last.

        Parameters
        ----------
        x : Tensor, shape (slices, y, x)
            Its values, in units of the object's maximum.
        whole : Problem
        data : Scaled
            The same, in those units.

        Yields
        ------
        Tensor, shape (slices, y, x)
            In units of the object's maximum; nothing where held-out pixels speak against every slice's repair.
        """
        if not self.options.last_repair or (self.verdict is not None and bool(self.verdict.refused.all())):
            return
        error, refused = (self.repairer.error, None) if self.verdict is None else self.verdict
        finishing = replace(self.repairer, given=whole, data=data, held=None, error=error, refused=refused)
        found = yield from _repaired(finishing, x)
        self.reference, self.before = found, x.clone()
        self.made += 1
        yield found.volume

    def joined(self, plain: Objective) -> Objective:
        """The objective with the repaired slices as a proposal, as certain as they were found to be."""
        if self.reference is None or not self.options.consistent:
            return plain
        return replace(plain, near=self.reference.repaired, rho=self.reference.rho * self.reference.accepted)

    def unlikeness(self, values: Tensor, slab: Slab) -> Tensor | None:
        """What the values of a slab cost for being unlike the pseudo-reference; None where nothing is asked now."""
        self.fits += 1
        weight = self.options.likeness * DECAY ** (self.made - 1)
        if self.reference is None or not weight or self.fits % self.options.likeness_every:
            return None
        reference = self.reference.volume[slab[0] : slab[1]]
        there = (torch.maximum(reference, values.detach()) > OBJECT) * self.reference.accepted[slab[0] : slab[1]]
        return weight * (1 - ssim3d(values, reference, there))

    def told(self) -> dict[str, Any]:
        """For :attr:`Estimate.chosen`: how many repairs were made, and what was refused of the last one made.

        Beside those that were made on the way, that of the finished field may have been refused as a whole.
        """
        said: dict[str, Any] = {"repairs_made": self.made, **self.outside}
        if self.reference is not None:
            slices = [int(k) for k in torch.nonzero(self.reference.refused)[:, 0]]
            said |= {"refused_slices": slices, "repair_rho": self.reference.rho}
        followed = self.reference is None or not bool(self.reference.refused.all())
        if followed and self.verdict is not None and bool(self.verdict.refused.all()):
            said["last_repair_refused"] = True
        return said

    def shown(self, top: float) -> dict[str, Tensor]:
        """Volumes beside the field: the pseudo-reference, what the fixer changed, and where it was refused."""
        if self.reference is None or self.before is None:
            return {}
        reference = self.reference
        refused = reference.refused[:, None, None].to(reference.volume.dtype).expand_as(reference.volume)
        changed = (reference.volume - self.before) * top
        return {"pseudo-reference": reference.volume * top, "repair": changed, "refused": refused.contiguous()}

    def state(self) -> dict[str, Any]:
        """What :meth:`restore` takes."""
        out: dict[str, Any] = {"repair.made": self.made, "repair.last": self.last, "repair.fits": self.fits}
        if self.verdict is not None:
            out |= {f"verdict.{name}": value for name, value in self.verdict._asdict().items()}
        if self.reference is not None and self.before is not None:
            parts = self.reference._asdict() | {"before": self.before}
            out |= {f"repair.{name}": value for name, value in parts.items()}
        return out

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up :meth:`state` again."""
        self.made, self.last, self.fits = (
            int(state["repair.made"]),
            float(state["repair.last"]),
            int(state["repair.fits"]),
        )
        device = self.repairer.data.y.device
        if "verdict.error" in state:
            refused = torch.as_tensor(state["verdict.refused"]).to(device).bool().clone()
            self.verdict = Verdict(float(state["verdict.error"]), refused)
        if "repair.volume" in state:
            volumes = {
                name: torch.as_tensor(state[f"repair.{name}"]).to(device).clone()
                for name in ("repaired", "volume", "refused", "before")
            }
            self.before = volumes.pop("before")
            self.reference = PseudoReference(
                volumes["repaired"], volumes["volume"], float(state["repair.rho"]), volumes["refused"].bool()
            )


def _repaired(repairer: Repairer, x: Tensor) -> Generator[Tensor, None, PseudoReference]:
    """What is repaired so far, and the pseudo-reference as the return value."""
    for now in repairer.repair(x):
        if isinstance(now, PseudoReference):
            return now
        yield now
    raise AssertionError("a repair ends with its pseudo-reference")
