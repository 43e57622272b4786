"""A coarse look at the strongest weights of TV, before methods beside the network are tuned."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from torch import Tensor

from ..classical import tv
from ..diffusion.options import DiffusionOptions
from ..interface import Estimate, Problem, Views
from ..selection.picture import Picture
from ..selection.weight_search import Warm
from .stacking import share

WEIGHTS = tv.LADDER[:6]  # from the strongest; each begins at the result of the one before


class Look:
    """A coarse look whether TV of any weight helps samples; not asked where share, setting or MBIR are given.

    Where the network knows the sample, none does, nor does MBIR, and the time that tuning them takes is saved.

    Parameters
    ----------
    given : Problem
    held : Views
        Withheld from it.
    options : DiffusionOptions
    picture : Picture
        What is shown meanwhile.
    """

    def __init__(self, given: Problem, held: Views, options: DiffusionOptions, picture: Picture) -> None:
        self.given, self.held, self.options, self.picture = given, held, options, picture
        self._solved: list[tuple[Tensor, Warm]] = []  # at the strongest weights, for the next samples, too

    def may_help(self, samples: Tensor) -> Generator[Estimate, None, bool]:
        """Whether held-out views want a share of TV beside samples (samples, slices, y, x) from ``given``."""
        options = self.options
        set_by_user = any(
            options.value(name) not in ("auto", None) for name in ("beside_share", "tv_weight", "mbir_sharpness")
        )
        if set_by_user or options.partner.kind == "mbir":
            return True
        for number in range(len(WEIGHTS)):
            if number == len(self._solved):
                yield from self._solve()
            if share(self.held, samples, self._solved[number][0], options.samples).part > 0:
                return True
        return False

    def _solve(self) -> Iterator[Estimate]:
        """One weight further down."""
        number = len(self._solved)
        warm = self._solved[-1][1] if self._solved else None
        problem = tv.formulate(self.given, tv.TVOptions(positivity=self.options.positivity), WEIGHTS[number])
        left: tuple[Tensor, Warm] | None = None
        for left in tv.attempt(problem, warm):  # noqa: B007
            yield self.picture.estimate(number, len(WEIGHTS), "whether total variation helps")
        assert left is not None, "an attempt yields at least once"
        self._solved.append((left[0].clone(), left[1]))
