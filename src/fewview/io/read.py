"""``read_scan``: a file or folder as a :class:`~fewview.scan.Scan`."""

from __future__ import annotations

from pathlib import Path

from ..scan import Kind, Scan
from .assemble import draft
from .request import AngleChoice, Draft, FramesChoice, Request
from .scan_facts import Layout


def read_scan(
    path: str | Path,
    *,
    angles: AngleChoice | None = None,
    layout: Layout | None = None,
    kind: Kind | None = None,
    pixel: float | None = None,
    flats: FramesChoice | None = None,
    darks: FramesChoice | None = None,
    axis: float | None = None,
    dataset: str | None = None,
    exclude: str | None = None,
    reverse_angles: bool = False,
    mirror: bool = False,
    horizontal_axis: bool = False,
    geometry: str | Path | None = None,
) -> Scan:
    """Read a scan of a parallel or a fan beam. Pixels stay on disk until asked for.

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
        File or folder of open-beam and beam-off frames (another scan stands for its own), a dataset in a file as
        ``FILE:/PATH``, a name pattern within the scan's folder, or an array ``(n, v, u)``.
    axis : float, optional
        0-based detector column of the rotation axis.
    dataset : str, optional
        Dataset, variable or entry within the file.
    exclude : str, optional
        Views to leave out, counted from 0: ``"3,7,10:20"`` (10 to 19).
    reverse_angles : bool
        The stage turned the other way: all angles with the other sign.
    mirror : bool
        The detector shows a mirror image: its columns are reversed, and the axis counts in the reversed ones.
    horizontal_axis : bool
        The rotation axis lies along the rows of the frames: they are turned by 90 degrees first.
    geometry : str or Path, optional
        Text file with the geometry as ASTRA words it (:mod:`fewview.io.geometry_file`), for what the scan does not say.

    Returns
    -------
    Scan
        With an :class:`~fewview.provenance.Provenance` for angles, kind, layout, pixel, axis, flats and darks.

    Raises
    ------
    ScanError
        What is wrong or missing, in which file, and what to do. :func:`inspect` shows everything at once.
    """
    said = (angles, layout, kind, pixel, flats, darks, axis, dataset, exclude, reverse_angles, mirror, horizontal_axis)
    made = draft(path, Request(*said, geometry))
    if made.lacks:
        raise made.lacks[0]
    return scan_of(made)


def scan_of(made: Draft) -> Scan:
    """The scan that a complete draft describes."""
    beam = made.beam()
    assert made.frames is not None and beam is not None  # else there would be a lack
    scan = Scan(
        frames=made.frames,
        geometry=beam,
        flats=made.flats,
        darks=made.darks,
        flat_times=made.flat_times,
        monitor=made.monitor,
        kind=made.kind,
        provenance=made.provenance,
        notes=tuple(made.notes),
        paths=made.found.paths,
    )
    return scan if made.keep is None else scan.select_views(made.keep)
