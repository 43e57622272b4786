"""`fewview register`: an X-ray volume onto the grid of a neutron reconstruction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import OptionError
from .progress import Progress
from .reconstruct import check_report, write_report
from .values import parse_pairs

if TYPE_CHECKING:
    from ..registration import Registration


def register(
    xray: Annotated[Path, typer.Argument(help="X-ray volume, as .npy, .tif, .h5 or .zarr.")],
    neutron: Annotated[
        Path, typer.Argument(help="Neutron volume of the same sample; a reconstruction of few views will do.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", "--out", help="File to write: the X-ray volume on the neutron grid.")
    ],
    turns: Annotated[
        str | None, typer.Option(help="Turns to try: `none`, `vertical` (about the rotation axis) or `any`.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A further option of the registration as KEY=VALUE; it may be repeated."),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(help="CSV file with pairs of points to start from; the page on registration describes it."),
    ] = None,
    xray_voxel: Annotated[float | None, typer.Option(help="Voxel size of the X-ray volume in mm.")] = None,
    neutron_voxel: Annotated[float | None, typer.Option(help="Voxel size of the neutron volume in mm.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Number that every random choice follows from.")] = 0,
    report: Annotated[
        Path | None, typer.Option(help="Write the transform and its quality to this file, as JSON.")
    ] = None,
) -> None:
    """Register an X-ray volume to a neutron volume; a registration that cannot be believed is not written.

    Further options: scaled (true or false), starts, blur (px), order (1 linear, 3 cubic).
    """
    from ..io import read_volume, write_volume
    from ..io.write_volume import check_output
    from ..registration import Grid, RegistrationOptions, registered
    from ..registration import register as find
    from ..runs.auxiliary import stage_changes, xray_grid
    from ..runs.volume_grid import said_by

    given = parse_pairs("--set", settings or [])
    options = RegistrationOptions.parse({**given, **({} if turns is None else {"turns": turns})})
    fixed, moving = read_volume(neutron), read_volume(xray)
    check_output(output, fixed.values.nbytes, (xray, neutron))
    if report is not None:
        check_report(report, output, [xray, neutron])
    pixel, voxel = neutron_voxel or fixed.voxel, xray_voxel or moving.voxel
    onto = Grid.cubic(fixed.values.shape, 1.0 if pixel is None else pixel)
    grid, comparable = xray_grid(moving.values.shape, voxel, pixel)
    start = None
    if pairs is not None:
        clicked, partners = read_pairs(pairs)
        start = onto.position(clicked), grid.position(partners)
    with Progress() as progress:
        found = find(
            fixed.values,
            moving.values,
            onto,
            grid,
            options,
            pairs=start,
            unit="px" if pixel is None else "mm",
            comparable=comparable,
            seed=seed,
            on_step=stage_changes(progress.say),
        )
        progress.say("writing")
        values, mask = registered(moving.values, grid, found, onto, options.order)
        about: dict[str, Any] = {
            "registration": found.to_json(),
            "xray": str(xray.resolve()),
            "neutron": str(neutron.resolve()),
        }
        said = said_by(fixed)
        if (
            said.origin is not None and neutron_voxel is None
        ):  # it lies where the neutron volume does, which may be some rows of the detector
            about["place"] = {"origin": said.origin, "step": said.step, "unit": said.unit}
        write_volume(output, values, voxel=pixel, record=about)
    if report is not None:
        write_report(report, {"output": str(output), **found.to_json()})
    typer.echo(f"{output}: {summary(found)}; {mask.mean():.0%} of the grid lies within the X-ray volume")


def summary(found: Registration) -> str:
    """One line for people."""
    return f"turned by {found.vertical_deg:.2f} deg about the vertical, scale {found.scale:.4f}; {found.quality}"


def read_pairs(path: Path) -> tuple[list[list[float]], list[list[float]]]:
    """Point pairs of a CSV file: neutron z, y, x and X-ray z, y, x on each line, in voxels.

    Raises
    ------
    OptionError
    """
    fixed, moving = [], []
    try:
        for line in path.read_text(encoding="utf-8-sig").splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                numbers = [float(word) for word in line.replace(";", ",").split(",")]
                if len(numbers) != 6:
                    raise ValueError(f"the line '{line.strip()}' has {len(numbers)} numbers, not 6")
                fixed.append(numbers[:3])
                moving.append(numbers[3:])
    except (OSError, ValueError) as error:
        raise OptionError(
            f"The point pairs {path} cannot be read: {error}.", "Write z,y,x,z,y,x per line: neutron, then X-ray voxel."
        ) from None
    return fixed, moving
