"""Pairs for a slice fixer: volumes measured with few views, and reconstructions of them, stopped early or finished.

As in DiffNR (2025): kinds of reconstruction, numbers of views and degrees of fitting are mixed, so that the fixer meets
whatever a field looks like on its way; a fixer that only saw finished reconstructions would repair nothing else. One
that never saw them harms them: every measurement is therefore reconstructed twice, once either way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..atomic_write import written_whole
from ..methods.diffusion.start import least_squares
from ..methods.interface import Problem
from ..methods.inverse.normalised import robust_maximum
from ..methods.registry import get_method
from ..methods.repair.condition import condition_of
from ..models.fixer import FixerCondition
from ..simulate.seeds import TRAIN
from .rollouts import measured_slices, whole_slices
from .sources import MAKERS, Kind

SIZES, DEPTH = (64, 64, 96), 8
"""Sides of the training slices, and slices of a volume."""
PROMPTS: Mapping[Kind, tuple[str, ...]] = {
    "materials": ("concrete", "microstructure of stones and pores", "mortar", "rock"),
    "generic": ("plain shapes", "bodies of even materials", "phantom"),
}
SILENT = 0.4
"""Part of the pairs without a prompt: most users give none."""
VIEWS = (6, 8, 10, 12, 16, 20, 24, 30, 36, 48, 64)
NEAR_AUTO = (-3.7, -2.8)
"""Logarithm of the weights of total variation that held-out pixels choose for such volumes, and some beside."""

Damage = Callable[[Problem, np.random.Generator], Tensor]


class FixerPair(NamedTuple):
    """A volume as it is and as it was reconstructed, in units of the object's maximum: (slices, y, x)."""

    clean: Tensor
    damaged: Tensor
    condition: FixerCondition


def _stopped(name: str, problem: Problem, settings: Mapping[str, Any], estimates: int | None = None) -> Tensor:
    """What a method has at its end, or after so many of its estimates."""
    method = get_method(name)
    options = method.options.parse(settings)
    volume = None
    for estimate in islice(method.run(problem, options), estimates):
        volume = torch.as_tensor(estimate.volume).clone()
    assert volume is not None, "a method yields at least once"
    return volume


def _fbp(problem: Problem, rng: np.random.Generator) -> Tensor:
    return _stopped("fbp", problem, {"filter": str(rng.choice(["ram-lak", "cosine", "hann"]))})


def _cgls(problem: Problem, rng: np.random.Generator) -> Tensor:
    return least_squares(problem, int(rng.integers(3, 60)))


def _tv(problem: Problem, rng: np.random.Generator) -> Tensor:
    return _stopped("tv", problem, {"weight": 10 ** rng.uniform(-4.5, -2.0)}, int(rng.integers(15, 150)))


def _finished_tv(problem: Problem, rng: np.random.Generator) -> Tensor:
    return _stopped("tv", problem, {"weight": 10 ** rng.uniform(*NEAR_AUTO)})


def _finished_mbir(problem: Problem, rng: np.random.Generator) -> Tensor:
    return _stopped("mbir", problem, {"sharpness": rng.uniform(-1.0, 1.0)})


def _finished_field(name: str) -> Damage:
    def damage(problem: Problem, rng: np.random.Generator) -> Tensor:
        return _stopped(name, problem, {"steps": 20, "smoothness": 10 ** rng.uniform(*NEAR_AUTO)})

    return damage


def _field(name: str, most: int) -> Damage:
    """A field stopped after 2 to ``most`` steps, smoothed as much as a search might choose, or less."""

    def damage(problem: Problem, rng: np.random.Generator) -> Tensor:
        settings = {
            "steps": int(np.exp(rng.uniform(np.log(2), np.log(most)))),
            "smoothness": 10 ** rng.uniform(-4.5, -2.5),
            "start": str(rng.choice(["tv", "cgls"])),
            "stop": False,
        }
        return _stopped(name, problem, settings)

    return damage


STOPPED: dict[str, Damage] = {
    "fbp": _fbp,
    "cgls": _cgls,
    "tv": _tv,
    "inr": _field("inr", 10),
    "naf": _field("naf", 40),
    "r2gaussian": _field("r2gaussian", 60),
}
"""Reconstructions that were stopped too early or smoothed too little or too much, by name; all are alike frequent."""
FINISHED: dict[str, Damage] = {
    "mbir": _finished_mbir,
    "tv-finished": _finished_tv,
    "naf-finished": _finished_field("naf"),
    "r2gaussian-finished": _finished_field("r2gaussian"),
}
"""Reconstructions as good as they get; fields are stopped by held-out pixels."""
FREQUENT = (0.45, 0.45, 0.05, 0.05)
"""How often each of :data:`FINISHED` is made: a field takes 5 s, the others 1 s."""
DAMAGES = STOPPED | FINISHED
ENDS_WITH = "-finished"
"""Of the names of files that hold a finished reconstruction."""


