"""From a guide's training to weights with a card: validation figures with controls, provenance, checksum."""

from __future__ import annotations

from pathlib import Path

from ..models.weights import load_prior, save_network
from ..simulate.seeds import TRAIN, VALIDATION
from .checkpoint import averaged
from .export import VALUE_RANGE, cut_out, provenance
from .guide import GuideTraining, new_guide
from .guide_lessons import PLAIN
from .guide_pairs import RECOLOURED
from .guide_validate import KINDS, SHIFT, guide_psnr, validation_lessons
from .guide_xray import OTHER, ZEROED
from .measuring import Measuring
from .trainer import Report


def export_guide(folder: Path, path: Path, report: Report = lambda _: None) -> None:
    """Write the averaged weights of a training in half precision, with a card.

    Parameters
    ----------
    folder : Path
        Of :func:`fewview.training.guide.train_guide`; the training may still be running.
    path : Path
        ``.safetensors`` to write.
    report : callable, optional
        Takes lines of progress of the measuring, the first when the weights are written.

    Raises
    ------
    FewviewError
        The folder holds no training.
    """
    facts, guide = averaged(folder, lambda facts: new_guide(GuideTraining.parse(facts["options"])), "guide.")
    options = GuideTraining.parse(facts["options"])
    prior = load_prior(options.prior)
    card = {
        "trained_on": f"simulated concrete-like microstructures, {facts['seeds']} training seeds from {TRAIN[0]}; "
        f"slices on their way through the loop, {PLAIN:.0%} of plain shapes; X-ray slices degraded, "
        f"{RECOLOURED:.0%} with grey values mapped at random, {ZEROED:.0%} missing, {OTHER:.0%} of another sample",
        "trained_for": cut_out(options.crop),
        **provenance(facts),
        "value_range": f"{VALUE_RANGE}, in both channels",
        "validation": f"8 slices of 128 px, seeds from {VALIDATION[0]}, geometry and dose drawn at random; PSNR in dB, "
        f"range 1, before the guide and after it; shifted: {SHIFT} px in both directions",
    }
    tell, both = Measuring(guide, path, card, len(KINDS), report), {}
    for kind in KINDS:
        tell(f"guided slices of {kind}")
        both[kind] = guide_psnr(guide, validation_lessons(folder / "validation", prior, kind))
    scores = {kind: figures.pop("log_score") for kind, figures in both.items()}
    card |= {"psnr_db": both["materials"], "psnr_db_plain_shapes": both["plain"], "negative_log_likelihood": scores}
    save_network(guide, path, card)
