"""The X-ray volume's word without a network: directional TV of the same measurement, with what it may err."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

FLOOR, PART = 0.01, 0.1
"""Its standard deviation: in parts of the object's maximum everywhere, and of the value there. TV flattens what a
material shows of texture, and leaves the air clean. Settled on plain shapes of validation seeds, 16 and 32 views;
constant deviations had been tried on the shell before: its figures in the benchmark are not those of a blind test."""

Word = tuple[Tensor, Tensor]


def word(volume: Tensor, top: float) -> Word:
    """What directional TV says, and how sure it is of it.

    Parameters
    ----------
    volume : Tensor, shape (slices, y, x)
        By directional TV.
    top : float
        The object's maximum.

    Returns
    -------
    mean, std : Tensor, shape (slices, y, x)
        In units of the object's maximum.
    """
    mean = volume / top
    near = F.avg_pool2d(mean[:, None], 3, 1, 1, count_include_pad=False)[:, 0]
    return mean, FLOOR + PART * near
