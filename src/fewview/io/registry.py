"""The table of formats: how each is recognised, by content first, and which module reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import ScanError
from . import (
    cil,
    data_exchange,
    edf,
    esrf,
    folder,
    hdf5_named,
    matlab,
    mrc,
    names,
    numpy_files,
    nxtomo,
    own_volume,
    txrm,
)
from .fits import FITS
from .hdf5 import open_hdf5
from .names import Role
from .scan_facts import Found
from .tiff import TIFF

_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Format:
    """One row of the table.

    Parameters
    ----------
    title : str
    extensions : tuple of str
        Only to say what a damaged file should have been, and for the documentation.
    starts : callable
        Whether the first bytes of a file are this format's.
    inside : callable, optional
        For containers (HDF5): whether the open file has this layout.
    read : callable
        ``read(path, dataset)`` -> :class:`~fewview.io.scan_facts.Found`.
    """

    title: str
    extensions: tuple[str, ...]
    starts: Callable[[bytes], bool]
    read: Callable[[Path, str | None], Found]
    inside: Callable[[Any], bool] | None = None


def _hdf5(head: bytes) -> bool:
    return head.startswith(_HDF5) or head[512:520] == _HDF5  # a MATLAB 7.3 file has 512 bytes of text before


def _tiff(head: bytes) -> bool:
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _edf(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and any(key in head for key in (b"EDF_", b"HeaderID", b"ByteOrder"))


_HDF5_ENDINGS = (".h5", ".hdf5", ".hdf", ".nxs", ".nx")

# The first row that fits reads the file.
FORMATS: tuple[Format, ...] = (
    Format("TIFF", TIFF.extensions, _tiff, lambda path, _: folder.read_image_file(path, TIFF)),
    Format(
        "FITS",
        FITS.extensions,
        lambda head: head.startswith((b"SIMPLE  =", b"\x1f\x8b")),  # as it is, or within gzip
        lambda p, _: folder.read_image_file(p, FITS),
    ),
    Format("Data Exchange HDF5", _HDF5_ENDINGS, _hdf5, data_exchange.read, data_exchange.recognise),
    Format("NXtomo", _HDF5_ENDINGS, _hdf5, nxtomo.read, nxtomo.recognise),
    Format(esrf.TITLE, _HDF5_ENDINGS, _hdf5, esrf.read, esrf.recognise),
    Format("CIL NeXus", _HDF5_ENDINGS, _hdf5, cil.read, cil.recognise),
    Format("MATLAB 7.3", (".mat",), lambda head: head.startswith(b"MATLAB 7.3"), hdf5_named.read_matlab73),
    Format("HDF5", _HDF5_ENDINGS, _hdf5, hdf5_named.read),
    Format("MATLAB", (".mat",), lambda head: head.startswith(b"MATLAB 5.0"), matlab.read),
    Format(
        "NumPy array", (".npy",), lambda head: head.startswith(b"\x93NUMPY"), lambda path, _: numpy_files.read_npy(path)
    ),
    Format("NumPy archive", (".npz",), lambda head: head.startswith(b"PK"), numpy_files.read_npz),
    Format("EDF", (".edf",), _edf, lambda path, _: folder.read_image_file(path, edf.EDF)),
    Format(mrc.TITLE, (".mrc", ".rec", ".st", ".ali"), mrc.starts, lambda path, _: mrc.read(path)),
    Format(txrm.TITLE, (".txrm", ".xrm"), txrm.starts, lambda path, _: txrm.read(path)),
)


def find(path: Path, dataset: str | None = None, patterns: Mapping[Role, str] | None = None) -> Found:
    """What the file or folder says about a scan.

    Parameters
    ----------
    path : Path
    dataset : str, optional
        Dataset, variable or entry that holds the scan, for files with several.
    patterns : mapping, optional
        The user's name patterns for flats and darks in a folder.

    Returns
    -------
    Found
        Facts of the file, with a refusal where it is a volume that fewview wrote.

    Raises
    ------
    ScanError
        Missing, empty, damaged, or of no known format.
    """
    if not path.exists():
        raise ScanError(f"There is no file or folder {path}.", "Check the path.")
    own = None if dataset is not None else own_volume.refusal(path)
    if path.is_dir():
        if own is not None:
            raise own
        alone = _only_scan_file(path)
        return find(alone, dataset) if alone is not None else folder.read_folder(path, patterns or {})
    found = recognise(path).read(path, dataset)
    return found if own is None else replace(found, refusal=own)


def _only_scan_file(path: Path) -> Path | None:
    """The one scan file of a folder that holds no images: naming the folder is clear enough."""
    files = [file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")]
    files = [file for file in files if not names.result_folder(file.stem)]  # a result beside the scan is none
    known = [file for file in files if any(file.name.lower().endswith(row.extensions) for row in FORMATS)]
    folders = [file for file in path.iterdir() if file.is_dir()]
    others = [one for one in folders if one.suffix != ".zarr" and not names.result_folder(one.name)]
    single = len(known) == 1 and folder.image_format(known[0]) is None
    return known[0] if single and not others else None


def recognise(path: Path) -> Format:
    """The format of a file, by its content.

    Raises
    ------
    ScanError
        Empty, or of no known format; a known extension is named in the message.
    """
    try:
        with path.open("rb") as file:
            head = file.read(520)
    except OSError as error:
        raise ScanError(f"{path} cannot be opened: {error.strerror}.", "Check its permissions.") from None
    if not head:
        raise ScanError(f"{path.name} is empty (0 bytes).", "Copy it again from where it was measured.")
    matching = [row for row in FORMATS if row.starts(head)]
    if any(row.inside for row in matching):
        with open_hdf5(path) as opened:
            matching = [row for row in matching if row.inside is None or row.inside(opened)]
    if matching:
        return matching[0]
    named = next((row.title for row in FORMATS if path.name.lower().endswith(row.extensions)), None)
    if named is not None:
        raise ScanError(
            f"{path.name} is no {named} file although its name says so (it starts with {head[:8]!r}).",
            "It may be damaged: copy it again.",
        )
    titles = ", ".join(dict.fromkeys(row.title for row in FORMATS))
    raise ScanError(f"{path.name} has no known format.", f"fewview reads {titles}, and folders of TIFF or FITS.")
