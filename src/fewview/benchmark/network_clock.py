"""How much of a run is spent within networks: the part that a faster loop around them could not save."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn


def seconds_on(device: str) -> float:
    """Seconds so far: on the CPU those of the processor, all cores together, for machines are shared."""
    return time.process_time() if device == "cpu" else time.perf_counter()


class NetworkClock:
    """Time within the forward and backward passes of whatever ``torch.nn.Module`` runs while it is on.

    Passes within passes count once. From torch's hooks for all modules, so that no method has to measure itself.

    Parameters
    ----------
    device : str
        On CUDA, waits for the device at the ends of each pass: otherwise only the launches would be timed.

    Attributes
    ----------
    by_network : dict of str to float
        Seconds by the class of the outermost module.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.by_network: dict[str, float] = {}
        self.device = device
        self._open, self._began, self._depth, self._name = 0, 0.0, 0, ""
        self._handles: list[Any] = []

    @property
    def seconds(self) -> float:
        """Of all networks."""
        return sum(self.by_network.values())

    def __enter__(self) -> NetworkClock:
        module = nn.modules.module
        self._handles = [
            module.register_module_forward_pre_hook(self._enter),
            module.register_module_forward_hook(self._leave, always_call=True),
        ]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()

    def _enter(self, module: nn.Module, inputs: Any) -> None:
        self._depth += 1
        if self._depth == 1:
            self._start(type(module).__name__)

    def _leave(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._stop()
            if isinstance(output, Tensor) and output.requires_grad:
                name = type(module).__name__
                self._watch(name, output, [*module.parameters(), *(x for x in inputs if isinstance(x, Tensor))])

    def _watch(self, name: str, output: Tensor, leaves: Sequence[Tensor]) -> None:
        """The backward pass: from the gradient of the output to those of all that it depends on."""
        wanted = [leaf for leaf in leaves if leaf.requires_grad]
        if not wanted:
            return

        def stop(gradients: Sequence[Tensor | None]) -> None:
            self._stop()
            # The leaves outlive this pass: left on them, its hook would end the clock of every later one.
            end.remove()

        begin = output.register_hook(lambda gradient: self._start(name))
        end = torch.autograd.graph.register_multi_grad_hook(wanted, stop)
        self._handles += [begin, end]

    def _start(self, name: str) -> None:
        self._open += 1
        if self._open == 1:
            self._name = name
            self._wait()
            self._began = seconds_on(self.device)

    def _stop(self) -> None:
        self._open -= 1
        if self._open == 0:
            self._wait()
            passed = seconds_on(self.device) - self._began
            self.by_network[self._name] = self.by_network.get(self._name, 0.0) + passed

    def _wait(self) -> None:
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()
