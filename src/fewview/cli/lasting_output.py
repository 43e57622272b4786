"""Standard output and error that outlive their reader: a closed terminal, or a `tee` that ended, ends no run."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_GONE = (errno.EIO, errno.EPIPE)  # of a terminal, of a pipe


class _Lasting(io.FileIO):
    """A file descriptor that leads nowhere once its reader is gone."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in _GONE:
                raise
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        return super().write(data)


def outlive_readers() -> None:
    """Let what is printed from now on go nowhere where nobody reads it any more, and the work go on."""
    if os.name != "posix":  # elsewhere a program ends with its window
        return
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None or not hasattr(stream, "buffer"):
            continue
        stream.flush()
        setattr(
            sys,
            name,
            io.TextIOWrapper(
                io.BufferedWriter(_Lasting(stream.fileno(), "wb", closefd=False)),
                encoding=stream.encoding,
                errors=stream.errors,
                line_buffering=stream.isatty() or name == "stderr",
            ),
        )
