"""Sweeps over the views in subsets: what SART and ASD-POCS share."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..interface import Views
from ..inverse.masking import measured, reciprocal, weigh


class Sweep:
    """One pass over all views, some at a time, in an order that changes from pass to pass.

    Parameters
    ----------
    views : Views
        Weights serve as a mask only: each update is scaled by its own subset, which takes out their level.
    size : int
        Views per update; 1 is the classical SART.
    seed : int
        Of the order; pass number and seed give it, so that a resumed run goes on in the same order.
    """

    def __init__(self, views: Views, size: int, seed: int) -> None:
        self.y, self.usable = measured(views, weighted=False)
        self.seed = seed
        # Interleaved subsets: the views of one see the object from all around.
        count = max(1, -(-views.operator.views // size))
        order = np.argsort(np.mod(views.operator.angles, views.operator.geometry.period), kind="stable")
        self.members = [np.sort(order[k::count]) for k in range(count)]
        self.operators = [views.operator.subset(member) for member in self.members]
        one = views.operator.zeros(1) + 1
        for A in self.operators:
            A.T(A(one))  # makes what they keep: among the images of the passes, it would leave holes in the memory

    def __call__(self, x: Tensor, number: int, relaxation: Tensor, positivity: bool) -> Tensor:
        """``x`` after pass ``number``; ``relaxation`` per slice, shape (slices, 1, 1) or (1, 1, 1)."""
        order = np.random.default_rng([self.seed, number]).permutation(len(self.members))
        x = x.clone()  # from here on in place
        for k in order:
            A, member = self.operators[k], torch.as_tensor(self.members[k], device=self.y.device)
            usable = None if self.usable is None else self.usable[:, member]
            rows = reciprocal(A(A.zeros(1) + 1))  # not A.row_sums(): that would keep an image per subset
            seen = A.zeros_data(1) + 1 if usable is None else usable
            columns = reciprocal(A.T(seen))
            x += A.T(weigh(rows * (self.y[:, member] - A(x)), usable)).mul_(relaxation * columns)
            if positivity:
                x.clamp_(min=0)
        return x
