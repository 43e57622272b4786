"""The newest estimate of a running reconstruction, in memory that two processes share. Newest wins.

The worker publishes as fast as it likes, the viewer takes when it has time: frames that nobody took are dropped,
never queued, and a volume is never seen half written. Four slots make that possible without copying: one holds the
newest estimate, two are in the reader's hands (the one it shows and the one it is about to replace), and one is
free for the writer. The lock guards a few integers, never a copy of a volume.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import NotEnoughMemory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.synchronize import Lock

SLOTS = 4
NEWEST, SHOWN, REPLACED, SEQUENCE, FIRST_SLOT = range(5)  # places in the header; after it one (sequence, step) per slot
HEADER_BYTES = 4096  # a page, so that the volumes start aligned
LOCK_SECONDS = 0.2  # longer than any honest holder needs: a writer that was killed may have left it locked
NOBODY = -1
EXTRA, LIVE = "-extra", "-live"  # end the names of the memory for further volumes: at the end, and on the way


@dataclass(frozen=True)
class Frame:
    """One estimate as taken from the stream.

    Parameters
    ----------
    volume : array, shape (slices, y, x), float32, read-only
        A view of shared memory. Nobody writes to it until the next but one :meth:`Reader.take`.
    step : int
        As in :class:`~fewview.methods.Estimate`.
    sequence : int
        1 for the first estimate published, counted by the writer.
    """

    volume: NDArray[np.float32]
    step: int
    sequence: int


def new_name() -> str:
    """A name for a stream; the reader chooses it, so that it can clean up after a writer that died.

    It holds the reader's process number: what a reader left behind that died itself can be told by it.
    """
    return f"fewview-{os.getpid()}-{secrets.token_hex(4)}"


class _Slots:
    """The shared block: a header of integers and four volumes."""

    def __init__(self, memory: SharedMemory, shape: tuple[int, ...], lock: Lock) -> None:
        self._memory = memory
        self._lock = lock
        # frombuffer holds on to the memory; np.ndarray(buffer=...) would not, and a late look would crash.
        buffer = cast(memoryview, memory.buf)
        self._header = np.frombuffer(buffer, np.int64, FIRST_SLOT + 2 * SLOTS)
        voxels = SLOTS * math.prod(shape)
        self._volumes = np.frombuffer(buffer, np.float32, voxels, HEADER_BYTES).reshape(SLOTS, *shape)

    @contextmanager
    def _held(self) -> Iterator[NDArray[np.int64]]:
        locked = self._lock.acquire(timeout=LOCK_SECONDS)
        try:
            yield self._header
        finally:
            if locked:
                self._lock.release()

    def close(self) -> None:
        """Forget this process's view of the memory; arrays that were handed out must be gone."""
        del self._header, self._volumes
        self._memory.close()


class Writer(_Slots):
    """The worker's end: creates the memory and publishes into it.

    Parameters
    ----------
    name : str
        From :func:`new_name`.
    shape : tuple of int
        Of the volume.
    lock : multiprocessing lock
        The one that the reader holds too.

    Raises
    ------
    NotEnoughMemory
        Where the system's shared memory is too small (writing beyond it would kill the process).
    """

    def __init__(self, name: str, shape: tuple[int, ...], lock: Lock) -> None:
        size = HEADER_BYTES + SLOTS * math.prod(shape) * 4
        _require_shared_memory(size)
        super().__init__(SharedMemory(name=name, create=True, size=size), shape, lock)
        self._header[:] = 0
        self._header[[NEWEST, SHOWN, REPLACED]] = NOBODY

    def publish(self, volume: ArrayLike, step: int) -> int:
        """Copy ``volume`` into a free slot and make it the newest; returns its sequence number."""
        with self._held() as header:
            taken = {int(header[place]) for place in (NEWEST, SHOWN, REPLACED)}
            slot = next(i for i in range(SLOTS) if i not in taken)
        np.copyto(self._volumes[slot], np.asarray(volume), casting="same_kind")
        with self._held() as header:
            header[SEQUENCE] += 1
            header[FIRST_SLOT + 2 * slot : FIRST_SLOT + 2 * slot + 2] = header[SEQUENCE], step
            header[NEWEST] = slot
            return int(header[SEQUENCE])


