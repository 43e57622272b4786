"""From a fixer's training to weights with a card: validation figures, provenance, checksum."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from torch import nn

from ..models.weights import Storable, save_network
from ..simulate.seeds import TRAIN, VALIDATION
from .checkpoint import averaged
from .export import VALUE_RANGE, provenance
from .fixer import CHECK_VIEWS, FINISHED_SHARE, FixerTraining, SDTurboTraining, fixer_psnr, new_fixer, validation_pairs
from .fixer_pairs import FINISHED, SIZES, STOPPED
from .measuring import Measuring
from .trainer import Report


def export_fixer(folder: Path, path: Path, report: Report = lambda _: None) -> None:
    """Write the averaged weights of a training in half precision, with a card.

    Parameters
    ----------
    folder : Path
        Of :func:`fewview.training.fixer.train_fixer`; the training may still be running.
    path : Path
        ``.safetensors`` to write.
    report : callable, optional
        Takes lines of progress of the measuring, the first when the weights are written.

    Raises
    ------
    FewviewError
        The folder holds no training.
    """
    facts, fixer = averaged(folder, _fixer)
    card = {
        "trained_on": f"two thirds simulated concrete-like microstructures, one third plain shapes, "
        f"{facts['seeds']} volumes from training seed {TRAIN[0]}, measured with 6 to 64 views and reconstructed by "
        f"{', '.join(STOPPED)}, stopped early at random, and by {', '.join(FINISHED)} in {FINISHED_SHARE:.0%} of the "
        "steps",
        "trained_for": {"side_px": [min(SIZES), max(SIZES)]},
        **provenance(facts),
        "value_range": VALUE_RANGE,
        "validation": f"volumes of 64 and 96 px, seeds from {VALIDATION[0]}, {CHECK_VIEWS} views, one volume for each "
        "row; PSNR in dB, range 1, of slices before and after one repair, without a data step",
    }
    pairs, figures = validation_pairs(folder / "validation"), card.setdefault("psnr_db", {})
    tell = Measuring(cast(Storable, fixer), path, card, len(pairs), report)
    for name, group in pairs.items():
        tell(f"repairs of {name}")
        figures |= fixer_psnr(fixer, {name: group})
    save_network(cast(Storable, fixer), path, card)


def _fixer(facts: Mapping[str, Any]) -> nn.Module:
    kind = SDTurboTraining if "base" in facts["options"] else FixerTraining
    return new_fixer(kind.of_state(facts))
