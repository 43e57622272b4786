"""`fewview train`: networks of your own."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import OptionError
from .shared_flags import takes
from .train_unrolled import carry_out, learn_sister, train_simulated
from .values import parse_axis, parse_pairs, parse_rows

app = typer.Typer(help="Train a network: on a CPU or a GPU, resumable.")

Output = Annotated[Path, typer.Option("-o", "--output", help="Folder of the training; it is resumed from there.")]


def training(
    minutes: Annotated[float | None, typer.Option(help="Time in minutes that the training may take in all.")] = None,
    device: Annotated[str | None, typer.Option(help="Where to train: `auto`, `cpu` or `cuda`.")] = None,
    seed: Annotated[int | None, typer.Option(help="Number that every random choice follows from.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="An option of the training as KEY=VALUE; it may be repeated.")
    ] = None,
) -> dict[str, Any]:
    """What the flags of every training say of its options; a flag of its own goes before ``--set``."""
    return parse_pairs("--set", settings or []) | _given(minutes=minutes, device=device, seed=seed)


def _given(**flags: object) -> dict[str, Any]:
    return {name: value for name, value in flags.items() if value is not None}


@app.command()
@takes("values", training)
def prior(
    *,
    output: Output,
    kind: Annotated[
        str | None, typer.Option(help="Kind of training images: `generic`, `materials` or `stack`.")
    ] = None,
    values: dict[str, Any],
) -> None:
    """Train a diffusion prior, or go on with the training that the folder holds; writes weights and card."""
    from ..training.export import export_prior
    from ..training.prior import PriorTraining, train_prior

    options = PriorTraining.parse(values | _given(kind=kind))
    train = partial(train_prior, options, output, report=typer.echo)
    carry_out(train, output, f"{options.kind}.safetensors", export_prior)


@app.command()
@takes("values", training)
def guide(
    *,
    output: Output,
    network: Annotated[str | None, typer.Option(help="Network to train: `ours`, or `pix2pix` as published.")] = None,
    values: dict[str, Any],
) -> None:
    """Train a cross-modal guide, or go on with the training that the folder holds; writes weights and card."""
    from ..training.guide import GuideTraining, train_guide
    from ..training.guide_export import export_guide

    options = GuideTraining.parse(values | _given(network=network))
    carry_out(partial(train_guide, options, output, report=typer.echo), output, "guide.safetensors", export_guide)


@app.command()
@takes("values", training)
def unrolled(
    *,
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
    values: dict[str, Any],
) -> None:
    """Train an unrolled network on simulated samples, or on a dense volume of a sample like the one to come."""
    values |= _given(kind=kind, xray=xray)
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
@takes("values", training)
def fixer(
    *,
    output: Output,
    base: Annotated[
        str | None,
        typer.Option(help="Folder of your SD-Turbo: train adapters for it, instead of a compact network from scratch."),
    ] = None,
    values: dict[str, Any],
) -> None:
    """Train a slice fixer, or go on with the training that the folder holds; writes weights and card."""
    from ..training.fixer import FixerTraining, SDTurboTraining, train_fixer
    from ..training.fixer_export import export_fixer

    kind = FixerTraining if base is None else SDTurboTraining
    options = kind.parse(values | _given(base=base))
    carry_out(partial(train_fixer, options, output, report=typer.echo), output, "fixer.safetensors", export_fixer)


@app.command()
@takes("values", training)
def latent(
    *,
    output: Output,
    stage: Annotated[
        str | None, typer.Option(help="Stage to train: `autoencoder`, then `alignment`, `diffusion`, and `decoder`.")
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
    values: dict[str, Any],
) -> None:
    """Train a stage of a latent diffusion model (CLS-DM), or go on with it; writes weights and card."""
    from ..training.latent import LatentTraining, train_latent
    from ..training.latent_export import export_latent

    options = LatentTraining.parse(values | _given(stage=stage, start=start, volumes=volumes))
    train = partial(train_latent, options, output, report=typer.echo)
    carry_out(train, output, f"{options.stage}.safetensors", export_latent)