class Reader(_Slots):
    """The viewer's end: takes the newest estimate, and removes the memory at the end."""

    def __init__(self, name: str, shape: tuple[int, ...], lock: Lock) -> None:
        super().__init__(SharedMemory(name=name), shape, lock)

    @property
    def produced(self) -> int:
        """How many estimates were published so far."""
        return int(self._header[SEQUENCE])

    def take(self) -> Frame | None:
        """The newest estimate, or None if it was taken already."""
        with self._held() as header:
            slot = int(header[NEWEST])
            if slot in (NOBODY, int(header[SHOWN])):
                return None
            header[REPLACED] = header[SHOWN]
            header[SHOWN] = slot
            sequence, step = (int(value) for value in header[FIRST_SLOT + 2 * slot : FIRST_SLOT + 2 * slot + 2])
        view = self._volumes[slot]
        view.flags.writeable = False
        return Frame(view, step, sequence)

    def keep(self) -> Frame | None:
        """A copy of the newest estimate in memory of its own, whether taken before or not."""
        frame = self.take()
        with self._held() as header:
            slot = int(header[SHOWN])
            if slot == NOBODY:
                return None
            sequence, step = (int(value) for value in header[FIRST_SLOT + 2 * slot : FIRST_SLOT + 2 * slot + 2])
        volume = self._volumes[slot] if frame is None else frame.volume
        return Frame(volume.copy(), step, sequence)

    def remove(self) -> None:
        """Give the memory back to the system. Views that are still held keep their pages until they are dropped."""
        self._memory.unlink()
        try:
            self.close()
        except BufferError:
            # Somebody (a duplicated layer, a console variable) still looks at a slot: unlinked memory goes with the
            # last view. SharedMemory would try, and complain, once more when it is collected.
            self._memory.close = lambda: None  # type: ignore[method-assign]


def leave(stream: str, volumes: Sequence[NDArray[Any]], ending: str = EXTRA) -> None:
    """Put further volumes of a stream into shared memory of their own, for :func:`collect`.

    Parameters
    ----------
    stream : str
    volumes : sequence of array, shape (slices, y, x)
    ending : {EXTRA, LIVE}
        Of the name of the memory: at the end of a run, or on the way.

    Raises
    ------
    NotEnoughMemory
    FileExistsError
        Those that were left before have not been collected yet.
    """
    together = np.concatenate([np.asarray(volume, np.float32).ravel() for volume in volumes])
    _require_shared_memory(together.nbytes)
    memory = SharedMemory(name=stream + ending, create=True, size=together.nbytes)
    np.frombuffer(cast(memoryview, memory.buf), np.float32, together.size)[:] = together
    memory.close()


def collect(stream: str, shapes: Sequence[tuple[int, ...]], ending: str = EXTRA) -> list[NDArray[np.float32]]:
    """The volumes that were left, copied out of the shared memory, which is removed.

    Parameters
    ----------
    stream : str
    shapes : sequence of tuple of int
        As the worker told them.
    ending : {EXTRA, LIVE}

    Returns
    -------
    list of ndarray of float32
        One for each shape.
    """
    memory = SharedMemory(name=stream + ending)
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    values = np.frombuffer(cast(memoryview, memory.buf), np.float32, int(ends[-1])).copy()
    memory.close()
    memory.unlink()
    return [part.reshape(shape) for part, shape in zip(np.split(values, ends[:-1]), shapes, strict=True)]


def remove_stream(name: str) -> None:
    """Remove the memory of a stream that was perhaps never opened by its reader."""
    for part in (name, name + EXTRA, name + LIVE):
        try:
            memory = SharedMemory(name=part)
        except FileNotFoundError:
            continue
        memory.close()
        memory.unlink()


def _require_shared_memory(size: int) -> None:
    store = Path("/dev/shm")
    if not store.is_dir():
        return
    free = shutil.disk_usage(store).free
    if size > free:
        raise NotEnoughMemory(
            f"Showing this volume live takes {size / 2**20:.0f} MB of shared memory, {free / 2**20:.0f} MB are free.",
            "Reconstruct fewer rows, bin the scan, or enlarge /dev/shm.",
        )