class Specimen(NamedTuple):
    """A volume that was grown, and its measurement; ``top`` is what the network takes for 1."""

    kind: Kind
    seed: int
    clean: Tensor
    problem: Problem
    top: float


@torch.no_grad()
def grow(kind: Kind, seed: int, rng: np.random.Generator, views: int | None = None) -> Specimen:
    """Grow and measure one volume.

    Parameters
    ----------
    kind : {"generic", "materials"}
    seed : int
        Of the volume.
    rng : Generator
        Of its side, its place, and the measurement.
    views : int, optional
        Drawn from :data:`VIEWS` when not given.

    Returns
    -------
    Specimen
        Slices (slices, y, x) in units of the maximum of a reconstruction, and their measurement.
    """
    blocks = MAKERS[kind](seed, int(rng.choice(SIZES)))
    depth = min(DEPTH, *(len(block) for block in blocks))
    clean = whole_slices(blocks, 1, depth, rng)
    problem = measured_slices(clean, rng, int(rng.choice(VIEWS)) if views is None else views)
    assert problem.state is not None
    top = robust_maximum(least_squares(problem))
    bare = Problem(problem.operator, problem.data, problem.weights, seed=seed)
    return Specimen(kind, seed, clean * (problem.state["peak"] / top), bare, top)


@torch.no_grad()
def reconstructed(specimen: Specimen, damage: str, rng: np.random.Generator) -> FixerPair:
    """The pair of a specimen and one of its reconstructions.

    Parameters
    ----------
    specimen : Specimen
    damage : str
        A key of :data:`DAMAGES`.
    rng : Generator
        Of what the reconstruction is asked for, and of the prompt.

    Returns
    -------
    FixerPair
        Clean and damaged slices (slices, y, x), in units of the object's maximum, and the fixer's condition.
    """
    volume = DAMAGES[damage](specimen.problem, rng)
    prompt = "" if rng.random() < SILENT else str(rng.choice(PROMPTS[specimen.kind]))
    condition = condition_of(specimen.problem, volume, specimen.top, prompt)
    return FixerPair(specimen.clean, volume / specimen.top, condition)


def make_pair(kind: Kind, seed: int, damage: str | None = None, views: int | None = None) -> FixerPair:
    """Grow, measure and reconstruct one volume.

    Parameters
    ----------
    kind : {"generic", "materials"}
    seed : int
        Everything follows from it.
    damage : str, optional
        A key of :data:`DAMAGES`; one of :data:`STOPPED` is drawn when not given.
    views : int, optional
        Drawn from :data:`VIEWS` when not given.

    Returns
    -------
    FixerPair
        Clean and damaged slices (slices, y, x), in units of the object's maximum, and the fixer's condition.
    """
    rng = np.random.default_rng([seed, 7])
    specimen = grow(kind, seed, rng, views)
    return reconstructed(specimen, str(rng.choice(list(STOPPED))) if damage is None else damage, rng)


def write_pair(path: Path, pair: FixerPair) -> None:
    """Write a pair in half precision; the file appears only when whole."""
    told = pair.condition
    arrays = {"clean": pair.clean, "damaged": pair.damaged, "projections": told.projections, "rows": told.rows}
    arrays |= {"columns": told.columns[:1]}
    values: dict[str, Any] = {name: tensor.numpy().astype(np.float16) for name, tensor in arrays.items()}
    values |= {"damage": told.damage.numpy(), "height": told.height.numpy(), "prompt": np.array(told.prompt)}
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **values)


def read_pair(path: Path) -> FixerPair:
    """Read what :func:`write_pair` wrote."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    names = ("clean", "damaged", "projections", "rows", "columns", "height", "damage")
    clean, damaged, projections, rows, columns, height, damage = (
        torch.from_numpy(arrays[name].astype(np.float32)) for name in names
    )
    columns = columns.expand(len(clean), -1, -1, -1)
    told = FixerCondition(str(arrays["prompt"]), projections, rows, columns, height, damage)
    return FixerPair(clean, damaged, told)


def fill(folder: Path, capacity: int) -> None:
    """Make volumes of both kinds from consecutive training seeds, up to ``capacity``, and two pairs of each."""
    torch.set_num_threads(1)
    parent = os.getppid()
    for count in range(capacity):
        if os.getppid() != parent:
            return  # the training that started this process is gone
        kind: Kind = "materials" if count % 3 else "generic"
        seed = TRAIN[0] + count
        stopped, finished = (folder / f"{kind}-{seed}{end}.npz" for end in ("", ENDS_WITH))
        if finished.exists():
            continue
        rng = np.random.default_rng([seed, 7])
        specimen = grow(kind, seed, rng)
        if not stopped.exists():
            write_pair(stopped, reconstructed(specimen, str(rng.choice(list(STOPPED))), rng))
        write_pair(finished, reconstructed(specimen, str(rng.choice(list(FINISHED), p=FREQUENT)), rng))
