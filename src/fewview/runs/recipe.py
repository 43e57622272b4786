"""The recipe of a run: everything that defines it, in one value that is a file, a command and a script.

The command line builds a recipe from its flags, the viewer from its docks; both hand it to
:class:`fewview.runs.session.RecipeSession`. The record of a run holds its recipe.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import field_validator

from ..atomic_write import write_text
from ..errors import OptionError
from ..options import Options, option
from ..provenance import Provenance

Device = Literal["auto", "cpu", "cuda"]


class ReaderChoices(Options):
    """What the user says about a scan file; None leaves it to the file. The keywords of :func:`fewview.read_scan`."""

    angles: str | None = option(
        None,
        "Angles",
        "The arc that the views cover, as START:STOP in degrees: in equal steps, and STOP is no view unless "
        ":endpoint follows. Or a file of angles: one per line, or a table with a column of that name.",
        unit="deg",
    )
    layout: Literal["projections", "sinogram"] | None = option(
        None,
        "Layout",
        "What each image of the file is: `projections` of the whole detector, or a `sinogram` of one detector row.",
    )
    kind: Literal["counts", "transmission", "attenuation"] | None = option(
        None,
        "Kind",
        "What the values are: raw `counts`, `transmission` (I/I0), or `attenuation`, line integrals -log(I/I0).",
    )
    pixel: float | None = option(
        None,
        "Pixel size",
        "Size of a detector pixel in mm; behind a lens, in the plane of the sample. Without it values are per pixel.",
        unit="mm",
        gt=0,
    )
    flats: str | None = option(
        None,
        "Flats",
        "Open-beam frames: a file, a folder, a dataset as FILE.h5:/PATH, a pattern in quotes such as 'ob_*.tif', or "
        "another scan, whose flats are then used.",
    )
    darks: str | None = option(None, "Darks", "Frames without beam, named in the same ways as the flats.")
    dataset: str | None = option(
        None, "Dataset", "Path of the frames, or name of the entry, within a file that holds several."
    )
    exclude: str | None = option(
        None, "Left out", "The views to leave out, counted from 0: 3,7,10:20 leaves out 3, 7 and 10 to 19."
    )
    reverse_angles: bool = option(
        False, "Reverse the rotation", "Give every angle the other sign, for a stage that turned the other way."
    )
    mirror: bool = option(
        False,
        "Mirror image",
        "Reverse the columns of the detector, and the axis with them, for a camera that shows a mirror image.",
    )
    horizontal_axis: bool = option(
        False, "Horizontal axis", "Turn the frames by 90 degrees, for a rotation axis that lies along their rows."
    )
    geometry: str | None = option(
        None,
        "Geometry",
        "A text file (JSON or YAML) with the geometry as ASTRA words it, lengths in mm, for a fan beam that the "
        "scan does not describe.",
    )

    def given(self) -> dict[str, Any]:
        """Only what the user said."""
        return self.model_dump(exclude_none=True, exclude_defaults=True)


class Recipe(Options):
    """Everything that defines a run. Two runs of one recipe give the same volume.

    Views are chosen first, then rows (of the detector, unbinned), then the binning; the axis is a column of the
    unbinned detector. Preparation and the search for the axis see only what was chosen.
    """

    listing = "`fewview reconstruct --help`"

    scan: str = option(..., "Scan", "File or folder of the scan.")
    reader: ReaderChoices = option(
        ReaderChoices(), "Reading", "What the user says of the scan because its file does not."
    )
    prepare: dict[str, Any] = option(
        {}, "Preparation", "The options of the preparation that differ from its defaults, by name."
    )
    axis: float | Literal["auto"] = option(
        "auto",
        "Rotation axis",
        "Detector column of the rotation axis, counted from 0 before binning; or `auto` to find it.",
        unit="px",
    )
    axis_origin: str | None = option(
        None, "Provenance of the axis", 'How a known axis came to be: "found: ..." or "read: ..."; given, when empty.'
    )
    views: int | None = option(
        None,
        "Views",
        "Use only this many views, spread equally over the directions measured. Fewer leave more streaks.",
        ge=1,
    )
    rows: tuple[int, int] | None = option(
        None,
        "Rows",
        "Reconstruct only the detector rows A to B-1, given as A:B before binning; they are counted from 0, and what a "
        "run says counts them so.",
    )
    bin: int = option(
        1,
        "Binning",
        "Average K x K detector pixels: the volume gets K times coarser, and the run takes less time and memory.",
        unit="px",
        ge=1,
    )
    method: str = option("tv", "Method", "The name of the method; `fewview methods` lists them.")
    options: dict[str, Any] = option({}, "Options", "The options of the method that differ from its defaults, by name.")
    auxiliary: str | None = option(
        None, "Auxiliary", "X-ray volume of the same sample: on the same grid, or registered to it."
    )
    registration: dict[str, Any] | None = option(
        None,
        "Registration",
        "The options of the registration of the X-ray volume, by name; none where it already lies on the grid.",
    )
    reference: str | None = option(None, "Reference", "Volume that PSNR and SSIM are measured against.")
    holdout: float = option(
        0.0,
        "Held out",
        "Share of the views, 0 to 0.5, that is held out and predicted to measure the error. A larger share "
        "measures it more reliably and leaves fewer views to reconstruct from.",
        ge=0,
        le=0.5,
    )
    device: Device = option("auto", "Device", "Where to compute: `auto`, `cpu` or `cuda`.")
    seed: int = option(0, "Seed", "Seed of every random choice: equal seeds, equal volumes.", ge=0, le=2**63 - 1)

    @field_validator("axis_origin")
    @classmethod
    def _origin(cls, text: str | None) -> str | None:
        return None if text is None else str(Provenance.parse(text))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a recipe from a YAML or JSON file. A run's report, or the JSON beside a ``.npy``, holds one too.

        Raises
        ------
        OptionError
            The file is missing, is not a recipe, or holds an unknown entry.
        """
        try:
            values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))  # JSON is YAML
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise OptionError(f"The recipe {path} cannot be read: {error}.", "Give a YAML or JSON file.") from None
        for within in ("record", "recipe"):
            if isinstance(values, Mapping) and isinstance(values.get(within), Mapping):
                values = values[within]
        if not isinstance(values, Mapping):
            raise OptionError(f"{path} is not a recipe.", "A recipe has at least the entries 'scan' and 'method'.")
        return cls.parse(values)

    def save(self, path: str | Path) -> None:
        """Write the recipe, as JSON where the name ends so, else as YAML."""
        values = self.compact()
        if str(path).endswith(".json"):
            text = json.dumps(values, indent=2) + "\n"
        else:
            text = yaml.safe_dump(values, sort_keys=False)
        write_text(Path(path), text)

    def compact(self) -> dict[str, Any]:
        """The recipe as plain values, what was left at its default left out."""
        return {"scan": self.scan, **self.model_dump(mode="json", exclude_defaults=True), "method": self.method}

    def as_command(self, output: str = "volume.zarr") -> str:
        """The command line that gives the same volume."""
        words = ["fewview", "reconstruct", self.scan, "-o", output, "--method", self.method]
        for key, value in self.options.items():
            words += ["--set", f"{key}={flag_value(value)}"]
        for key, value in self.prepare.items():
            words += ["--prepare", f"{key}={flag_value(value)}"]
        if self.registration is not None:
            words.append("--register")
        for key, value in (self.registration or {}).items():
            words += ["--registration", f"{key}={flag_value(value)}"]
        rows = None if self.rows is None else f"{self.rows[0]}:{self.rows[1]}"
        flags = {
            **self.reader.given(),
            "views": self.views,
            "rows": rows,
            "bin": self.bin if self.bin > 1 else None,
            "axis": None if self.axis == "auto" else self.axis,
            "aux": self.auxiliary,
            "reference": self.reference,
            "holdout": self.holdout or None,
            "device": None if self.device == "auto" else self.device,
            "seed": self.seed or None,
        }
        for name, value in flags.items():
            if value is not None:
                flag = f"--{name.replace('_', '-')}"
                words += [flag] if value is True else [flag, str(value)]
        return shlex.join(words)

    def as_python(self, output: str = "volume.zarr") -> str:
        """The script that gives the same volume."""
        reader = "".join(f", {key}={value!r}" for key, value in self.reader.given().items())
        lines = ["import fewview"]
        if self.prepare:
            lines.append("from fewview.prepare import PrepareOptions")
        if self.registration is not None:
            lines.append("from fewview.registration import RegistrationOptions")
            lines.append("from fewview.runs.auxiliary import registered_volume")
        lines += ["", f"scan = fewview.read_scan({self.scan!r}{reader})"]
        if self.axis != "auto":
            lines.append(f"scan = scan.with_axis({self.axis!r})")
        if self.views is not None:
            lines.append(f"scan = scan.sparse({self.views})")
        if self.rows is not None:
            lines.append(f"scan = scan.rows({self.rows[0]}, {self.rows[1]})")
        if self.bin > 1:
            lines.append(f"scan = scan.bin({self.bin})")
        prepare = f"PrepareOptions.parse({self.prepare!r})" if self.prepare else ""
        lines.append(f"lines = scan.line_integrals({prepare})")
        arguments = ["lines", repr(self.method)]
        if self.options:
            arguments.append(repr(self.options))
        if self.registration is not None:
            place = f"first_row={self.rows[0] if self.rows else 0}, bin={self.bin}, seed={self.seed}"
            lines += [
                "xray, seen, transform = registered_volume(",
                f"    {self.auxiliary!r}, lines, RegistrationOptions.parse({self.registration!r}), {place}",
                ")",
            ]
            arguments.append("auxiliary=xray")
        elif self.auxiliary is not None:
            arguments.append(f"auxiliary=fewview.read_volume({self.auxiliary!r}).values")
        if self.holdout:
            arguments.append(f"holdout={self.holdout!r}")
        arguments += [f"device={self.device!r}", f"seed={self.seed!r}"]
        lines += [
            f"for estimate in fewview.reconstruct({', '.join(arguments)}):",
            '    print(f"{estimate.step}/{estimate.total} {estimate.stage}", end="\\r")',
            f"fewview.write_volume({output!r}, estimate.volume, voxel=lines.geometry.voxel)",
        ]
        return "\n".join(lines) + "\n"


def flag_value(value: Any) -> str:
    """A value as it is written behind ``--set KEY=``; :func:`parse_flag_value` reads it back."""
    return value if isinstance(value, str) else json.dumps(value)


def parse_flag_value(text: str) -> Any:
    """The value of ``--set KEY=text``: lists, mappings and null as JSON, the rest as text for the options model."""
    if text[:1] in "[{" or text == "null":
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return text
