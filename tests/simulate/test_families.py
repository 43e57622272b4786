"""Grains, fibres, layers and foam: in range, repeatable, and made of what they say."""

import numpy as np
import pytest

from fewview.simulate.cells import Cells
from fewview.simulate.fibres import fibres
from fewview.simulate.foam import foam
from fewview.simulate.grains import grains
from fewview.simulate.layers import _profile, layers
from fewview.training.sources import MAKERS, MIXTURES


@pytest.mark.parametrize("draw", [grains, fibres, layers, foam])
@pytest.mark.parametrize("seed", range(4))
def test_stacks_are_in_range_varied_and_repeatable(draw, seed):
    first, again = (draw(np.random.default_rng(seed), 48, 5) for _ in range(2))
    assert first.shape == (5, 48, 48) and first.dtype == np.float32
    assert first.min() >= 0 and first.max() == 1 and first.std() > 0.03
    assert np.array_equal(first, again)
    assert not np.array_equal(first, draw(np.random.default_rng(seed + 100), 48, 5))
    assert np.corrcoef(first[2].ravel(), first[3].ravel())[0, 1] > 0.3  # bodies go on from slice to slice


def test_cells_belong_to_their_nearest_seed():
    cells = Cells(np.random.default_rng(0), 12, 2, 4.0, 0.3)
    seeds = cells._tree.data
    plane = (np.arange(24) + 0.5) / 2
    for z, (distance, nearest) in enumerate(cells.slices(2)):
        point = np.array([z + 0.5, plane[5], plane[17]]) / cells.stretch
        brute = np.linalg.norm(seeds - point, axis=1)
        index = 5 * 24 + 17
        assert nearest[index, 0] == brute.argmin()
        assert distance[index] == pytest.approx(np.sort(brute)[:2])
    assert z == 1
    values = np.zeros((24, 24))
    values[:2, 2:4] = 1
    image = cells.image(values.ravel())
    assert image.shape == (12, 12) and image[0, 1] == 1 and image.sum() == 1


def test_a_layer_ends_sharply_and_layers_follow_each_other():
    far = np.linspace(0, 2, 4000)[None]
    for seed in range(6):
        grey = _profile(np.random.default_rng(seed), far, 64)[0]
        jumps = np.flatnonzero(np.abs(np.diff(grey)) > 0.02)
        assert len(jumps) >= 3 and grey.min() >= 0 and grey.max() <= 1
        assert np.all(np.diff(jumps) > 1)  # between two ends it fades, and nowhere jumps
        assert np.abs(np.diff(np.delete(np.diff(grey), jumps))).max() < 0.02


def test_no_training_sees_foam():
    assert "foam" not in MAKERS and all(set(mixture) <= set(MAKERS) for mixture in MIXTURES.values())
    assert all(sum(mixture.values()) == pytest.approx(1) for mixture in MIXTURES.values())
