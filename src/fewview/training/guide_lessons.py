"""What a guide learns from: pictures out of the unimodal loop with their X-ray slices, made by a process of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..atomic_write import written_whole
from ..methods.diffusion.denoiser import Denoiser
from ..methods.diffusion.guide import CrossModalGuide
from ..methods.diffusion.loop import diffuse
from ..methods.diffusion.schedule import Level
from ..methods.diffusion.start import least_squares
from ..methods.inverse.consistency import Stateless
from ..methods.inverse.normalised import Scaled
from ..methods.inverse.proposals import Proposal
from ..models.guide import START, Guide
from ..models.prior import DiffusionPrior
from ..models.weights import load_prior
from .background_process import BackgroundProcess
from .guide_pairs import Pair, perhaps_recoloured, plain_pair
from .guide_xray import delivered
from .rollouts import drawn_rollout, measured_slices
from .sources import SIZES

KEPT = 1500
"""Lessons in memory and on disk, at most; the oldest go first."""
EAGER = 100
"""Lessons that are made without rest at first."""
CORE = 0.3
"""Part of a core's time that making them takes afterwards."""
PLAIN = 0.4
"""Part of the lessons on plain shapes."""
COPIES = (1, 2, 4)
"""Posterior samples whose mean the guide sees."""
ASKED = 0.6
"""Part of the images of a guided loop after which the guide is asked."""


@dataclass(frozen=True, eq=False)
class GuideLesson:
    """Some slices on their way through the loop.

    Parameters
    ----------
    x : Tensor, shape (levels, slices, y, x)
        The start, then the image after each data step, in units of the object's maximum as reconstructed.
    sigma : Tensor, shape (levels,)
        Noise level of each; :data:`fewview.models.guide.START` of the start.
    clean : Tensor, shape (slices, y, x)
        The answer.
    xray : Tensor, shape (2, slices, y, x), or (1, slices, y, x)
        X-ray slices in units of their maximum: ideal, and reconstructed from few and noisy views. Of a guided loop,
        only those that the loop was shown: their faults are in its images, too.
    """

    x: Tensor
    sigma: Tensor
    clean: Tensor
    xray: Tensor

    def save(self, path: Path) -> None:
        """Write in half precision; the file appears only when whole."""
        tensors = {"x": self.x, "sigma": self.sigma, "clean": self.clean, "xray": self.xray}
        with written_whole(path) as temporary:
            save_file({name: value.cpu().half().contiguous() for name, value in tensors.items()}, temporary)

    @classmethod
    def load(cls, path: Path) -> GuideLesson:
        """Read what :meth:`save` wrote, still in half precision."""
        with safe_open(path, framework="pt") as file:
            return cls(*(file.get_tensor(name) for name in ("x", "sigma", "clean", "xray")))


