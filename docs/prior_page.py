"""Write docs/priors.md and its pictures from the cards of the weights: `python docs/prior_page.py`.

Nothing in that page is typed by hand; a test holds that the page is what the cards say. The samples are drawn anew
(a minute on two cores); `--no-samples` leaves their pictures as they are.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import matplotlib
import torch

matplotlib.use("agg")
from matplotlib import pyplot as plt
from torch import Tensor

from fewview.models.weights import SHIPPED, load_prior, read_card

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "priors.md"
Card = dict[str, Any]
IMAGES = ROOT / "docs" / "images"
LEARNING = "prior-learning.png"
SAMPLES, SIZE, STEPS, SEED = 4, 128, 40, 0
CHURN = 0.5  # 0 draws deterministically, 1 draws all noise anew at each step
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

INTRODUCTION = """# Diffusion priors

Written by `python docs/prior_page.py` from the cards beside the weights (`src/fewview/weights/*.json`); `fewview train
prior` makes both. `generic` has seen plain shapes alone: ellipses, ellipsoids, polyhedra, and half of the time dead
leaves of them, which cover each other at all sizes as things in natural images do; `materials` simulated
microstructures. Every figure is of validation seeds, which no training draws and no test uses.

A prior trained elsewhere can be given by its folder:
`fewview reconstruct scan.h5 -o OUT --method d3ip --set prior=FOLDER`,
with `pip install 'fewview[sd-turbo]'`. FOLDER is a `UNet2DModel` of diffusers as `save_pretrained` writes it
(`config.json` and `.safetensors`; of a pipeline, its folder `unet`), trained as a DDPM on grey or colour images in
[-1, 1], without classes. Its schedule, and whether it predicts the noise, the image or the mix of both called v, is
read from `scheduler_config.json` where that lies beside the network; else it is taken to predict the noise of DDPM's
linear schedule. It looks at one slice at a time, and nothing is downloaded. This has been tried on small networks
without training, and not yet on a published checkpoint.
"""
DENOISING = """## One-step denoising

PSNR in dB (range 1) of unseen images of 128 pixels after one pass through the network, at five standard deviations of
white noise; median and total variation with the settings that are best on training images of the same kind. "better by"
is against the better of these two: a prior must win on its own kind, and is reported on the other one.
"""
ROLLOUTS = """## Down the noise, with a measurement

What few views leave are streaks, not white noise. So priors are trained *in the loop*: most of the steps take slices,
measured with views, angles, dose and start drawn at random, down the noise levels, with the data step of a
reconstruction between them, and the network answers what it meets there (`fewview train prior`, option `in_loop`).
PSNR in dB of the last answer, one sample, 12 slices of 128 pixels, two doses. The doses drawn for a number of views are
its own: compare down the columns.
"""
CURVE = """## Quality against training time

The same figures as training goes on, minus the better of median and total variation. Where the curves still climb, more
training would pay in one-step denoising; in reconstructions, it no longer does, nor does a larger network. What was
tried, on validation samples of 128 pixels and 2000 counts, by `d3ip` with fixed settings:

- More of the same: `fewview train prior -o FOLDER --minutes 62 --set kind=generic --set start=generic --set
  slices=5 --set rate=5e-4 --set in_loop=0.85` (7968 steps on one core shared with other work) raised one-step
  denoising at noise 0.1 by 0.2 dB, and left ten reconstructions where they were: five microstructures at 8 to 32
  views 0.00 dB, five plain shapes -0.1 dB.
- More seeds: `materials` does not know its own by heart. One-step denoising of 37 neutron images of them is 0.04 to
  0.08 dB better than of 32 unseen ones.
- A larger network: `fewview train prior -o FOLDER --minutes 120 --set kind=materials --set size=medium --set
  start=materials --set slices=5 --set rate=5e-4 --set in_loop=0.85` (9203 steps) goes on from the compact weights
  with 11.6 M parameters. One-step denoising at noise 0.1 gained 0.06 dB, the rollouts at 8, 16 and 32 views 0.03 dB
  each; five reconstructions 0.01 dB in the mean (-0.07 to +0.05), for 1.6 times the time.
- More noise at the start (350 in 24 steps): +0.06 dB at 8 views, on one sample; 24 samples instead of 8: +0.07 dB.
- Better weights in the data step: told by the truth how far the network errs around every pixel (a trial that the code
  does not hold; one sample, the best of two or three widths), it gained 0.04 dB at 8 views and lost 0.02 and 0.24 dB at
  16 and 32.

None of this moves the reconstructions by a tenth of a dB. `--set size=large` (16 M parameters, for a GPU) may bring a
little; what would bring more is not known. The weights shipped are those before.
"""
DRAWN = f"""## Samples without any measurement

