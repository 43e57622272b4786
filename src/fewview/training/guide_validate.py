"""What a guide is worth on validation seeds, and what it does when the X-ray slice is missing or wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..models.guide import Guide
from ..models.prior import DiffusionPrior
from ..simulate.seeds import nth
from .guide_lessons import GuideLesson, make_lesson
from .guide_pairs import plain_pair
from .sources import materials_block

Kind = Literal["materials", "plain"]
KINDS: tuple[Kind, ...] = ("materials", "plain")
Control = Literal["right", "zeroed", "other", "shifted"]
CONTROLS: tuple[Control, ...] = ("right", "zeroed", "other", "shifted")
SHIFT = 2  # pixels, of "shifted"
SAMPLES, SIDE = 8, 128  # of each kind; pixels


def validation_lessons(folder: Path, prior: DiffusionPrior, kind: Kind) -> list[GuideLesson]:
    """One slice each of some validation samples on its way through the loop; made once and kept in ``folder``.

    Parameters
    ----------
    folder : Path
    prior : DiffusionPrior
    kind : Kind
        Of the samples.

    Returns
    -------
    list of GuideLesson
        In the order of the validation seeds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lessons = []
    for index in range(SAMPLES):
        path = folder / f"{kind}-{index}.safetensors"
        if not path.exists():
            seed = nth("validation", index)
            rng = np.random.default_rng(seed)
            pair = materials_block(seed, SIDE) if kind == "materials" else plain_pair(rng, SIDE)
            neutron, xray = (torch.from_numpy(b[len(b) // 2][None].astype(np.float32)) for b in pair)
            make_lesson(prior, neutron, xray, rng).save(path)
        lessons.append(GuideLesson.load(path))
    return lessons


@torch.no_grad()
def guide_psnr(
    guide: Guide, lessons: list[GuideLesson], device: str | torch.device = "cpu"
) -> dict[str, dict[str, float]]:
    """PSNR (dB, range 1) before the guide and after it with each :data:`CONTROLS`, at three points of the loop.

    Parameters
    ----------
    guide : Guide
    lessons : list of GuideLesson
    device : str or torch.device, optional

    Returns
    -------
    dict
        Of "start", "first" (data step) and "last" to "before" and the controls; and of "log_score" to the mean
        negative log-likelihood with each control: lower where the guide knows how sure it is.
    """
    out: dict[str, dict[str, float]] = {}
    scores: dict[str, list[float]] = {control: [] for control in CONTROLS}
    for stage in ("start", "first", "last"):
        level = {"start": 0, "first": 1, "last": -1}[stage]
        found: dict[str, list[float]] = {"before": [], **{control: [] for control in CONTROLS}}
        for index, lesson in enumerate(lessons):
            x, clean = lesson.x[level][:, None].float(), lesson.clean[:, None].float()
            found["before"].append(_psnr(x, clean))
            for control in CONTROLS:
                xray = controlled(control, lessons, index)[:, None]
                opinion = guide(x.to(device), xray.to(device), float(lesson.sigma[level]))
                mean, logvar = opinion.mean.cpu(), opinion.logvar.cpu()
                found[control].append(_psnr(mean, clean))
                scores[control].append(float(0.5 * (logvar + (mean - clean) ** 2 / logvar.exp()).mean()))
        out[stage] = {name: round(float(np.mean(values)), 3) for name, values in found.items()}
    out["log_score"] = {name: round(float(np.mean(values)), 3) for name, values in scores.items()}
    return out


def controlled(control: Control, lessons: list[GuideLesson], index: int) -> Tensor:
    """The X-ray slices of a lesson as a control has them.

    Parameters
    ----------
    control : Control
    lessons : list of GuideLesson
    index : int
        Of the lesson.

    Returns
    -------
    Tensor
        Shape (slices, y, x).
    """
    xray = lessons[index].xray[0].float()
    if control == "zeroed":
        return torch.zeros_like(xray)
    if control == "other":
        return lessons[(index + 1) % len(lessons)].xray[0].float()
    return xray.roll((SHIFT, SHIFT), (1, 2)) if control == "shifted" else xray


def _psnr(image: Tensor, clean: Tensor) -> float:
    return float(-10 * (image - clean).square().mean().log10())
