"""What "auto" leaves to held-out views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .crossmodal import GuideSource
from .options import DiffusionOptions

# TrialResult by "auto"; the first of each is kept unless held-out views clearly speak for another.
PRIORS = ("materials", "generic")
TRUSTS = (0.7, 0.35, 1.4)
STARTS = (150, 60, 350)


@dataclass(frozen=True)
class OpenSettings:
    """What is to be chosen, and from what.

    Parameters
    ----------
    priors : tuple of str
    trusts : tuple of float
    starts : tuple of int
        The first of each unless another is clearly better.
    guide : bool
        Whether the X-ray volume is listened to, and in which way.
    listens : bool
        It is listened to as its network reads it, unless the answer to ``guide`` is no.
    share : bool
        What beside the network the result takes a share of, and how large a one.
    told : dict
        Options on "auto" whose values follow from the others.
    """

    priors: tuple[str, ...]
    trusts: tuple[float, ...]
    starts: tuple[int, ...]
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
        noise_aware = options.trust == "auto" and not getattr(options.data_step, "gamma", 0.0)
        trusts = TRUSTS if noise_aware else TRUSTS[:1]
        partner = options.partner.kind
        return cls(
            priors=PRIORS if options.prior == "auto" else (options.prior,),
            trusts=trusts if options.trust == "auto" else (options.trust,),
            starts=STARTS if options.t_start == "auto" else (options.t_start,),
            guide=source is not None and not edges and (weight == "auto" or source.by_edges_alone),
            listens=source is not None and not edges,
            share=not edges and options.share != 0 and "auto" in (partner, options.share),
            told={"guide_weight": 1.0} if edges and weight == "auto" else {},
        )

    @property
    def any(self) -> bool:
        """Whether there is a question at all."""
        several = len(self.priors) * len(self.trusts) * len(self.starts) > 1
        return several or self.guide or self.share
