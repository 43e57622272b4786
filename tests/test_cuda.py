"""The code for graphics cards, run on a pretended one: no two devices meet, and the results are those of the CPU."""

import importlib.util
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from fewview.geometry import ParallelBeam
from fewview.methods import get_method
from fewview.operators import fan_beam, filtered_backprojection, parallel_beam
from fewview.operators.tiled import MEMORY_BUDGET
from fewview.runs import memory
from fewview.runs.slabs import SlabRun
from fewview.scan import LineIntegrals

_spec = importlib.util.spec_from_file_location("pretended_cuda", Path(__file__).with_name("pretended_cuda.py"))
assert _spec is not None and _spec.loader is not None
pretended = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pretended)

SIZE, SLICES, VIEWS = 24, 4, 14
ANGLES = np.arange(VIEWS) * np.pi / VIEWS
AXIS = (SIZE - 1) / 2 + 1.3
OPTIONS = {
    "fbp": {},
    "sirt": {"iterations": 3},
    "sart": {"iterations": 2},
    "cgls": {},
    "asd-pocs": {"iterations": 2},
    "tv": {"iterations": 5, "weight": 1e-3, "along_z": 0.5},
    "mbir": {"iterations": 4, "sharpness": 0.0},
    "dtv": {"iterations": 4, "weight": 1e-3, "gamma": 0.95, "eta": 0.1},
    "postnet": {"weights": "tiny"},
    "dds": {"steps": 2, "prior": "tiny"},
    "scd": {"steps": 2, "prior": "tiny", "inner": 2},
    "d3ip": {"steps": 2, "prior": "tiny", "trust": 1.0, "samples": 2, "adaptation": "none", "beside_share": 0.0},
}


@pytest.fixture
def cuda(monkeypatch):
    """A device that looks like a graphics card, for the length of a test."""
    with pretended.pretended_cuda(monkeypatch) as device:
        yield device


@pytest.fixture(scope="module")
def truth():
    x = np.zeros((SLICES, SIZE, SIZE), np.float32)
    x[:, 5:15, 8:20] = 1.0
    for k in range(SLICES):
        x[k, 7 + k : 10 + k, 10:15] = 2.0
    return x


@pytest.fixture(scope="module")
def lines(truth):
    """Noisy line integrals, statistical weights, a dead column."""
    rng = np.random.default_rng(1)
    y = parallel_beam(ANGLES, columns=SIZE, axis=AXIS)(torch.from_numpy(truth)).numpy()
    values = (y + 0.05 * rng.standard_normal(y.shape)).astype(np.float32).swapaxes(0, 1)
    weights = rng.uniform(0.5, 40.0, values.shape).astype(np.float32)
    weights[:, :, 3] = 0
    return LineIntegrals(np.ascontiguousarray(values), ParallelBeam(ANGLES, SLICES, SIZE, AXIS), weights)


def test_the_pretence_refuses_what_a_card_refuses(cuda):
    there, here = torch.ones(3, device="cuda"), torch.ones(3)
    assert there.device == cuda and (there + 1.0).is_cuda and torch.zeros_like(there).is_cuda
    with pytest.raises(RuntimeError, match="on cuda:0 and on cpu"):
        there + here
    with pytest.raises(RuntimeError, match="on cuda:0 and on cpu"):
        torch.cat([there, here])
    with pytest.raises(RuntimeError, match="on cuda:0 and on cpu"):
        torch.where(here > 0, there, there)
    with pytest.raises(TypeError, match="can't convert cuda"):
        np.asarray(there)
    with pytest.raises(RuntimeError, match="'cuda' device type for generator"):
        torch.randn(3, device="cuda", generator=torch.Generator())
    assert there[torch.tensor([0, 2])].is_cuda and not there.cpu().is_cuda and float(there.sum()) == 3.0


