"""``read_scan``: a file or folder as a :class:`~fewview.scan.Scan`."""

from __future__ import annotations

from pathlib import Path

from ..geometry import ParallelBeam
from ..scan import Kind, Scan
from .assemble import draft
from .request import AngleChoice, FieldChoice, Request
from .scan_facts import Layout


def read_scan(
    path: str | Path,
    *,
    angles: AngleChoice | None = None,
    layout: Layout | None = None,
    kind: Kind | None = None,
    pixel: float | None = None,
    flats: FieldChoice | None = None,
    darks: FieldChoice | None = None,
    axis: float | None = None,
    dataset: str | None = None,
) -> Scan:
    """Read a parallel-beam scan. Pixels stay on disk until asked for.

    The format is told by the content of the file: Data Exchange, NXtomo, CIL or any other HDF5, TIFF, FITS (single
    files or folders), MATLAB, npy, npz. What is given here comes before what the file says.

    Parameters
    ----------
    path : str or Path
        File or folder.
    angles : str, Path or array, optional
        ``"START:STOP"`` in degrees, STOP excluded; ``"START:STOP:endpoint"``, STOP included; the path of a text
        log or ``.npy``; or an array in radians, one per view.
    layout : {"projections", "sinogram"}, optional
        What the images of the file are.
    kind : {"counts", "transmission", "attenuation"}, optional
        What the values are; guessed, and marked assumed, when neither the file nor the user says.
    pixel : float, optional
        Detector pixel size in mm.
    flats, darks : str, Path or array, optional
        File or folder of open-beam and beam-off frames, a name pattern within the scan's folder, or an array
        ``(n, v, u)``.
    axis : float, optional
        0-based detector column of the rotation axis.
    dataset : str, optional
        Dataset, variable or entry within the file.

    Returns
    -------
    Scan
        With an :class:`~fewview.provenance.Provenance` for angles, kind, layout, pixel, axis, flats and darks.

    Raises
    ------
    ScanError
        What is wrong or missing, in which file, and what to do. :func:`inspect` shows everything at once.
    """
    made = draft(path, Request(angles, layout, kind, pixel, flats, darks, axis, dataset))
    if made.lacks:
        raise made.lacks[0]
    assert made.frames is not None and made.angles is not None  # else there would be a lack
    _, rows, columns = made.frames.shape
    return Scan(
        frames=made.frames,
        geometry=ParallelBeam(made.angles, rows, columns, made.axis, made.pixel),
        flats=made.flats,
        darks=made.darks,
        flat_times=made.flat_times,
        kind=made.kind,
        provenance=made.provenance,
        notes=tuple(made.notes),
        paths=made.found.paths,
    )
