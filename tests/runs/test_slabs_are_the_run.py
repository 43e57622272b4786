"""A run cut into slabs, because memory was short, is the whole run; `fewview.testing` tries that on every method."""

import numpy as np
import pytest
import torch

from fewview.methods.slices import SliceNoise
from fewview.runs import memory
from fewview.runs.slabs import SlabRun


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


def test_what_joins_all_slices_is_not_cut(lines):
    run = SlabRun(lines, "d3ip", {"adaptation": "none", "steps": 2, "samples": 1}, device="cpu")
    run.slabs = [(0, 3), (3, 6)]
    run.options = run.options.taking({"adaptation": "lora"})  # as if the search had chosen it
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
