"""`fewview simulate`: a sample whose truth is known, measured with neutrons and with X-rays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import FewviewError
from ..wording import counted
from .values import parse_pairs


def simulate(
    output: Annotated[Path, typer.Argument(help="HDF5 file to write; its name ends in .h5.")],
    phantom: Annotated[
        str | None,
        typer.Option(help="Kind of sample: microstructure, ellipses, shapes, grains, fibres, foam or anatomy."),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Number of pixels on each side of a slice; more show finer detail and take longer."),
    ] = None,
    views: Annotated[
        int | None, typer.Option(help="Number of neutron views, spread over 180 degrees, or over 360 for a fan beam.")
    ] = None,
    counts: Annotated[
        float | None, typer.Option(help="Counts per pixel of the open beam: more make less noise, and 0 makes none.")
    ] = None,
    beam: Annotated[
        str | None,
        typer.Option(help="Beam: `parallel`, or `fan`, from a source that --set sod=MM and --set sdd=MM place."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Number that every random choice follows from: equal seeds, equal samples.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A further option of the simulation as KEY=VALUE: depth (number of slices), xray_views, preset, and "
            "sod and sdd (mm); it may be repeated.",
        ),
    ] = None,
) -> None:
    """Simulate a sample: truth, neutron scan and X-ray scan in one HDF5 file."""
    from ..atomic_write import check_writable
    from ..simulate import Simulation, write_simulated
    from ..simulate import simulate as simulated

    given = {"phantom": phantom, "size": size, "views": views, "counts": counts, "beam": beam, "seed": seed}
    values = {key: value for key, value in given.items() if value is not None}
    options = Simulation.parse({**parse_pairs("--set", settings or []), **values})
    if output.suffix not in (".h5", ".hdf5"):
        raise FewviewError(f"{output.name} does not end with .h5.", "Give a name like sample.h5.")
    check_writable(output, 0)  # before the work
    write_simulated(simulated(options), output)
    noise = f"of {options.counts:g} counts" if options.counts else "without noise"
    typer.echo(
        f"{output}: {options.phantom}, {options.size} px, {counted(options.views, 'view')} {noise}, "
        f"seed {options.seed}; the neutron scan is /exchange, the truth /truth/neutron"
    )
