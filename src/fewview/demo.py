"""The demonstration without a viewer: a measured tooth from a quarter of its views, by three methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import FewviewError
from .runs.recipe import Recipe
from .runs.session import Result, Session
from .samples import TOOTH

VIEWS = 45
ROWS = (0, 1)  # one of the two rows: a demonstration should be quick
METHODS = ("fbp", "cgls", "tv")
# Left on "auto", TV chooses 0.0019 by the views that it withholds from these 45; given, the demonstration is quick.
OPTIONS: dict[str, dict[str, Any]] = {"tv": {"weight": 0.0019, "iterations": 150}}
HOLDOUT = 0.1
SLICE = 0
MARGIN, LABEL, ZOOM = 8, 44, 4  # px, px, times


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
    volume : array, shape (slices, y, x)
    """

    name: str
    views: int
    seconds: float
    psnr: float | None
    ssim: float | None
    heldout_error: float | None
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
    picture(rows, folder / "comparison.png")
    return rows


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
        volume=result.volume,
    )


def _run(recipe: Recipe) -> Result:
    session = Session(recipe)
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


def picture(rows: list[Row], path: Path) -> None:
    """One slice of each volume side by side, whole above and enlarged below, all with the same grey scale."""
    from PIL import Image, ImageDraw, ImageFont

    from .io.whole import written_whole

    low, high = (float(v) for v in np.percentile(rows[0].volume[SLICE], (1, 99.8)))
    size = rows[0].volume.shape[-1]
    step = size + MARGIN
    sheet = Image.new("L", (len(rows) * step + MARGIN, LABEL + 2 * step), color=255)
    draw = ImageDraw.Draw(sheet)
    part = size // ZOOM
    corner = (size - part) // 2
    for column, row in enumerate(rows):
        left = MARGIN + column * step
        scores = "" if row.psnr is None else f"   PSNR {row.psnr:.1f} dB, SSIM {row.ssim:.2f}"
        draw.text((left, 10), f"{row.name} ({row.views}){scores}", fill=0, font=ImageFont.load_default(size=20))
        grey = np.clip((row.volume[SLICE] - low) / (high - low), 0, 1) * 255
        whole = Image.fromarray(grey.astype(np.uint8))
        box = (corner, corner, corner + part, corner + part)
        sheet.paste(whole, (left, LABEL))
        sheet.paste(whole.crop(box).resize((size, size), Image.Resampling.NEAREST), (left, LABEL + step))
    with written_whole(path) as temporary:
        sheet.save(temporary, format="PNG")
