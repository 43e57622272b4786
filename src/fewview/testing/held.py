"""Memory that a run holds at its peak, counted array by array: exact, and the same on every machine."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ..operators.tiles import TiledMatrix
from ..runs.slabs import SlabRun


class HeldTensors(TorchDispatchMode):
    """While it is active, counts the bytes of all tensors that torch's operations read or make, and keeps the peak.

    What existed before counts once an operation has read it: a network's weights, a matrix kept from an earlier run.
    Beyond it is what an operation takes for itself while it runs, such as a convolution its scratch, and what is never
    a tensor.

    Attributes
    ----------
    now, peak : int
        Bytes.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._known: dict[int, int] = {}

    def __torch_dispatch__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.see(args)
        result = func(*args, **(kwargs or {}))
        self.see(result)
        return result

    def see(self, values: Any) -> None:
        """Count a tensor, or those in a list, where they are not known."""
        if isinstance(values, Tensor) and values.layout is torch.strided:
            self._count(values.untyped_storage())
        elif isinstance(values, list | tuple):
            for value in values:
                self.see(value)

    def _count(self, storage: torch.UntypedStorage) -> None:
        place = storage._cdata
        if place in self._known:
            return
        self._known[place] = storage.nbytes()
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, place)

    def _forget(self, place: int) -> None:
        self.now -= self._known.pop(place)


def held_at_peak(run: SlabRun) -> int:
    """Carry a run out, and say how many bytes it held at its peak: tensors, its set-up, and the volumes handed out.

    On one thread, for what other threads make is not seen. A matrix that is stored is held as a whole, whichever of
    its halves were read.
    """
    setup, threads, held = run.setup, torch.get_num_threads(), HeldTensors()
    arrays: list[Any] = [setup.used.data, setup.used.weights, setup.auxiliary]
    torch.set_num_threads(1)
    try:
        with held:
            last = deque(run, maxlen=1)[0]
    finally:
        torch.set_num_threads(threads)
    arrays += [last.volume, *last.extra.values()]
    unread = held.now
    engine = getattr(setup.used.operator, "engine", None)
    for part in engine.parts if isinstance(engine, TiledMatrix) else ():
        held.see((part.start, part.index, part.value))
    return held.peak + held.now - unread + sum(int(array.nbytes) for array in arrays if array is not None)
