"""A growing pool of training blocks on disk, filled by a process of its own so that training never waits."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..atomic_write import written_whole
from ..simulate.seeds import TRAIN
from .background_process import BackgroundProcess
from .sources import MAKERS, Block, Kind

HELD = 1 << 30
"""Bytes of blocks in memory: some 1000 blocks. Of a training of days the oldest make room, and stay on disk."""


class Pool(BackgroundProcess):
    """Blocks of one kind in a folder; blocks of a stopped training are used again.

    Parameters
    ----------
    folder : Path
        Holds ``<kind>-<seed>-<modality>.npy``, float16.
    kind : str
        A key of :data:`fewview.training.sources.MAKERS`.
    capacity : int
        No more seeds than this are drawn.
    share : float
        Part of one core's time that filling may take once ``eager`` seeds are there.
    eager : int
        Seeds made at full speed at the start.
    """

    def __init__(
        self,
        folder: Path,
        kind: Kind,
        capacity: int = 3000,
        share: float = 0.15,
        eager: int = 40,
    ) -> None:
        super().__init__(folder, fill, folder, kind, capacity, share, eager)
        self.kind = kind
        self.blocks: list[NDArray[np.float16]] = []
        self._named: dict[str, NDArray[np.float16]] = {}
        self._loaded: set[str] = set()

    def pairs(self) -> list[tuple[NDArray[np.float16], NDArray[np.float16]]]:
        """Blocks as neutrons and as X-rays see them, of the seeds that have both."""
        other = {name.removesuffix("-0.npy"): name for name in self._named if name.endswith("-0.npy")}
        both = [(self._named[name], self._named.get(f"{seed}-1.npy")) for seed, name in other.items()]
        return [(neutron, xray) for neutron, xray in both if xray is not None]

    def paths(self) -> list[Path]:
        """Return the blocks on disk."""
        return sorted(self.folder.glob(f"{self.kind}-*.npy"))

    def seeds(self) -> int:
        """Seeds that the blocks on disk come from."""
        return len({path.name.split("-")[1] for path in self.paths()})

    def refresh(self, at_least: int = 0) -> int:
        """Load what is new; wait until ``at_least`` blocks are there. Returns the number in memory."""
        return self.loaded(self._load, at_least)

    def _load(self) -> int:
        for path in self.paths():
            if path.name in self._loaded:
                continue
            block = np.load(path, allow_pickle=False)
            self._loaded.add(path.name)
            self._named[path.name] = block
            self.blocks.append(block)
            while len(self.blocks) > 1 and sum(held.nbytes for held in self.blocks) > HELD:
                del self._named[next(iter(self._named))], self.blocks[0]  # both in the order of loading
        return len(self.blocks)


def fill(folder: Path, kind: Kind, capacity: int, share: float, eager: int) -> None:
    """Make blocks from consecutive training seeds until ``capacity`` seeds are on disk.

    Parameters
    ----------
    folder : Path
    kind : Kind
    capacity : int
        Seeds.
    share : float
        Part of the processor's time that it takes.
    eager : int
        Seeds that are made without rest at first.
    """
    parent = os.getppid()
    for count, seed in enumerate(TRAIN[:capacity]):
        if os.getppid() != parent:
            return  # the training that started this process is gone
        if (folder / f"{kind}-{seed}-0.npy").exists():
            continue
        begin = time.perf_counter()
        write_blocks(folder, kind, seed, MAKERS[kind](seed, None))
        if count >= eager:
            time.sleep((time.perf_counter() - begin) * (1 / share - 1))


def write_blocks(folder: Path, kind: str, seed: int, blocks: list[Block]) -> None:
    """Write the blocks of one seed; each appears in the folder only when whole.

    Parameters
    ----------
    folder : Path
    kind : str
    seed : int
    blocks : list of Block, shape (z, y, x) each
    """
    for index, block in reversed(list(enumerate(blocks))):
        with written_whole(folder / f"{kind}-{seed}-{index}.npy") as temporary:
            np.save(temporary, block.astype(np.float16))
