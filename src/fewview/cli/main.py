"""Entry point: commands, and mistakes told in one line with exit status 2."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence

import typer

from ..errors import FewviewError, Interrupted, memory_ran_out
from ..openmp import sleeping_threads
from . import benchmark, demo, doctor, info, methods, reconstruct, regions, register, simulate, train, tune
from .lasting_output import outlive_readers
from .values import require_values

MISTAKE = 2
FAULT = 1
INTERRUPTED = 130
DEBUG = "FEWVIEW_DEBUG"
# typer brings its own click in newer versions and uses the one installed in older ones: this finds either's class.
_UsageError: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="fewview",
    help="Few-view tomography: a measured scan in, a volume out.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("info")(info.info)
app.command("methods")(methods.methods)
app.command("reconstruct")(reconstruct.reconstruct)
app.command("tune")(tune.tune)
app.command("regions")(regions.regions)
app.command("register")(register.register)
app.command("simulate")(simulate.simulate)
app.add_typer(train.app, name="train")
app.add_typer(benchmark.app, name="benchmark")
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)


def version(value: bool) -> None:
    """Print the version and leave."""
    if value:
        from .. import __version__

        typer.echo(f"fewview {__version__}")
        raise typer.Exit


@app.callback()
def fewview(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", callback=version, is_eager=True, help="Show the version."),
) -> None:
    """Few-view tomography: a measured scan in, a volume out."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit status."""
    outlive_readers()
    with sleeping_threads():  # before any command imports torch
        status = run(sys.argv[1:] if arguments is None else list(arguments))
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done and said: torch takes seconds to leave
        sys.exit(status)


def run(arguments: Sequence[str]) -> int:
    """Run the command line; returns the exit status.

    0 when all is well, also when Ctrl-C ended a reconstruction or the learning of a sister sample, whose result is
    kept; 2 with one line on standard error for a mistake of the user, 130 when interrupted otherwise, 1 for a fault of
    fewview's own. ``FEWVIEW_DEBUG=1`` shows where an error came from.
    """
    try:
        require_values(arguments)
        status = app(args=list(arguments), standalone_mode=False)
    except (FewviewError, _UsageError) as error:
        if os.environ.get(DEBUG):
            raise
        return _say(_line(error), INTERRUPTED if isinstance(error, Interrupted) else MISTAKE)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED  # older typer; newer ones return it
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        if memory_ran_out(error):
            remedy = "Reconstruct fewer rows (--rows A:B) or bin by a larger factor (--bin K)."
            return _say(f"There is not enough memory. {remedy}", MISTAKE)
        return _say(f"{_fault(error)}", FAULT)
    if status == INTERRUPTED:
        return _say("Interrupted; nothing was written.", INTERRUPTED)
    return status if isinstance(status, int) else 0


def _line(error: Exception) -> str:
    if isinstance(error, FewviewError):
        return str(error)
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    if "unexpected extra argument" in message:  # a pattern that the shell replaced by the files it fits
        message = f"{message.rstrip('.')}. If a pattern was meant, put it in quotes, as in --flats 'ob_*.tif'"
    return f"{message.rstrip('.')}. See `{context.command_path if context else 'fewview'} --help`."


def _fault(error: Exception) -> str:
    """A fault of fewview's own: one line, and the rest in a file that can be sent along with a report."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="fewview-fault-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        traceback.print_exception(error, file=file)
    return f"fewview failed, and should not have: {type(error).__name__}: {error}. Please report it with {file.name}."


def _say(line: str, status: int) -> int:
    print(f"Error: {' '.join(line.split())}", file=sys.stderr)
    return status
