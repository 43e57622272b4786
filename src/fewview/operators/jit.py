"""How the compiled kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def jit(function: Callable[..., Any]) -> Any:
    """Compile with numba.

    Without the interpreter's lock, so that threads share the work; cached on disk, so that only the first run on
    a machine compiles. Reassociation is all of fastmath that is wanted: NaN in the data must stay NaN.
    """
    return numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"})(function)
