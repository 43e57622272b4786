"""`fewview simulate`: a sample whose truth is known, measured with neutrons and with X-rays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import FewviewError
from .values import parse_pairs


def simulate(
    output: Annotated[Path, typer.Argument(help="File to write, .h5.")],
    phantom: Annotated[str | None, typer.Option(help="microstructure, ellipses, shapes, grains, fibres, foam.")] = None,
    size: Annotated[int | None, typer.Option(help="Pixels a side.")] = None,
    views: Annotated[int | None, typer.Option(help="Neutron views over 180 degrees, over 360 for a fan.")] = None,
    counts: Annotated[float | None, typer.Option(help="Open-beam counts per pixel; 0 for no noise.")] = None,
    beam: Annotated[
        str | None, typer.Option(help="`parallel`, or `fan`: from a source; --set sod=MM and --set sdd=MM place it.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of every random choice.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Further option, KEY=VALUE.")] = None,
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
    typer.echo(
        f"{output}: {options.phantom}, {options.size} px, {options.views} views of {options.counts:g} counts, "
        f"seed {options.seed}; the neutron scan is /exchange, the truth /truth/neutron"
    )
