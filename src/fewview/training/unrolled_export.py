"""From the state of an end-to-end training to weights with a card: what it was trained for, and how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..models.unrolled import Unrolled, UnrolledConfig
from ..models.weights import save_network
from ..simulate.seeds import TRAIN, VALIDATION
from .acquisitions import Acquisitions
from .checkpoint import averaged
from .export import VALUE_RANGE, provenance
from .measuring import Measuring
from .sources import MAKERS, MIXTURES
from .specimens import SOFT, WIDE
from .trainer import Report
from .unrolled import SIDES, UnrolledTraining
from .unrolled_spread import VIEWS, honest_spread
from .unrolled_validate import COUNTS, kind_psnr
from .unrolled_xray import CONCRETE, DROPPED, PLAIN, xray_psnr

WORDS = {
    "materials": "simulated concrete-like microstructures",
    "generic": "ellipses, plain shapes and dead leaves of them",
    "grains": "tessellations of grains",
    "fibres": "fibres in air or in a matrix",
    "layers": "growth rings, sediments and rolled sheets",
}
SAMPLES = 4
"""Of each kind, that the figures of the card are measured on."""
LEAST_BEHIND = 100.0
"""Counts per pixel behind the sample: few measurements of the training have less (500 open, a thick sample)."""


def export_unrolled(folder: Path, path: Path, report: Report = lambda _: None) -> None:
    """Write the averaged weights of a training in half precision, with a card.

    Parameters
    ----------
    folder : Path
        Of :func:`fewview.training.unrolled.train_unrolled`; the training may still be running.
    path : Path
        ``.safetensors`` to write.
    report : callable, optional
        Takes lines of progress of the measuring, the first when the weights are written.

    Raises
    ------
    FewviewError
        The folder holds no training.
    """
    facts, net = averaged(folder, new_unrolled)
    options = UnrolledTraining.of_state(facts)
    mixture, drawn = MIXTURES[options.kind], Acquisitions()
    left = 1 - PLAIN - CONCRETE if options.xray else 1.0
    parts = {kind: left * share for kind, share in mixture.items()}
    parts["materials"] += CONCRETE if options.xray else 0.0
    kinds = "; ".join(f"{WORDS[kind]} ({part:.0%})" for kind, part in parts.items())
    if options.xray:
        kinds = f"{kinds} and plain shapes ({PLAIN:.0%}), {1 - DROPPED:.0%} of the steps with X-ray volumes"
    else:
        kinds = (
            f"{kinds}; {WIDE:.0%} of them reach into the corners, which not all views see, {SOFT:.0%} are blurred and "
            f"shaded, {drawn.imperfect:.0%} seen by detectors with errors of gain and dose"
        )
    started = f"; started from {Path(options.start).stem}" if options.start else ""
    card = {
        "trained_on": f"{kinds}; {facts['seeds']} training seeds from {TRAIN[0]}{started}",
        "trained_for": {
            "views": list(drawn.views),
            "arc_deg": list(drawn.arcs),
            "counts_behind": [LEAST_BEHIND, None],
            "side_px": [min(side for side, _ in SIDES), max(side for side, _ in SIDES)],
        },
        **provenance(facts),
        "value_range": VALUE_RANGE,
        "validation": f"{SAMPLES} samples of each kind, 64 px, seeds from {VALIDATION[0]}, {COUNTS:g} counts, "
        "by number of views; PSNR in dB of the range of the truth",
    }
    tell = Measuring(net, path, card, len(MAKERS) + options.xray + len(VIEWS), report)
    card["psnr_db"] = figures = {}
    for kind in MAKERS:
        tell(f"reconstructions of {kind}")
        figures[kind] = kind_psnr(net, kind, SAMPLES)
    if options.xray:
        tell("reconstructions with X-ray volumes")
        card["psnr_db_by_xray"] = xray_psnr(net)
    card["spread_factor"] = honest_spread(net, mixture, tell)
    save_network(net, path, card)


def new_unrolled(facts: Mapping[str, Any]) -> Unrolled:
    """The network that the facts of a training speak of."""
    return Unrolled(UnrolledConfig.model_validate_json(facts["config"]))
