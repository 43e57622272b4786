"""A CUDA device that is none: tensors that say they lie on one, refuse to meet tensors that do not, and compute.

What a graphics card would refuse (two devices in one operation, ``numpy()`` without ``cpu()``, a generator of the
CPU for numbers on the card) fails here, too, on a machine without one; and what runs, runs by the code for cards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

from fewview.operators import interface

CUDA = torch.device("cuda", 0)
PLACE = torch.Tensor.device.__get__  # type: ignore[attr-defined]
ON_CUDA = torch.Tensor.is_cuda.__get__  # type: ignore[attr-defined]
GRADIENT = torch.Tensor.grad.__get__  # type: ignore[attr-defined]
# A card may be told on the CPU which elements are meant, and copies from there what it is given.
INDEXING = (torch.Tensor.__getitem__, torch.Tensor.__setitem__, torch.Tensor.copy_)
FREE = 8 << 30  # bytes of memory on the card
MOVING = (torch._has_compatible_shallow_copy_type,)


class Pretended(torch.Tensor):
    """A tensor of the CPU that says it is on a CUDA device; so does what is computed from it."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What a tensor on the card would answer."""
        kwargs = kwargs or {}
        if func == PLACE:
            return CUDA
        if func == ON_CUDA:
            return True
        if func == GRADIENT:
            gradient = super().__torch_function__(func, types, args, kwargs)
            return gradient if gradient is None else gradient.as_subclass(Pretended)
        if func in (torch.Tensor.numpy, torch.Tensor.__array__):
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        if func is torch.Tensor.cpu:
            return _moved(args[0], torch.device("cpu"), {})
        if func is torch.Tensor.to:
            return _to(*args, **kwargs)
        if func is torch.Tensor.backward:  # not below this method, which looks away from what it calls
            return torch.autograd.backward(_bare(args[0]))
        tensors = [t for t in tree_flatten((args, kwargs))[0] if isinstance(t, torch.Tensor)]
        checked = [] if func in MOVING else tensors[:1] if func in INDEXING else tensors
        if any(not isinstance(t, Pretended) and t.ndim > 0 for t in checked):
            raise RuntimeError(f"{func.__name__}: tensors on cuda:0 and on cpu")
        return super().__torch_function__(func, types, args, kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> Pretended:
        """A copy, a parameter's again one."""
        copy = _bare(self.detach()).clone().as_subclass(Pretended).requires_grad_(self.requires_grad)
        if isinstance(self, torch.nn.Parameter):
            copy._is_param = True
        memo[id(self)] = copy
        return copy


class Pretence(TorchFunctionMode):
    """Tensors made on a CUDA device are :class:`Pretended`."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Make on the CPU what is wanted on the card."""
        kwargs = dict(kwargs or {})
        if func is torch.Tensor.to:
            return _to(*args, **kwargs)
        wanted = kwargs.get("device")
        if wanted is None:
            return func(*args, **kwargs)
        if torch.device(wanted).type != "cuda":
            return func(*args, **kwargs)
        if kwargs.get("generator") is not None and kwargs["generator"].device.type == "cpu":
            raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
        kwargs["device"] = "cpu"
        return func(*tree_map(_bare, args), **kwargs).as_subclass(Pretended)


def _to(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    if args and isinstance(args[0], torch.Tensor):
        return _moved(tensor, args[0].device, {"dtype": args[0].dtype, **kwargs})
    rest: dict[str, Any] = {k: v for k, v in kwargs.items() if k != "device"}
    wanted = kwargs.get("device")
    for one in args:
        if isinstance(one, torch.dtype):
            rest["dtype"] = one
        elif isinstance(one, bool):
            rest["non_blocking"] = one
        elif one is not None:
            wanted = one
    return _moved(tensor, tensor.device if wanted is None else torch.device(wanted), rest)


def _moved(tensor: torch.Tensor, device: torch.device, rest: dict[str, Any]) -> torch.Tensor:
    """A move is a copy, a change of type alone is one where it must be."""
    moves = (device.type == "cuda") != isinstance(tensor, Pretended)
    with torch._C.DisableTorchFunction():
        result = torch.Tensor.to(_bare(tensor), **{**rest, "copy": moves or rest.get("copy", False)})
    return result.as_subclass(Pretended) if device.type == "cuda" else result


def _bare(value: Any) -> Any:
    return value.as_subclass(torch.Tensor) if isinstance(value, Pretended) else value


class _Sparse:
    """A sparse matrix on the card: torch has no subclasses of those."""

    def __init__(self, matrix: torch.Tensor) -> None:
        self.matrix = matrix

    def __matmul__(self, dense: torch.Tensor) -> torch.Tensor:
        if not isinstance(dense, Pretended):
            raise RuntimeError("matmul: tensors on cuda:0 and on cpu")
        return (self.matrix @ _bare(dense)).as_subclass(Pretended)


@contextmanager
def pretended_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    """Have a CUDA device, as far as this thread is concerned."""
    plain = torch.sparse_csr_tensor

    def sparse_csr_tensor(*args: Any, **kwargs: Any) -> Any:
        if not any(isinstance(t, Pretended) for t in args):
            return plain(*args, **kwargs)
        if any(isinstance(t, torch.Tensor) and not isinstance(t, Pretended) for t in args):
            raise RuntimeError("sparse_csr_tensor: tensors on cuda:0 and on cpu")
        return _Sparse(plain(*(_bare(t) for t in args), **kwargs))

    monkeypatch.setattr(torch, "sparse_csr_tensor", sparse_csr_tensor)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for name in dir(torch.optim.Optimizer):  # a CUDA build asks the driver; the method's name changes between versions
        if name.endswith("_graph_capture_health_check"):
            monkeypatch.setattr(torch.optim.Optimizer, name, lambda self: None)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device=None: (FREE, FREE))
    backward = interface._Apply.backward

    def on_the_card(ctx: Any, gradient: torch.Tensor) -> Any:
        with Pretence():  # autograd hands a function of ours the plain tensor, and has left the mode
            return backward(ctx, gradient.as_subclass(Pretended))

    monkeypatch.setattr(interface._Apply, "backward", staticmethod(on_the_card))
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # else the values move and the parameter stays
    try:
        with Pretence():
            yield CUDA
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(False)
