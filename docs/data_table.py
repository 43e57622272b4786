"""Write docs/data.md: what fewview makes of every measured file in ../shared/data. `python docs/data_table.py`.

Nothing in that page is typed by hand: facts and refusals come from `fewview.io.inspect` and `read_scan`, pictures from
filtered back-projection of all views around the axis that was found.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import fewview
from fewview.errors import FewviewError
from fewview.io import inspect, read_volume
from fewview.scan import LineIntegrals

DOCS = Path(__file__).parent.resolve()
DATA = DOCS.parents[1] / "shared" / "data"
PAGE = DOCS / "data.md"
PICTURES = DOCS / "images" / "data"
SIDE = 160  # pixels of a picture

INTRODUCTION = """# Every file we test on

Written by `python docs/data_table.py`. The files are measured scans (and some things that are no scans) from public
repositories. Each is read right, or refused with a message that names the file and the remedy; the tests in
`tests/io/test_read_real_data.py` hold that. Pictures: filtered back-projection of one row of the detector, all views,
around the rotation axis that was found; for slices and volumes, the image itself. Pictures are derived from data of the
named licences; data that are under GPL-3.0 alone get numbers of the same image instead, so that this site and the
package stay free of its terms.
"""


@dataclass(frozen=True)
class Case:
    """One row of the table: a path within the data folder, where it comes from, and the user's flags."""

    path: str
    source: str
    flags: dict[str, Any] = field(default_factory=dict)
    volume: bool = False  # a slice or a volume: no scan, but worth a picture

    @property
    def label(self) -> str:
        """First column: the path with the flags, and the source."""
        flags = "".join(f" --{key} {value}" for key, value in self.flags.items())
        return f"`{self.path}{flags}`<br>{self.source}"

    @property
    def pictured(self) -> bool:
        """Whether its licence lets us pass on what is derived from it."""
        return not self.source.endswith(", GPL-3.0")


TOOTH = "X-ray, tooth; tomopy, BSD-3-Clause"
I13 = "X-ray, magnesium pin, Diamond I13; Savu, Apache-2.0 or GPL-3.0"
WOOD = "Neutron, wood, PSI; imagingsuite, GPL-3.0"
WEDGE = "Neutron, step wedges, PSI; WaterInSand, CC0-1.0"
MCP = "Neutron, open beam, ORNL; NeutronImagingScripts, GPL-3.0"
QBI = "Quantitative Big Imaging 2024, Apache-2.0"
GEL = "X-ray, gel phantom; CIL-Demos, Apache-2.0"
TURN = {"angles": "0:360:endpoint"}
CASES = (
    Case("xray_tooth_dataexchange/tooth.h5", TOOTH),
    Case("xray_i13_24737_tiff", I13),
    Case("xray_i13_24737_tiff/projections", I13),
    Case("xray_i13_24737_nxtomo/24737_rebuilt.nxs", I13),
    Case("broken_nxtomo_i13_24888/24888.nxs", "X-ray, Diamond I13; Savu, Apache-2.0 or GPL-3.0"),
    Case("neutron_psi_wood_sinogram", WOOD),
    Case("neutron_psi_wood_sinogram/woodsino_0100.tif", WOOD),
    Case("neutron_psi_wood_sinogram/woodsino_0100.tif", WOOD, TURN),
    Case("neutron_psi_wood_sinogram/woodsino_0200_crop448.tif", WOOD, TURN),
    Case("neutron_psi_wood_fits_derived", WOOD),
    Case("neutron_psi_wood_radiograph", f"Neutron, wood, PSI; {QBI}"),
    *(Case(f"neutron_psi_wood_radiograph/{name}_0000.tif", f"Neutron, wood, PSI; {QBI}") for name in ("ob", "dc")),
    Case("neutron_psi_wood_radiograph/wood_0000.tif", f"Neutron, wood, PSI; {QBI}", volume=True),
    Case("neutron_psi_stepwedge", WEDGE),
    *(Case(f"neutron_psi_stepwedge/exp20s_{name}.tif", WEDGE) for name in ("ob", "dc")),
    *(
        Case(f"neutron_psi_stepwedge/exp20s_{name}.tif", WEDGE, volume=True)
        for name in ("empty", "h2o", "bbob", "bbh2o")
    ),
    Case("neutron_ornl_mcp_fits", MCP),
    Case("neutron_ornl_mcp_fits/OB_1_005_00200.fits", MCP),
    *(Case(f"neutron_ornl_mcp_fits/OB_1_005_{name}.txt", MCP) for name in ("ShutterCount", "ShutterTimes", "Spectra")),
    Case("pair_neutron_xray_shell/shellN.npy", "Neutron, snail shell, PSI; Tomography4NI, CC0-1.0", volume=True),
    Case("pair_neutron_xray_shell/shellX.npy", "X-ray, snail shell, PSI; Tomography4NI, CC0-1.0", volume=True),
    Case("xray_dendrite/RealDataDend.mat", "X-ray, dendrites; ToMoBAR, Apache-2.0 or GPL-3.0"),
    Case("xray_gel_dynamic_sparse/data_18.nxs", GEL, {"dataset": "16"}),
    Case("xray_gel_dynamic_sparse/data_36.nxs", GEL, {"dataset": "16"}),
    Case("xray_gel_dynamic_sparse/FBP_pre_scan.nxs", GEL, volume=True),
    Case("xray_gel_dynamic_sparse/FBP_post_scan.nxs", GEL, volume=True),
    Case("xray_htc2022/htc2022_ta_sparse_example.mat", "X-ray, acrylic disk, HTC 2022; CIL-Demos, Apache-2.0"),
    Case("microstructure_asphalt/asphalt_gray.tif", f"X-ray slice, asphalt; {QBI}", volume=True),
    Case("microstructure_volume/grains_0_250.npz", f"Grain packing; {QBI}", volume=True),
)


