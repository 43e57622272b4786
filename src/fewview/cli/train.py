"""`fewview train`: networks of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import OptionError
from .train_unrolled import exported, learn_sister, train_simulated
from .values import parse_axis, parse_pairs, parse_rows

app = typer.Typer(help="Train a network: on a CPU or a GPU, resumable.")

# What every training is asked.
Output = Annotated[Path, typer.Option("-o", "--output", help="Folder of the training; it is resumed from there.")]
Minutes = Annotated[float | None, typer.Option(help="Time in minutes that the training may take in all.")]
Device = Annotated[str | None, typer.Option(help="Where to train: `auto`, `cpu` or `cuda`.")]
Seed = Annotated[int | None, typer.Option(help="Number that every random choice follows from.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="An option of the training as KEY=VALUE; it may be repeated.")
]


def _values(settings: list[str] | None, **given: object) -> dict[str, Any]:
    """Options of a training: those of ``--set``, and flags of their own that were given."""
    return {**parse_pairs("--set", settings or []), **{k: v for k, v in given.items() if v is not None}}


@app.command()
def prior(
    output: Output,
    kind: Annotated[
        str | None, typer.Option(help="Kind of training images: `generic`, `materials` or `stack`.")
    ] = None,
    minutes: Minutes = None,
    device: Device = None,
    seed: Seed = None,
    settings: Settings = None,
) -> None:
    """Train a diffusion prior, or go on with the training that the folder holds; writes weights and card."""
    from ..training.export import export_prior
    from ..training.prior import PriorTraining, train_prior

    options = PriorTraining.parse(_values(settings, kind=kind, minutes=minutes, device=device, seed=seed))
    exported(train_prior(options, output, report=typer.echo), f"{options.kind}.safetensors", export_prior)


@app.command()
def guide(
    output: Output,
    network: Annotated[str | None, typer.Option(help="Network to train: `ours`, or `pix2pix` as published.")] = None,
    minutes: Minutes = None,
    device: Device = None,
    seed: Seed = None,
    settings: Settings = None,
) -> None:
    """Train a cross-modal guide, or go on with the training that the folder holds; writes weights and card."""
    from ..training.guide import GuideTraining, train_guide
    from ..training.guide_export import export_guide

    options = GuideTraining.parse(_values(settings, network=network, minutes=minutes, device=device, seed=seed))
    exported(train_guide(options, output, report=typer.echo), "guide.safetensors", export_guide)


@app.command()
def unrolled(
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", "--out", help="Folder of the training; with --from, the weights to write (.safetensors)."
        ),
    ],
    kind: Annotated[str | None, typer.Option(help="Kind of training images: `materials` or `general`.")] = None,
    xray: Annotated[
        bool | None, typer.Option("--xray", help="Show the network an X-ray volume of each sample as well.")
    ] = None,
    volume: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Learn from a sister sample instead of simulated ones: a volume of it, or a dense scan.",
        ),
    ] = None,
    like: Annotated[
        str | None, typer.Option(help="With --from, the few-view scan that will be reconstructed, or its recipe.")
    ] = None,
    views: Annotated[int | None, typer.Option(help="Use only this many views of that scan, equally spread.")] = None,
    rows: Annotated[
        str | None, typer.Option(help="Use only the detector rows A to B-1 of that scan, given as A:B before binning.")
    ] = None,
    bin_: Annotated[int | None, typer.Option("--bin", help="Average K x K detector pixels of that scan.")] = None,
    axis: Annotated[
        str | None, typer.Option(help="Column of the rotation axis of that scan, or `auto` to find it.")
    ] = None,
    check: Annotated[
        bool, typer.Option(help="Compare with other methods on held-out detector pixels of the scan.")
    ] = True,
    minutes: Minutes = None,
    device: Device = None,
    seed: Seed = None,
    settings: Settings = None,
) -> None:
    """Train an unrolled network on simulated samples, or on a dense volume of a sample like the one to come."""
    values = _values(settings, kind=kind, xray=xray, minutes=minutes, device=device, seed=seed)
    if volume is None and like is None:
        train_simulated(output, values)
        return
    if volume is None or like is None or kind is not None or xray is not None:
        raise OptionError(
            "--from VOLUME and --like SCAN belong together, and --kind and --xray are for simulated samples.",
            "Give both, without --kind and --xray: the volume that teaches and the scan that will be reconstructed.",
        )
    scan = {"views": views, "rows": parse_rows(rows), "bin": bin_, "axis": parse_axis(axis)}
    learn_sister(output, volume, like, {key: value for key, value in scan.items() if value is not None}, values, check)


@app.command()
def fixer(
    output: Output,
    base: Annotated[
        str | None,
        typer.Option(help="Folder of your SD-Turbo: train adapters for it, instead of a compact network from scratch."),
    ] = None,
    minutes: Minutes = None,
    device: Device = None,
    seed: Seed = None,
    settings: Settings = None,
) -> None:
    """Train a slice fixer, or go on with the training that the folder holds; writes weights and card."""
    from ..training.fixer import FixerTraining, SDTurboTraining, train_fixer
    from ..training.fixer_export import export_fixer

    kind = FixerTraining if base is None else SDTurboTraining
    options = kind.parse(_values(settings, base=base, minutes=minutes, device=device, seed=seed))
    exported(train_fixer(options, output, report=typer.echo), "fixer.safetensors", export_fixer)


@app.command()
def latent(
    output: Output,
    stage: Annotated[
        str | None, typer.Option(help="Stage to train: `autoencoder`, then `alignment`, then `diffusion`.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Weights (.safetensors) of the stage before, which this one starts from.")
    ] = None,
    volumes: Annotated[
        str | None,
        typer.Option(
            help="Folder of your own volumes, .npy of shape (z, y, x), to learn in place of simulated torsos."
        ),
    ] = None,
    minutes: Minutes = None,
    device: Device = None,
    seed: Seed = None,
    settings: Settings = None,
) -> None:
    """Train a stage of a latent diffusion model (CLS-DM), or go on with it; writes weights and card."""
    from ..training.latent import LatentTraining, train_latent
    from ..training.latent_export import export_latent

    given = {"stage": stage, "start": start, "volumes": volumes, "minutes": minutes, "device": device, "seed": seed}
    options = LatentTraining.parse(_values(settings, **given))
    exported(train_latent(options, output, report=typer.echo), f"{options.stage}.safetensors", export_latent)
