"""From a training's state to weights with a card: validation figures, provenance, checksum."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..models.prior import DiffusionPrior
from ..models.unet import SIZES, UNetConfig
from ..models.weights import save_network
from ..simulate.seeds import TRAIN, VALIDATION
from .baselines import baseline_psnr
from .checkpoint import averaged
from .measuring import Measuring
from .prior import PriorTraining
from .sources import MAKERS
from .trainer import Report
from .validate import prior_psnr, rollout_psnr, validation_images

FOLDERS = {"start", "stack", "prior", "base"}
"""Options that may name a file or a folder."""
VALUE_RANGE = "attenuation divided by its robust maximum (99.9th percentile), air at 0"


def export_prior(folder: Path, path: Path, report: Report = lambda _: None) -> None:
    """Write the averaged weights of a training in half precision, with a card.

    Parameters
    ----------
    folder : Path
        Of :func:`fewview.training.prior.train_prior`; the training may still be running.
    path : Path
        ``.safetensors`` to write.
    report : callable, optional
        Takes lines of progress of the measuring, the first when the weights are written.

    Raises
    ------
    FewviewError
        The folder holds no training.
    """
    facts, prior = averaged(folder, _prior)
    options = PriorTraining.parse(facts["options"])
    once = options.task == "postnet"
    card = {
        "trained_on": _data(options, facts),
        "trained_for": cut_out(options.crop),
        **provenance(facts),
        "value_range": VALUE_RANGE,
        "validation": f"images of 128 px, seeds from {VALIDATION[0]}; PSNR in dB, range 1",
    }
    tell = Measuring(prior, path, card, len(MAKERS) * (1 if once else 2) + (0 if once else 1), report)
    card["rollout_psnr_db"] = rollouts = {}
    for kind in MAKERS:
        tell(f"reconstructions of {kind}")
        rollouts[kind] = rollout_psnr(prior, validation_images(kind, 4, options.slices), once)
    if not once:
        _add_denoising(card, prior, folder, tell)
    save_network(prior, path, card)


def _prior(facts: Mapping[str, Any]) -> DiffusionPrior:
    options = PriorTraining.parse(facts["options"])
    return DiffusionPrior(UNetConfig(**{**SIZES[options.size].model_dump(), "slices": options.slices}))


def _add_denoising(card: dict[str, Any], prior: DiffusionPrior, folder: Path, tell: Report) -> None:
    """One-step denoising of 16 images at five noise levels, and that of plain denoisers."""
    slices = prior.config.slices
    card["denoising_psnr_db"] = figures = {}
    for kind in MAKERS:
        tell(f"denoising of {kind}")
        figures[kind] = prior_psnr(prior, validation_images(kind, slices=slices))
    tell("plain denoisers, for comparison")
    card["baselines_psnr_db"] = _baselines(folder)


def _baselines(folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Return the figures of the plain denoisers, measured at the first export (minutes) and kept."""
    path = folder / "baselines.json"
    if not path.exists():
        figures = {kind: baseline_psnr(kind, validation_images(kind)) for kind in MAKERS}
        path.write_text(json.dumps(figures, indent=1) + "\n")
    kept: dict[str, dict[str, dict[str, float]]] = json.loads(path.read_text())
    return kept


def _data(options: PriorTraining, facts: dict[str, Any]) -> str:
    if options.kind == "stack":
        return "a stack of slices of the user's own"
    what = {
        "generic": "ellipses, ellipsoids, plain shapes and dead leaves of them",
        "materials": "simulated concrete-like microstructures",
    }
    text = f"{what[options.kind]}, {facts['seeds']} training seeds from {TRAIN[0]}"
    return text + (f"; started from {Path(options.start).stem}" if options.start else "")


def provenance(facts: dict[str, Any]) -> dict[str, Any]:
    """What the card of any network says of its training, given the facts of its state."""
    return {
        "steps": facts["step"],
        "minutes": round(facts["seconds"] / 60, 1),
        "minutes_planned": facts["options"]["minutes"],
        "device": facts["device"],
        "revision": _revision(),
        "licence": "BSD-3-Clause",
        "learning_curve": facts["curve"],
        "options": portable(facts),
    }


def cut_out(side: int) -> dict[str, Any]:
    """What a network was trained for that learnt from crops of such a side: larger slices are made of them."""
    return {"side_px": [side, None]}


def portable(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a training for its card, with names in place of folders: a card travels."""
    return {key: Path(v).name if key in FOLDERS and v else v for key, v in facts["options"].items()}


def _revision() -> str:
    """Return the commit of the source, or the version of an installed package."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        from importlib.metadata import version

        return f"fewview {version('fewview')}"
    return done.stdout.strip()