def paired_slices(pair: Pair, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Neighbouring slices of one sample, turned and flipped: neutron and X-ray (count, y, x) each.

    Parameters
    ----------
    pair : Pair
        Neutron and X-ray blocks of one sample.
    count : int
        Slices, at most.
    rng : np.random.Generator

    Returns
    -------
    neutron, xray : Tensor, shape (slices, y, x)
        The neutrons times a random gain of 0.85 to 1.05.
    """
    count = min(count, len(pair[0]))
    first = int(rng.integers(len(pair[0]) - count + 1))
    places = slice(first, first + count)
    turns, flip, gain = int(rng.integers(4)), bool(rng.random() < 0.5), float(rng.uniform(0.85, 1.05))
    images = []
    for block in pair:
        image = torch.rot90(torch.from_numpy(block[places].astype(np.float32)), turns, (1, 2))
        images.append((image.flip(2) if flip else image).contiguous())
    return images[0] * gain, images[1]


class Recorder(Stateless):
    """Keeps the images that a guide would be shown, and asks one now and then; see :class:`Proposer` of the loop.

    Parameters
    ----------
    copies : int
        Posterior samples, whose mean a guide sees.
    rng : Generator
    guide : CrossModalGuide, optional
    """

    def __init__(self, copies: int, rng: np.random.Generator, guide: CrossModalGuide | None = None) -> None:
        self.copies, self.rng, self.guide = copies, rng, guide
        self.images: list[Tensor] = []
        self.sigmas: list[float] = []

    def see(self, x: Tensor, data: Scaled, sigma: float) -> bool:
        """Keep the mean of the samples; whether the guide was asked about it.

        Parameters
        ----------
        x : Tensor, shape (copies * slices, y, x)
            In units of the object's maximum.
        data : Scaled
            In the same unit.
        sigma : float
            Of the level.

        Returns
        -------
        bool
            True where the guide was asked.
        """
        self.images.append(x.reshape(self.copies, -1, *x.shape[1:]).mean(dim=0))
        self.sigmas.append(sigma)
        if self.guide is None or self.rng.random() >= ASKED:
            return False
        self.guide.ask(x, data, sigma)
        return True

    def due(self, level: Level) -> bool:
        """Every image counts."""
        return True

    def consider(self, x: Tensor, data: Scaled, level: Level) -> Tensor | None:
        """Where the guide was not asked, the images stay as they are.

        Parameters
        ----------
        x : Tensor, shape (copies * slices, y, x)
            In units of the object's maximum.
        data : Scaled
            In the same unit.
        level : Level

        Returns
        -------
        Tensor or None
            None where the guide was asked, and its proposal is to be used; else ``x``.
        """
        return None if self.see(x, data, level.sigma) else x

    @property
    def proposal(self) -> Proposal | None:
        """What the guide said last."""
        return None if self.guide is None else self.guide.proposal


@torch.no_grad()
def make_lesson(
    prior: DiffusionPrior, clean: Tensor, xray: Tensor, rng: np.random.Generator, network: Guide | None = None
) -> GuideLesson:
    """Run the loop on slices, with the prior alone or guided, and measure their X-ray slices, too.

    Parameters
    ----------
    prior : DiffusionPrior
    clean, xray : Tensor, shape (slices, y, x)
        A stack of neighbours.
    rng : Generator
        Of geometry, dose, settings and noise.
    network : Guide, optional
        Then the images are those of a loop that listens to it: what it says decides what it is shown next.

    Returns
    -------
    GuideLesson
        Images and noise levels on the way, clean slices, and X-ray slices as they may be shown.
    """
    copies = int(rng.choice(COPIES, p=[0.4, 0.3, 0.3]))
    guide: CrossModalGuide | None = None
    if network is not None:
        recast = perhaps_recoloured(xray, clean, rng)
        seen = torch.stack([delivered(image, torch.rot90(image, 1), rng) for image in recast])
        guide = CrossModalGuide(network, seen, watched=False)
    recorder = Recorder(copies, rng, guide)
    drawn = drawn_rollout(clean, rng, copies, proposers=() if guide is None else (recorder,))
    parts = replace(drawn.parts, denoiser=Denoiser(prior, len(clean)), proposers=(recorder,))
    recorder.see(drawn.process.x, drawn.data, START)
    for _ in diffuse(parts, drawn.data, drawn.process):
        pass
    if guide is None:
        problem = measured_slices(xray, rng)
        assert problem.state is not None
        streaky = least_squares(problem, int(rng.integers(4, 16))) / problem.state["peak"]
        shown = torch.stack([xray, streaky])
    else:
        shown = seen[None]
    # The image of the last level is not among them: a guide never speaks there.
    sigmas = torch.tensor(recorder.sigmas)
    return GuideLesson(torch.stack(recorder.images), sigmas, drawn.clean[: len(clean)], shown)


class Lessons(BackgroundProcess):
    """A growing folder of lessons, filled by a process of its own.

    Parameters
    ----------
    folder : Path
        Holds ``lesson-*.safetensors``.
    blocks : Path
        The pool of slices: ``materials-<seed>-0.npy`` (neutrons) and ``-1.npy`` (X-rays).
    prior : str
        Weights whose loop makes the pictures.
    """

    def __init__(self, folder: Path, blocks: Path, prior: str) -> None:
        super().__init__(folder, fill_lessons, folder, blocks, prior)
        self.lessons: dict[str, GuideLesson] = {}

    def refresh(self, at_least: int = 0) -> int:
        """Load what is new and forget what is old; wait until ``at_least`` lessons are there. Returns their number."""
        return self.loaded(self._load, at_least)

    def _load(self) -> int:
        paths = sorted(self.folder.glob("lesson-*.safetensors"))[-KEPT:]
        self.lessons = {p.name: self.lessons.get(p.name) or GuideLesson.load(p) for p in paths}
        return len(self.lessons)


def fill_lessons(folder: Path, source: Path, prior: str) -> None:
    """Make lessons until the process that asked for them is gone; the oldest beyond :data:`KEPT` are removed.

    Parameters
    ----------
    folder : Path
        Of the lessons.
    source : Path
        Folder of the blocks that they are of.
    prior : str
        Whose loop is run.
    """
    parent = os.getppid()
    torch.set_num_threads(1)
    net, rng = load_prior(prior), np.random.default_rng(time.time_ns())
    while os.getppid() == parent:
        begin = time.perf_counter()
        pair = plain_pair(rng, int(rng.choice(SIZES))) if rng.random() < PLAIN else drawn_pair(source, rng)
        if pair is None:
            time.sleep(1.0)
            continue
        count = max(1, round(3 * 128**2 / pair[0].shape[1] ** 2))
        # Half of the lessons are of the loop that listens to what has been learnt so far.
        guide = latest_guide(folder.parent) if rng.random() < 0.5 else None
        lesson = make_lesson(net, *paired_slices(pair, count, rng), rng, guide)
        lesson.save(folder / f"lesson-{time.time_ns()}.safetensors")
        there = sorted(folder.glob("lesson-*.safetensors"))
        for path in there[:-KEPT]:
            path.unlink()
        if len(there) >= EAGER:
            time.sleep((time.perf_counter() - begin) * (1 / CORE - 1))


def latest_guide(folder: Path) -> Guide | None:
    """The averaged network of the training in ``folder``; None before its first checkpoint, or of another kind."""
    state = folder / "state.safetensors"
    if not state.is_file():
        return None
    with safe_open(state, framework="pt") as file:
        prefix = "ema.guide."
        tensors = {n.removeprefix(prefix): file.get_tensor(n) for n in file.keys() if n.startswith(prefix)}  # noqa: SIM118
    guide = Guide()
    if {name: value.shape for name, value in guide.state_dict().items()} != {n: v.shape for n, v in tensors.items()}:
        return None
    guide.load_state_dict(tensors)
    return guide.eval().requires_grad_(False)


def drawn_pair(source: Path, rng: np.random.Generator) -> Pair | None:
    """Both blocks of a sample drawn from the pool; None while there is none."""
    seeds: Sequence[str] = sorted(path.name.split("-")[1] for path in source.glob("materials-*-0.npy"))
    if not seeds:
        return None
    seed = seeds[int(rng.integers(len(seeds)))]
    return np.load(source / f"materials-{seed}-0.npy"), np.load(source / f"materials-{seed}-1.npy")
