"""Every network says for which scans it was trained, and whoever runs it says when a scan is not like those."""

import pytest

from fewview.methods.registry import get_method, method_names
from fewview.models.weights import find_weights, read_card, shipped_weights
from fewview.runs.kept import remarks
from fewview.runs.slabs import SlabRun
from fewview.testing.scans import beams, block, scan

SIDE = 12
"""Pixels, fewer than any network was trained for."""
SHORT = {"steps": 2, "samples": 1, "chain": 2, "guided_start": 200, "prior": "generic", "guide_weight": 1.0}
SHORT |= {"adaptation": "none", "beside_share": 0.0, "trust": 1.0, "gamma": 0.5, "symmetries": False}
SHORT |= {"inner": 4, "smoothness": 1e-3, "xray": True, "scale": 1.0, "start_iterations": 5, "count": 50, "repairs": 1}
SHORT |= {"prefit": 3, "field_steps": 2, "field_inner": 1, "answer": "network", "tv_weight": 1e-3}
SHORT |= {"members": "sirt,postnet", "shares": "sirt=0.5,postnet=0.5"}
LEARNED = [name for name in method_names() if "weights" in get_method(name).needs]


@pytest.mark.parametrize("name", shipped_weights())
def test_every_card_says_how_wide_the_slices_of_the_training_were(name):
    low, high = read_card(find_weights(name))["trained_for"]["side_px"]
    assert low > SIDE and (high is None or high >= low)


@pytest.mark.parametrize("name", LEARNED)
def test_a_scan_with_few_columns_is_said_to_be_unlike_the_training(name):
    method, volume = get_method(name), block(SIDE, 3)
    own = {key: value for key, value in SHORT.items() if method.options.knows(key)}
    *_, last = SlabRun(scan(beams(SIDE, 3)[0], volume), method, own, auxiliary=volume, device="cpu")
    said = [line for line in remarks(last.chosen) if "pixels wide" in line]
    assert said and all(
        line.startswith(f"The slices are {SIDE} pixels wide; the network was trained for") for line in said
    )
    assert len(said) == len(set(said))


def test_a_scan_like_the_training_is_not():
    volume = block(64, 3)
    settings = {"trust": 1.0, "scale": 1.0, "start_iterations": 5}
    *_, last = SlabRun(scan(beams(64, 3)[0], volume), "postnet", settings, device="cpu")
    assert "outside_training" not in last.chosen
