"""A measured tooth from a quarter of its views, by three methods, beside the reconstruction from all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FewviewError
from ..runs.recipe import Recipe
from ..runs.result import Result
from ..runs.session import RecipeSession
from ..samples import TOOTH
from .picture import picture

VIEWS = 45
ROWS = (0, 1)  # one of the two rows: a demonstration should be quick
METHODS = ("fbp", "cgls", "tv")
# Left on "auto", TV chooses 0.00097 by the detector pixels that it holds out; given, the demonstration is quick.
OPTIONS: dict[str, dict[str, Any]] = {"tv": {"weight": 0.00097, "iterations": 150}}
HOLDOUT = 0.1
NOTES = (  # what the scores do not say by themselves
    "The reference is no truth: it has the noise and the rings",
    "of its views, and PSNR and SSIM count their lack as error.",
    "Held-out views (in the table) need no reference.",
    "The scan does not say how large its pixels are.",
)
SLICE = 0


@dataclass(frozen=True, eq=False)
class Row:
    """One line of the table.

    Parameters
    ----------
    name, views, seconds
        Method, views that it saw, and the time of its run.
    psnr, ssim : float or None
        Against the dense FBP; None for that itself.
    heldout_error : float or None
        Of predicting a tenth of the views, in a run that did not see them; None for the dense FBP.
    unit : str
        Of the volume's values.
    volume : array, shape (slices, y, x)
    """

    name: str
    views: int
    seconds: float
    psnr: float | None
    ssim: float | None
    heldout_error: float | None
    unit: str
    volume: NDArray[np.float32]


def classical_demo(folder: str | Path = "demo-output", say: Callable[[str], None] = lambda text: None) -> list[Row]:
    """Reconstruct the tooth from all its views by FBP, and from 45 by FBP, CGLS and TV.

    Writes the volumes (TIFF, ImageJ opens them) and ``comparison.png`` into ``folder``.

    Parameters
    ----------
    folder : path
    say : callable
        Told what goes on.

    Returns
    -------
    list of Row
        The dense FBP first.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FewviewError(f"{folder} cannot be made: {error.strerror}.", "Choose another folder.") from None
    reference = folder / "dense-fbp.tif"
    dense = Recipe(scan=str(TOOTH), rows=ROWS, method="fbp")
    rows = [_row("FBP, all views", dense, reference, say)]
    for method in METHODS:
        few = dense.model_copy(
            update={"method": method, "options": OPTIONS.get(method, {}), "views": VIEWS, "reference": str(reference)}
        )
        rows.append(_row(f"{method.upper()}, few views", few, folder / f"{VIEWS}-views-{method}.tif", say))
    panels = [(_title(row), row.volume[SLICE]) for row in rows]
    picture(panels, rows[0].unit, NOTES, folder / "comparison.png")
    return rows


def _title(row: Row) -> str:
    scores = "" if row.psnr is None else f"   PSNR {row.psnr:.1f} dB, SSIM {row.ssim:.2f}"
    return f"{row.name} ({row.views}){scores}"


def _row(name: str, recipe: Recipe, output: Path, say: Callable[[str], None]) -> Row:
    say(name)
    result = _run(recipe)
    result.write(output)
    record: Any = result.record
    error = None
    if recipe.reference is not None:
        say(f"{name}: held-out views")
        tested = _run(recipe.model_copy(update={"holdout": HOLDOUT, "reference": None}))
        error = tested.record["heldout_error"]
    return Row(
        name=name,
        views=record["views"],
        seconds=record["seconds"],
        psnr=record["psnr"],
        ssim=record["ssim"],
        heldout_error=error,
        unit=record["unit"],
        volume=result.volume,
    )


def _run(recipe: Recipe) -> Result:
    session = RecipeSession(recipe)
    for _ in session:
        pass
    return session.finish()


def table(rows: list[Row]) -> Any:
    """The rows as a table for the terminal."""
    from rich.table import Table

    made = Table(title=f"Tooth (measured): {VIEWS} of {rows[0].views} views against the FBP of all")
    for title in ("", "views", "PSNR dB", "SSIM", "held-out error", "seconds"):
        made.add_column(title, justify="left" if not title else "right")
    for row in rows:
        made.add_row(
            row.name,
            str(row.views),
            "reference" if row.psnr is None else f"{row.psnr:.2f}",
            "" if row.ssim is None else f"{row.ssim:.3f}",
            "" if row.heldout_error is None else f"{row.heldout_error:.4f}",
            f"{row.seconds:.1f}",
        )
    return made
