"""The samples of a run on the screen: one layer with a slider of its own, in the place of the result."""

import numpy as np
from napari.components import ViewerModel

from fewview.viewer.common.layers import extra_look, finer_place, spatial, stepped, tells_nothing


def test_samples_become_one_layer_that_is_stepped_through():
    std = np.ones((4, 6, 6), np.float32)
    extra = {"std": std, **{f"sample_{k}": np.full((4, 6, 6), k, np.float32) for k in (1, 2, 3)}}
    shown = stepped(extra)
    assert list(shown) == ["std", "samples"] and shown["samples"].shape == (3, 4, 6, 6)
    assert list(shown["samples"][:, 0, 0, 0]) == [1, 2, 3]
    assert stepped({"std": std}) == {"std": std}


def test_an_empty_map_is_told_from_a_flat_volume():
    nothing = np.zeros((4, 6, 6), np.float32)
    assert tells_nothing("refused", nothing) and tells_nothing("repair", nothing)
    assert not tells_nothing("std", nothing) and not tells_nothing("refused", nothing + 1)


def test_they_lie_where_the_result_lies():
    viewer, place = ViewerModel(), spatial((4, 6, 6), 0.5, first_row=3)
    viewer.add_image(np.zeros((4, 6, 6)), **place)
    samples = np.random.default_rng(0).random((3, 4, 6, 6))
    made = viewer.add_image(samples, **extra_look("samples", samples), **finer_place(place, (4, 6, 6), samples.shape))
    assert viewer.dims.ndim == 4 and made.axis_labels[0] == "sample"
    assert np.allclose(made.extent.world[:, 1:], viewer.layers[0].extent.world)
    assert np.allclose(made.world_to_data((2, *viewer.layers[0].translate)), (2, 0, 0, 0))