@pytest.mark.parametrize("budget", [MEMORY_BUDGET, 0], ids=["stored", "computed"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("beam", [parallel_beam, partial(fan_beam, sod=5.0, sdd=9.0)], ids=["parallel", "fan"])
def test_the_operator_is_that_of_the_cpu(cuda, truth, budget, dtype, beam):
    kind = {"columns": SIZE, "axis": AXIS, "pixel": 0.1, "dtype": dtype, "memory_budget": budget}
    A, B = beam(ANGLES, device="cuda", **kind), beam(ANGLES, **kind)
    here = torch.from_numpy(truth).to(dtype)
    x = here.to("cuda").requires_grad_()
    y = A(x)
    assert A.device == cuda and y.device == cuda
    torch.testing.assert_close(y.detach().cpu(), B(here))
    torch.testing.assert_close(A.T(y).detach().cpu(), B.T(B(here)))
    torch.testing.assert_close(filtered_backprojection(A, y).detach().cpu(), filtered_backprojection(B, B(here)))
    assert A.norm == pytest.approx(B.norm, rel=1e-6)
    (y * y).sum().backward()
    torch.testing.assert_close(x.grad.cpu(), 2 * B.T(B(here)))
    with pytest.raises(ValueError, match=r"on cuda:0, the data are .* on cpu"):
        A(here)


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_methods_keep_to_one_device(name, lines, truth, weights, monkeypatch):
    options = {key: weights if value == "tiny" else value for key, value in OPTIONS[name].items()}
    auxiliary = truth if "aux" in get_method(name).needs else None
    kept = {"auxiliary": auxiliary, "holdout": 0.2}
    *_, expected = SlabRun(lines, name, options, device="cpu", **kept)
    with pretended.pretended_cuda(monkeypatch):
        run = SlabRun(lines, name, options, **kept)  # "auto" takes the card
        assert run.device.type == "cuda"
        *_, last = run
    assert isinstance(last.volume, np.ndarray)
    # Not to the last bit: cards take larger batches.
    np.testing.assert_allclose(last.volume, expected.volume, atol=0.01 * np.abs(expected.volume).max())
    assert last.scalars["heldout_error"] == pytest.approx(expected.scalars["heldout_error"], rel=1e-2)


def test_a_run_goes_on_from_its_state_on_the_card(lines, cuda):
    *_, expected = SlabRun(lines, "cgls", {"iterations": 6}, device="cuda")
    for estimate in SlabRun(lines, "cgls", {"iterations": 6}, device="cuda"):
        if estimate.step == 3:
            break
    # As a checkpoint leaves it: in host memory.
    state = {k: v.cpu().clone() if isinstance(v, torch.Tensor) else v for k, v in estimate.state.items()}
    *_, last = SlabRun(lines, "cgls", {"iterations": 6}, device="cuda", resume=state)
    np.testing.assert_array_equal(last.volume, expected.volume)


def test_where_the_memory_of_the_card_is_short_slabs_take_turns(lines, cuda, monkeypatch):
    *_, whole = SlabRun(lines, "sirt", {"iterations": 4}, device="cuda")
    needed = SlabRun(lines, "sirt", {"iterations": 4}, device="cuda").forecast.needed(2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (int(needed / memory.SHARE) + 1, pretended.FREE))
    run = SlabRun(lines, "sirt", {"iterations": 4}, device="cuda")
    *_, last = run
    assert len(run.slabs) == 2
    np.testing.assert_allclose(last.volume, whole.volume, atol=1e-6)


def test_memory_that_torch_keeps_on_the_card_is_free_to_the_next_run(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 9000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 6000)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 2000)
    assert memory.available("cuda") == 5000


def test_building_a_tile_on_a_card_is_in_the_forecast():
    on_card = parallel_beam(ANGLES, columns=SIZE)
    without = on_card.workspace(1)
    on_card.device = torch.device("cuda")
    assert on_card.workspace(1) > without + 100 * SIZE**2 * VIEWS
