"""From a stage of a latent training to weights with a card."""

from __future__ import annotations

from pathlib import Path

from ..models.latent.model import STAGES, LatentConfig, LatentModel
from ..models.weights import read_card, save_network
from ..simulate.seeds import TRAIN
from .checkpoint import averaged
from .export import portable, provenance
from .latent import CHECKS, LatentTraining, latent_figures
from .latent_spread import CALIBRATED, latent_spread
from .latent_volumes import Volumes
from .measuring import Measuring
from .trainer import Report


def export_latent(folder: Path, path: Path, report: Report = lambda _: None) -> None:
    """Write the averaged weights of a training in half precision, with a card that keeps those of the stages before.

    Parameters
    ----------
    folder : Path
        Of :func:`fewview.training.latent.train_latent`; the training may still be running.
    path : Path
        ``.safetensors`` to write.
    report : callable, optional
        Takes lines of progress of the measuring, the first when the weights are written.

    Raises
    ------
    FewviewError
        The folder holds no training.
    """
    facts, model = averaged(folder, lambda facts: LatentModel(LatentConfig.model_validate_json(facts["config"])))
    options = LatentTraining.of_state(facts)
    before = read_card(Path(options.start)) if options.start else {}
    volumes = Volumes(model.config.side, options.volumes)
    own = f"{len(volumes.own)} volumes of the user's own"
    simulated = f"simulated torsos, {facts['seeds']} volumes from training seed {TRAIN[0]}"
    card = {
        "stage": options.stage,
        "trained_on": own if options.volumes else simulated,
        "trained_for": {"side_px": [model.config.side, None]},
        **provenance(facts),
        "value_range": "attenuation divided by six times the mean of the volume",
        "validation": f"{volumes.told(CHECKS)}; two perpendicular views without noise, and for the spread {CALIBRATED} "
        "further measurements with the noise of the training",
        "options": {**portable(facts), "volumes": bool(options.volumes)},
        **{key: before[key] for stage in STAGES if (key := f"stage_{stage}") in before},
    }
    sampled = options.stage in ("diffusion", "decoder")
    tell = Measuring(model, path, card, 1 + sampled, report)
    tell("volumes that were not learnt")
    card["figures"] = latent_figures(model, options.stage, volumes)
    card[f"stage_{options.stage}"] = {key: card[key] for key in ("steps", "minutes", "figures")}
    if sampled:
        card["figures"]["spread"] = None
        tell("spread of the samples")  # by the method, which reads the networks that are written
        card["figures"]["spread"] = latent_spread(path, options, model.config.side)
    save_network(model, path, card)
