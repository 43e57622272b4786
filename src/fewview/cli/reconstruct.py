"""`fewview reconstruct`: from a scan file to a volume file."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import FewviewError, Interrupted, OptionError
from ..runs.forecast import duration
from ..runs.recipe import Recipe
from ..wording import counted
from .progress import Progress
from .recipe_flags import recipe_from_flags
from .shared_flags import takes
from .stopping import nothing_written, stop_and_keep
from .values import json_text

if TYPE_CHECKING:
    from ..runs.result import Result
    from ..scan import LineIntegrals


@takes("recipe", recipe_from_flags)
def reconstruct(
    *,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Volume to write: .npy, .tif, .h5 or .zarr (OME-Zarr).")
    ],
    recipe: Recipe,
    bits: Annotated[
        int, typer.Option(help="Bits of the values: 32, or 16 for a TIFF whose values have one slope and offset.")
    ] = 32,
    report: Annotated[Path | None, typer.Option(help="Write the record of the run to this file, as JSON.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint beside the output.")] = False,
) -> None:
    """Reconstruct a scan. Ctrl-C, or closing the terminal, stops and keeps what there is."""
    from ..runs.checkpoint import checkpoint_path
    from ..runs.kept import remarks

    if bits not in (16, 32):
        raise OptionError(f"--bits {bits} is not possible.", "Choose 16 or 32.")
    if report is not None:
        named = (recipe.scan, recipe.auxiliary, recipe.reference, recipe.reader.flats, recipe.reader.darks)
        check_report(report, output, [Path(one) for one in named if one is not None])
    result = carry_out(recipe, output, resume=resume, bits=bits)
    if report is not None:
        check_report(report, output, result.inputs)  # the frames of a folder are known only now
        write_report(report, {"output": str(output), **result.record})
    typer.echo(summary(result.record, output))
    for sentence in remarks(result.record["chosen"]):
        typer.echo(f"note: {sentence}")
    if result.record["stopped"]:
        goes_on = " The same command with --resume goes on." if checkpoint_path(output).exists() else ""
        typer.echo(f"Stopped before its end; {output} holds {result.record['holds']}.{goes_on}")


def carry_out(recipe: Recipe, output: Path, *, resume: bool, bits: int) -> Result:
    """Run the recipe with progress and Ctrl-C, and write the volume.

    Parameters
    ----------
    recipe : Recipe
    output : Path
        Volume to write.
    resume : bool
        Go on from the checkpoint beside it.
    bits : int
        Of the values, 32 or 16.

    Returns
    -------
    Result
        With the volume, which is written, and its record.

    Raises
    ------
    FewviewError
    """
    from ..runs.session import RecipeSession

    stop = threading.Event()
    with stop_and_keep(stop), Progress() as progress:
        with nothing_written():
            session = RecipeSession(recipe, output, resume=resume, stop=stop.is_set, bits=bits, say=progress.say)
        for line in told(session.lines, session.notes):
            progress.note(line)
        if resume and not session.resumed:
            progress.say(f"no checkpoint beside {output}: starting at the beginning")
        for estimate in session:
            progress.show(estimate)
        with nothing_written():
            result = session.finish()
        progress.say("writing")
        began = time.monotonic()
        try:
            result.write(output, bits)
        except KeyboardInterrupt:  # the second one; whatever has its name is whole
            raise Interrupted(
                f"Interrupted while the result was being written: {output}, or a volume beside it, may not be there.",
                "Run the same command again, with --resume to go on from the last checkpoint.",
            ) from None
        session.done()
        result.record["timings"]["write"] = time.monotonic() - began
    return result


def told(lines: LineIntegrals, notes: Sequence[str]) -> list[str]:
    """What a user should know of the input before the run: oddities, guesses, what was done and what was masked."""
    notes = [f"note: {note}" for note in notes]
    notes += [f"assumed {name}: {one.where}" for name, one in lines.provenance.items() if one.how == "assumed"]
    if lines.steps:
        notes.append(f"prepared: {'; '.join(lines.steps)}")
    if lines.masked:
        masked = [f"{counted(count, 'pixel')} ({why})" for why, count in lines.masked.items()]
        notes.append(f"masked: {', '.join(masked)}")
    return notes


def check_report(report: Path, output: Path, inputs: Sequence[Path]) -> None:
    """Refuse a report that would take the place of a folder, of the volume or of what the run reads.

    Parameters
    ----------
    report : Path
        File to write.
    output : Path
        Volume that is written, too.
    inputs : sequence of Path
        Files that the run reads.
    """
    from ..atomic_write import check_writable

    if report.resolve() == output.resolve():
        raise FewviewError(f"The report and the volume are both {report}.", "Give the report another name.")
    check_writable(report, 0, tuple(inputs))


def write_report(path: Path, record: Mapping[str, Any]) -> None:
    """The record as JSON, whole or not at all."""
    from ..atomic_write import write_text

    write_text(path, json_text(record) + "\n")


def summary(record: Mapping[str, Any], output: Path) -> str:
    """One line for people."""
    from ..io.write_volume import beside

    numbers = [
        f"{name} {record[key]:.4g}{unit}"
        for key, name, unit in (
            ("psnr", "PSNR", " dB"),
            ("ssim", "SSIM", ""),
            ("heldout_error", "held-out error", ""),
            ("data_residual", "data residual", ""),
        )
        if record.get(key) is not None
    ]
    shape = " x ".join(map(str, record["shape"]))
    took = f"in {duration(record['seconds'])}"
    done = f"{record['method']} done after {counted(record['steps'], 'step')} {took}"
    parts = [
        f"{output}: {shape}, {record['unit']}",
        f"stopped {took}; this is not the result but {record['holds']}" if record["stopped"] else done,
        f"{counted(record['views'], 'view')}, axis {record['axis']:.2f} ({record['axis_origin']})",
        *numbers,
        *filter(None, [record["made_of"].rstrip(".")]),
        *(f"{name} in {beside(output, name).name}" for name in record["extra_volumes"]),
    ]
    return "; ".join(parts)