{SAMPLES} images from pure noise, {STEPS} network calls each, seed {SEED}: what a prior takes for likely. They show
nothing of a measurement.
"""


def cards() -> dict[str, Card]:
    """The cards of the diffusion priors, by name."""
    found = {path.stem: read_card(path.with_suffix(".safetensors")) for path in sorted(SHIPPED.glob("*.json"))}
    return {name: card for name, card in found.items() if _is_prior(card)}


def _is_prior(card: Card) -> bool:
    return {"denoising_psnr_db", "baselines_psnr_db", "learning_curve"} <= card.keys() and bool(card["learning_curve"])


def best_baseline(card: Card, kind: str) -> dict[str, float]:
    """The better of the denoisers without a network, by noise level."""
    families = card["baselines_psnr_db"].get(kind, {}).values()
    return {level: max(f[level] for f in families) for level in next(iter(families), {})}


FACTS = ("trained_on", "minutes", "steps", "device")


def facts(found: dict[str, Card]) -> str:
    """What was trained on what, and for how long."""
    lines = ["| prior | parameters | trained on | minutes | steps | device |", "|---|---|---|---|---|---|"]
    for name, card in found.items():
        figures = [f"{card[key]:g}" if isinstance(card[key], float) else str(card[key]) for key in FACTS]
        lines.append(_line(f"`{name}`", [f"{card['parameters'] / 1e6:.2f} M", *figures]))
    return "\n".join(lines) + "\n"


def denoising(found: dict[str, Card]) -> str:
    """A table per kind of images."""
    parts = [DENOISING]
    for kind in dict.fromkeys(kind for card in found.values() for kind in card["baselines_psnr_db"]):
        levels = list(best_baseline(next(c for c in found.values() if kind in c["baselines_psnr_db"]), kind))
        lines = [f"| on `{kind}` images | " + " | ".join(levels) + " |", "|---|" + "---|" * len(levels)]
        families = next(c["baselines_psnr_db"][kind] for c in found.values() if kind in c["baselines_psnr_db"])
        lines += [_line(name, [f"{figures[at]:.2f}" for at in levels]) for name, figures in families.items()]
        for name, card in found.items():
            figures, best = card["denoising_psnr_db"].get(kind), best_baseline(card, kind)
            if figures:
                lines.append(_line(f"`{name}`", [f"{figures[at]:.2f}" for at in levels]))
                lines.append(_line(f"`{name}`, better by", [f"{figures[at] - best[at]:+.2f}" for at in levels]))
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def rollouts(found: dict[str, Card]) -> str:
    """A line per prior and kind of images; those trained on white noise alone have none."""
    lines: list[str] = []
    for name, card in found.items():
        for kind, figures in card.get("rollout_psnr_db", {}).items():
            views = list(figures)
            if not lines:
                lines = ["| prior | images | " + " | ".join(f"{count} views" for count in views) + " |"]
                lines.append("|---|---|" + "---|" * len(views))
            lines.append(_line(f"`{name}`", [f"`{kind}`", *(f"{figures[count]:.2f}" for count in views)]))
    return ROLLOUTS + "\n" + "\n".join(lines) + "\n"


def _line(name: str, values: list[str]) -> str:
    return f"| {name} | " + " | ".join(values) + " |"


def page() -> str:
    """The whole page."""
    found = cards()
    parts = [
        INTRODUCTION,
        facts(found),
        denoising(found),
        rollouts(found),
        CURVE,
        f"![Denoising against minutes](images/{LEARNING})\n",
        DRAWN,
    ]
    parts += [f"![Samples of {name}](images/prior-samples-{name}.png)\n" for name in found]
    return "\n".join(parts)


def draw_learning(found: dict[str, Card]) -> None:
    """A panel per prior: a curve per noise level."""
    figure, panels = plt.subplots(1, len(found), figsize=(5 * len(found), 3.6), layout="constrained", squeeze=False)
    for axes, (name, card) in zip(panels[0], found.items(), strict=True):
        curve = card["learning_curve"]
        kind = next(key for key, value in curve[-1].items() if isinstance(value, dict))
        best = best_baseline(card, kind)
        for level, colour in zip(best, COLOURS, strict=False):
            gains = [entry[kind][level] - best[level] for entry in curve]
            axes.plot([e["minutes"] for e in curve], gains, ".-", color=colour, label=f"noise {level}")
        axes.axhline(0, color="black", linewidth=0.8)
        axes.set(title=f"{name}, on {kind} images", xlabel="minutes of training", ylabel="dB over median and TV")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0][-1].legend(frameon=False, fontsize=8)
    figure.savefig(IMAGES / LEARNING, dpi=110, metadata={"Software": None})
    plt.close(figure)


def draw_unconditional(name: str) -> None:
    """Samples side by side, all with the same grey scale: 0 to the robust maximum."""
    import numpy as np
    from PIL import Image

    images = draw_samples(name)[:, 0].numpy()
    row = np.concatenate([np.pad(image, 2, constant_values=1.0) for image in images], axis=1)
    grey = Image.fromarray((row.clip(0, 1) * 255).astype(np.uint8))
    grey.resize((2 * grey.width, 2 * grey.height), Image.Resampling.NEAREST).save(IMAGES / f"prior-samples-{name}.png")


def draw_samples(name: str) -> Tensor:
    """Images (samples, 1, y, x) drawn from a prior, from pure noise, without any measurement.

    Noise levels as in Karras et al., NeurIPS 2022, equation 5 (rho 7, from 20 to 0.005); part of the noise is drawn
    anew at each step, as in DDIM with eta. To a 2.5D prior, each image is its own neighbour.
    """
    prior, generator = load_prior(name), torch.Generator().manual_seed(SEED)

    def noise() -> Tensor:
        return torch.randn(SAMPLES, 1, SIZE, SIZE, generator=generator)

    ramp = torch.linspace(0, 1, STEPS)
    levels = [*((20 ** (1 / 7) + ramp * (0.005 ** (1 / 7) - 20 ** (1 / 7))) ** 7).tolist(), 0.0]
    x: Tensor = levels[0] * noise()
    with torch.no_grad():
        for sigma, following in itertools.pairwise(levels):
            clean = prior(x.expand(-1, prior.config.slices, -1, -1), sigma)
            kept = (1 - CHURN**2) ** 0.5 * (x - clean) / sigma
            x = clean + following * (kept + CHURN * noise())
    return x


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    draw_learning(cards())
    if "--no-samples" not in sys.argv:
        for prior_name in cards():
            draw_unconditional(prior_name)
