"""Outputs are written whole or not at all: under a temporary name beside the target, then moved."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import os
import platform
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from .errors import FewviewError

LONGEST = 200  # bytes of a name: file systems take 255, and what lies beside the file has longer names
NEED_MARGIN = 1.05  # metadata and lower resolution levels on top of the values


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``; what was written there takes the place of ``path`` at the end.

    Raises
    ------
    FewviewError
        The disk is full, the folder is read-only, ...; nothing half-written is left and an older file stays.
    """
    if path.is_symlink():  # the file on the large disk is replaced, not the link to it
        path = path.resolve()
    clear_abandoned(path)
    # The suffix stays last: libraries tell formats by it.
    owner = f"{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    temporary = path.with_name(f".{path.stem}.{owner}.partial{path.suffix}")
    try:
        yield temporary
        _move(temporary, path)
    except (OSError, RuntimeError) as error:  # h5py reports a full disk on close as RuntimeError
        reason = getattr(error, "strerror", None) or str(error)
        raise FewviewError(
            f"{path} could not be written: {reason}.",
            "Nothing half-written was left. Free some space or choose another folder.",
        ) from error
    finally:
        _remove(temporary)


def write_text(path: Path, text: str) -> None:
    """Write a text file, as :func:`written_whole` does."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def clear_abandoned(path: Path) -> None:
    """Remove what processes of this machine that are gone, killed while they wrote ``path``, have left beside it."""
    import psutil

    name = re.compile(
        rf"\.{re.escape(path.stem)}\.{_machine()}-(\d+)-[0-9a-f]{{8}}\.partial{re.escape(path.suffix)}(\.old)?"
    )
    for left in path.parent.glob(f".{glob.escape(path.stem)}.*.partial{glob.escape(path.suffix)}*"):
        found = name.fullmatch(left.name)
        if found is None or psutil.pid_exists(int(found[1])):
            continue
        if found[2] and not path.exists():  # the older volume, which had stepped aside
            os.replace(left, path)
        else:
            _remove(left)


def check_writable(path: Path, size: int, inputs: tuple[Path, ...] = ()) -> None:
    """Refuse a target that cannot be written, before the hours of work and not after.

    Parameters
    ----------
    path : Path
    size : int
        Bytes that will be written, about.
    inputs : tuple of Path
        Files that were read, which must not be overwritten.

    Raises
    ------
    FewviewError
    """
    if len(os.fsencode(path.name)) > LONGEST:
        raise FewviewError(f"The name {path.name[:40]}... is too long for a file.", "Choose a shorter one.")
    folder = path.resolve().parent
    if not folder.is_dir():
        what = "is a file, and no folder" if folder.exists() else "does not exist"
        raise FewviewError(f"The folder {folder} {what}.", "Make it, or choose another one for the output.")
    for source in inputs:
        if source.exists() and (_same(source, path) or path.resolve() in source.resolve().parents):
            raise FewviewError(f"{path} is an input of this run.", "Choose another name for the output.")
    if path.is_dir() and path.suffix != ".zarr":
        raise FewviewError(f"{path} is a folder.", "Give the name of a file for the output.")
    if path.suffix == ".zarr" and path.is_file():
        raise FewviewError(f"{path} is a file; OME-Zarr is a folder.", "Choose another name for the output.")
    if path.is_dir() and any(path.iterdir()) and not _is_zarr(path):
        raise FewviewError(f"{path} is a folder that holds something else.", "Choose another name for the output.")
    if not os.access(folder, os.W_OK):
        raise FewviewError(f"The folder {folder} is read-only.", "Choose another folder for the output.")
    free = shutil.disk_usage(folder).free
    if free < size * NEED_MARGIN:
        raise FewviewError(
            f"The disk of {folder} has {free / 2**30:.1f} GiB free, the volume needs {size / 2**30:.1f} GiB.",
            "Free some space or choose another folder.",
        )


def reserve(path: Path, size: int) -> None:
    """Raise OSError now if ``size`` bytes cannot be had (quota, full disk): not every library survives that later."""
    if hasattr(os, "posix_fallocate"):
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
        path.unlink()


def _machine() -> str:
    """A short word for this machine: process numbers mean nothing to others that share the disk."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def _same(first: Path, second: Path) -> bool:
    return second.exists() and first.samefile(second)


def _is_zarr(path: Path) -> bool:
    return (path / "zarr.json").exists() or (path / ".zgroup").exists() or (path / ".zarray").exists()


def _move(temporary: Path, path: Path) -> None:
    if not path.is_dir():
        os.replace(temporary, path)
        return
    if not temporary.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder")  # of the user's, with whatever is in it
    # A folder cannot be replaced in one step: the old one steps aside and goes when the new one stands.
    aside = temporary.with_name(temporary.name + ".old")
    os.replace(path, aside)
    try:
        os.replace(temporary, path)
    except OSError:
        os.replace(aside, path)
        raise
    shutil.rmtree(aside)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
