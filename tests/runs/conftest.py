"""A small problem with known answer, and methods made for testing the runner."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.geometry import ParallelBeam
from fewview.methods import Estimate, Method, Problem
from fewview.operators import parallel_beam
from fewview.options import Options, option
from fewview.scan import LineIntegrals

SIZE, SLICES, VIEWS = 32, 6, 24


@pytest.fixture(scope="session")
def truth() -> np.ndarray:
    """Blocks off the centre, another one in each slice: (slices, y, x)."""
    x = np.zeros((SLICES, SIZE, SIZE), dtype=np.float32)
    x[:, 8:20, 10:26] = 1.0
    for k in range(SLICES):
        x[k, 10 + k : 14 + k, 12:18] = 2.0
    return x


@pytest.fixture(scope="session")
def lines(truth) -> LineIntegrals:
    """Line integrals of the truth, axis off the middle, weights that are not uniform, a dead column."""
    angles = np.linspace(0, np.pi, VIEWS, endpoint=False)
    axis = (SIZE - 1) / 2 + 1.3
    y = parallel_beam(angles, columns=SIZE, axis=axis)(torch.from_numpy(truth)).numpy()
    rng = np.random.default_rng(1)
    values = (y + 0.02 * rng.standard_normal(y.shape)).astype(np.float32).swapaxes(0, 1)
    weights = rng.uniform(0.5, 40.0, values.shape).astype(np.float32)
    weights[:, :, 3] = 0
    return LineIntegrals(np.ascontiguousarray(values), ParallelBeam(angles, SLICES, SIZE, axis), weights)


class CountingOptions(Options):
    """Options of the counting method."""

    steps: int = option(5, "Steps", "How many.", ge=1)
    level: float = option(1.0, "Level", "Added at every step.")


def counting(problem: Problem, options: CountingOptions) -> Iterator[Estimate]:
    """Adds ``level`` times (1 + noise) at every step, in place; resumable, with a random state in it."""
    n = problem.operator.grid
    volume = torch.zeros(len(problem.data), n, n)
    generator = torch.Generator().manual_seed(problem.seed)
    start = 0
    if problem.state is not None:
        volume, start = problem.state["volume"].clone(), int(problem.state["step"])
        generator.set_state(problem.state["generator"])
    for step in range(start + 1, options.steps + 1):
        volume += options.level * (1 + torch.rand(1, generator=generator))
        state = {"volume": volume, "step": step, "generator": generator.get_state()}
        yield Estimate(volume, step, options.steps, "counting", {"objective": 1 / step}, state)


COUNTING = Method(
    name="counting",
    title="Counting",
    family="classical",
    summary="For tests.",
    source="none",
    options=CountingOptions,
    solve=counting,
)


@pytest.fixture
def use_method(monkeypatch) -> Callable[..., Method]:
    """Make the runner take this method, whatever the name asked for."""

    def use(method: Method = COUNTING, **changes: object) -> Method:
        method = replace(method, **changes)
        monkeypatch.setattr("fewview.runs.slabs.require_method", lambda name, options: method)
        monkeypatch.setattr("fewview.runs.session.require_method", lambda name, options: method)
        return method

    return use
