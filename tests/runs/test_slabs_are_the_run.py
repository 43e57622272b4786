"""Over the registry: a run cut into slabs, because memory was short, gives the volume of the whole run."""

import numpy as np
import pytest
import torch

from fewview.methods.registry import get_method, method_names
from fewview.methods.slices import SliceNoise
from fewview.runs import memory
from fewview.runs.slabs import SlabRun

SHORT = {
    "samples": 2,
    "steps": 2,
    "iterations": 8,
    "weight": 1e-3,
    "sharpness": 0.0,
    "subset": 6,
    "inner": 1,
    "t_start": 200,
    "guided_start": 200,
}
# What joins all slices is never cut; what the settings search does is the same run on central slices, and slow.
APART = {"adaptation": "none", "beside_share": 0.0, "trust": 1.0, "start": "fbp", "prior": "generic"}
LOCAL = sorted(name for name in method_names() if get_method(name).family != "external")


def test_noise_belongs_to_the_slice_and_not_to_the_slab():
    whole = SliceNoise(3, 5)
    first, second = (whole(torch.zeros(10, 4, 4)).reshape(2, 5, 4, 4) for _ in range(2))
    part = SliceNoise(3, 2, first=2)
    for drawn in (first, second):
        assert torch.equal(part(torch.zeros(4, 4, 4)).reshape(2, 2, 4, 4), drawn[:, 2:4])
    resumed = SliceNoise(3, 5, drawn=1)
    assert torch.equal(resumed(torch.zeros(10, 4, 4)).reshape(2, 5, 4, 4), second)
    values = torch.cat([first.flatten(), second.flatten()])
    assert len(values.unique()) == len(values)  # no slice, copy or draw repeats another
    others = [SliceNoise(4, 5), SliceNoise(3, 5, stream=1)]
    assert all(not torch.equal(o(torch.zeros(10, 4, 4)).reshape(2, 5, 4, 4), first) for o in others)


@pytest.mark.parametrize("name", LOCAL)
def test_slabs_give_the_run(name, lines, truth):
    method = get_method(name)
    if method.missing():
        pytest.skip(str(method.missing()))
    known = method.options.model_fields
    options = {key: value for key, value in {**SHORT, **APART}.items() if key in known}
    auxiliary = truth if "aux" in method.needs else None
    whole = SlabRun(lines, name, options, auxiliary=auxiliary, device="cpu", seed=3)
    halo = whole.method.neighbours(whole.options)
    if halo is None:
        pytest.skip("no slice may be missing: never cut")
    expected = list(whole)[-1]
    part = SlabRun(lines, name, options, auxiliary=auxiliary, device="cpu", seed=3)
    part.slabs = [(0, 1), (1, 3), (3, 6)]
    last = list(part)[-1]
    span = float(np.ptp(expected.volume))
    if halo == 0:
        assert np.array_equal(last.volume, expected.volume)
    else:
        assert np.abs(last.volume - expected.volume).max() < 1e-3 * span
    assert last.extra.keys() == expected.extra.keys()
    for volume, other in zip(last.extra.values(), expected.extra.values(), strict=True):
        assert np.abs(volume - other).max() < 1e-3 * span
    assert {k: v for k, v in last.chosen.items() if k in known} == {
        k: v for k, v in expected.chosen.items() if k in known
    }


def test_what_joins_all_slices_is_not_cut(lines):
    run = SlabRun(lines, "d3ip", {"adaptation": "none", "steps": 2, "samples": 1}, device="cpu")
    run.slabs = [(0, 3), (3, 6)]
    run.options = run.options.model_copy(update={"adaptation": "lora"})  # as if the search had chosen it
    with pytest.raises(memory.NotEnoughMemory, match="adaptation=none"):
        list(run)


def test_what_is_chosen_is_chosen_for_the_whole_run(lines):
    whole = list(SlabRun(lines, "tv", {"iterations": 5}, device="cpu"))[-1]
    part = SlabRun(lines, "tv", {"iterations": 5}, device="cpu")
    part.slabs = [(0, 2), (2, 6)]
    last = list(part)[-1]
    assert last.chosen["weight"] == whole.chosen["weight"]
    assert last.chosen["weight_curve"] == whole.chosen["weight_curve"]
    assert np.array_equal(last.volume, whole.volume)
