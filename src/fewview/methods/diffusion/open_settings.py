"""What "auto" leaves to held-out views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .crossmodal import GuideSource
from .options import DiffusionOptions

PRIORS = ("generic", "materials")
"""The first is kept unless held-out views clearly speak for the other: it loses least on samples unlike any seen."""
TRUSTS = (0.7, 1.2)
"""How far the network is believed, the first unless the second is clearly better: that leaves less of the noise of the
data, with many views and of samples of little contrast."""


@dataclass(frozen=True)
class OpenSettings:
    """What is to be chosen, and from what.

    Parameters
    ----------
    priors : tuple of str
        The first unless another is clearly better.
    trusts : tuple of float
        Likewise.
    guide : bool
        Whether the X-ray volume is listened to, and in which way.
    listens : bool
        It is listened to as its network reads it, unless the answer to ``guide`` is no.
    share : bool
        How large a share of its classical partner the result takes.
    told : dict
        Options on "auto" whose values follow from the others.
    """

    priors: tuple[str, ...]
    trusts: tuple[float, ...]
    guide: bool
    listens: bool
    share: bool
    told: dict[str, Any]

    @classmethod
    def of(cls, options: DiffusionOptions, source: GuideSource | None) -> OpenSettings:
        """Those that the options, and what a guide is made of, leave open."""
        # With a share of its own, directional TV is wanted as it is: there is nothing to ask.
        edges = source is not None and source.by_edges_alone and options.share != "auto"
        weight = source.options.guide_weight if source is not None else None
        return cls(
            priors=PRIORS if options.prior == "auto" else (options.prior,),
            trusts=_trusts(options),
            guide=source is not None and not edges and (weight == "auto" or source.by_edges_alone),
            listens=source is not None and not edges,
            share=not edges and options.share == "auto",
            told={"guide_weight": 1.0} if edges and weight == "auto" else {},
        )

    @property
    def any(self) -> bool:
        """Whether anything is to be chosen at all."""
        return len(self.priors) > 1 or len(self.trusts) > 1 or self.guide or self.share


def _trusts(options: DiffusionOptions) -> tuple[float, ...]:
    if options.trust != "auto":
        return (float(options.trust),)
    return TRUSTS[:1] if getattr(options.data_step, "gamma", 0.0) else TRUSTS  # a fixed weight leaves nothing to trust