def row(case: Case) -> str:
    """One line of the table; writes its picture."""
    try:
        scan = fewview.read_scan(case.path, **case.flags)
    except FewviewError as refusal:
        image = middle_slice(case.path) if case.volume else None
        outcome = f"**Refused.** {refusal}"
    else:
        lines = scan.line_integrals()
        image = backprojected(lines)
        outcome = f"**Read.** {facts(case, lines)}"
    name = case.path.replace("/", "_").replace(".", "_")
    shown = ""
    if image is not None:
        shown = f"![{case.path}](images/data/{save(name, image)})" if case.pictured else numbers(image)
    return f"| {case.label} | {outcome} | {shown} |"


def facts(case: Case, lines: LineIntegrals) -> str:
    """What was read, in one sentence each."""
    info = inspect(case.path, **case.flags)
    assert info.shape is not None and info.angles is not None
    views, rows, columns = info.shape
    a = info.angles
    pixel = "unknown" if info.pixel_mm is None else f"{info.pixel_mm:g} mm"
    said = [
        f"{info.format}: {views} views of {rows} x {columns} pixels ({info.dtype}).",
        f"Angles {a.start:.6g} to {a.stop:.6g} deg, step {a.step:.4g} deg ({a.origin}).",
        f"Kind: {info.kind} ({info.provenance['kind']}). Flats {info.flats}, darks {info.darks}. Pixel size {pixel}.",
        f"Axis {lines.geometry.axis:.2f} ({lines.provenance['axis']}).",
        *(f"Views {first} and {later} measure the same lines." for first, later in info.duplicates),
        *(f"Note: {note}" for note in info.notes),
    ]
    masked = ", ".join(f"{count} {reason}" for reason, count in lines.masked.items() if count)
    return "<br>".join([*said, *([f"Masked values: {masked}."] if masked else [])])


def backprojected(lines: LineIntegrals) -> np.ndarray:
    """FBP of the middle row."""
    import torch

    from fewview.operators import filtered_backprojection, projector

    middle = lines.geometry.rows // 2
    one = lines.rows(middle, middle + 1)
    operator = projector(one.geometry)
    data = torch.from_numpy(np.ascontiguousarray(one.values.swapaxes(0, 1)))
    return filtered_backprojection(operator, data, "hann")[0].numpy() * operator.volume.voxel  # per pixel


def middle_slice(path: str) -> np.ndarray:
    """The middle slice of a volume."""
    values: np.ndarray = read_volume(path).values
    middle: np.ndarray = values[len(values) // 2]
    return middle


def numbers(image: np.ndarray) -> str:
    """What stands for a picture."""
    height, width = image.shape
    said = f"{height} x {width} pixels, mean {image.mean():.3g}, standard deviation {image.std():.3g}"
    return f"No picture (GPL-3.0). {said}, {image.min():.3g} to {image.max():.3g}."


def save(name: str, image: np.ndarray) -> str:
    """A small grey PNG; returns its file name."""
    from matplotlib.image import imsave
    from skimage.transform import resize

    scale = SIDE / max(image.shape)
    small = resize(image.astype(np.float64), [round(n * scale) for n in image.shape], anti_aliasing=True)
    low, high = np.percentile(small, (1, 99.5))
    PICTURES.mkdir(parents=True, exist_ok=True)
    imsave(PICTURES / f"{name}.png", small, cmap="gray", vmin=low, vmax=high)
    return f"{name}.png"


def main() -> None:
    """Write the page and its pictures."""
    os.chdir(DATA)  # so that messages name files as a user would, not by this machine's folders
    rows = [row(case) for case in CASES]
    page = INTRODUCTION + "\n| file | what happens | picture |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
