"""`fewview train`: networks of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import OptionError
from .values import parse_axis, parse_pairs, parse_rows

app = typer.Typer(help="Train a network: on a CPU or a GPU, resumable.")


@app.command()
def prior(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the training; it is resumed from there.")],
    kind: Annotated[str | None, typer.Option(help="Training images: generic, materials or stack.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Time the training may take in all.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of every random choice.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Option of the training, KEY=VALUE.")] = None,
) -> None:
    """Train a diffusion prior, or go on with the training that the folder holds; writes weights and card."""
    from ..training.export import export_prior
    from ..training.prior import PriorTraining, train_prior

    given = {"kind": kind, "minutes": minutes, "device": device, "seed": seed}
    values = {key: value for key, value in given.items() if value is not None}
    options = PriorTraining.parse({**parse_pairs("--set", settings or []), **values})
    train_prior(options, output, report=typer.echo)
    weights = output / f"{options.kind}.safetensors"
    export_prior(output, weights)
    typer.echo(f"Weights and card: {weights}")


@app.command()
def guide(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the training; it is resumed from there.")],
    network: Annotated[str | None, typer.Option(help="ours, or pix2pix as published.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Time the training may take in all.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of every random choice.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Option of the training, KEY=VALUE.")] = None,
) -> None:
    """Train a cross-modal guide, or go on with the training that the folder holds; writes weights and card."""
    from ..training.guide import GuideTraining, train_guide
    from ..training.guide_export import export_guide

    given = {"network": network, "minutes": minutes, "device": device, "seed": seed}
    values = {key: value for key, value in given.items() if value is not None}
    options = GuideTraining.parse({**parse_pairs("--set", settings or []), **values})
    train_guide(options, output, report=typer.echo)
    weights = output / "guide.safetensors"
    export_guide(output, weights)
    typer.echo(f"Weights and card: {weights}")


@app.command()
def unrolled(
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", "--out", help="Folder of the training; with --from, the weights to write (.safetensors)."
        ),
    ],
    kind: Annotated[str | None, typer.Option(help="Training images: materials or general.")] = None,
    volume: Annotated[
        str | None, typer.Option("--from", help="Learn this volume instead: a dense scan of a sister sample.")
    ] = None,
    like: Annotated[
        str | None, typer.Option(help="With --from: the few-view scan, or its recipe, that will be reconstructed.")
    ] = None,
    views: Annotated[int | None, typer.Option(help="Of that scan: use this many views, equally spread.")] = None,
    rows: Annotated[str | None, typer.Option(help="Of that scan: detector rows A:B (B exclusive), unbinned.")] = None,
    bin_: Annotated[int | None, typer.Option("--bin", help="Of that scan: average K x K detector pixels.")] = None,
    axis: Annotated[str | None, typer.Option(help="Of that scan: auto, or the column of the rotation axis.")] = None,
    check: Annotated[
        bool, typer.Option(help="Compare with other methods on held-out detector pixels of the scan.")
    ] = True,
    minutes: Annotated[float | None, typer.Option(help="Time the training may take in all.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of every random choice.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Option of the training, KEY=VALUE.")] = None,
) -> None:
    """Train an unrolled network on simulated samples, or on a dense volume of a sample like the one to come."""
    from .train_unrolled import learn_sister, train_simulated

    given = {"kind": kind, "minutes": minutes, "device": device, "seed": seed}
    values = {key: value for key, value in given.items() if value is not None}
    values = {**parse_pairs("--set", settings or []), **values}
    if volume is None and like is None:
        train_simulated(output, values)
        return
    if volume is None or like is None or kind is not None:
        raise OptionError(
            "--from VOLUME and --like SCAN belong together, and --kind is for simulated samples.",
            "Give both, without --kind: the volume that teaches and the scan that will be reconstructed.",
        )
    scan = {"views": views, "rows": parse_rows(rows), "bin": bin_, "axis": parse_axis(axis)}
    learn_sister(output, volume, like, {key: value for key, value in scan.items() if value is not None}, values, check)


@app.command()
def fixer(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the training; it is resumed from there.")],
    minutes: Annotated[float | None, typer.Option(help="Time the training may take in all.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of every random choice.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Option of the training, KEY=VALUE.")] = None,
) -> None:
    """Train a slice fixer, or go on with the training that the folder holds; writes weights and card."""
    from ..training.fixer import FixerTraining, train_fixer
    from ..training.fixer_export import export_fixer

    given = {"minutes": minutes, "device": device, "seed": seed}
    values = {key: value for key, value in given.items() if value is not None}
    options = FixerTraining.parse({**parse_pairs("--set", settings or []), **values})
    train_fixer(options, output, report=typer.echo)
    weights = output / "fixer.safetensors"
    export_fixer(output, weights)
    typer.echo(f"Weights and card: {weights}")
