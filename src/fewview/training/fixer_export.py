"""From a fixer's training to weights with a card: validation figures, provenance, checksum."""

from __future__ import annotations

from pathlib import Path

from ..models.fixer import CompactFixer, FixerConfig, save_fixer
from ..simulate.seeds import TRAIN, VALIDATION
from .checkpoint import read_average
from .export import VALUE_RANGE, provenance
from .fixer import CHECK_VIEWS, FixerTraining, fixer_psnr, validation_pairs
from .fixer_pairs import DAMAGES


def export_fixer(folder: Path, path: Path) -> None:
    """Write the averaged weights of a training in half precision, with a card.

    Parameters
    ----------
    folder : Path
        Of :func:`fewview.training.fixer.train_fixer`; the training may still be running.
    path : Path
        ``.safetensors`` to write.

    Raises
    ------
    FewviewError
        The folder holds no training.
    """
    facts, tensors = read_average(folder)
    options = FixerTraining.parse(facts["options"])
    fixer = CompactFixer(FixerConfig(biplanar=options.biplanar))
    fixer.load_state_dict(tensors)
    fixer.eval().requires_grad_(False)
    card = {
        "trained_on": f"two thirds simulated concrete-like microstructures, one third plain shapes, "
        f"{facts['seeds']} volumes from training seed {TRAIN[0]}, measured with 6 to 64 views and reconstructed by "
        f"{', '.join(DAMAGES)}, "
        "stopped early at random",
        **provenance(facts),
        "value_range": VALUE_RANGE,
        "validation": f"volumes of 64 and 96 px, seeds from {VALIDATION[0]}, {CHECK_VIEWS} views, one volume for each "
        "row; PSNR in dB, range 1, of slices before and after one repair, without a data step",
        "psnr_db": fixer_psnr(fixer, validation_pairs(folder / "validation")),
        "learning_curve": facts["curve"],
        "options": {name: Path(v).name if name == "start" else v for name, v in facts["options"].items()},
    }
    save_fixer(fixer, path, card)
