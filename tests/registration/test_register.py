"""Known transforms are recovered, other samples are told, and a registration can be stopped, stored and applied."""

import json
import sys
import threading
import time

import numpy as np
import pytest

from fewview.errors import FewviewError, Stopped
from fewview.registration import Grid, RegistrationFailed, RegistrationOptions, register, registered
from fewview.registration.metric import Body
from fewview.registration.register import registration_steps
from fewview.registration.search import candidates, first_pose
from fewview.registration.transform import Similarity, from_pairs, resample, turn
from fewview.simulate.microstructure import microstructure

SIZE = 40


def pair(seed, other=None, size=SIZE, degrees=73.0):
    """Neutron volume, X-ray volume elsewhere, their grids, and the transform between them."""
    grown = microstructure(size, seed)
    neutron, pixel = grown.neutron, grown.pixel
    source = grown if other is None else microstructure(size, other)
    grid, fine = Grid.cubic(neutron.shape, pixel), Grid((2 * size,) * 3, (pixel / 2,) * 3, (-pixel / 4,) * 3)
    moving = Grid.cubic((int(size * 1.15 / 0.8),) * 3, 0.8 * pixel)
    rotation = turn(degrees) @ turn(3, 1) @ turn(-2, 2)
    true = Similarity.about(rotation, 1.02, grid.centre, moving.centre + pixel * np.array([1.4, -2.2, 0.7]))
    xray, _ = resample(source.fine(80, 0, 2 * size), fine, true.inverse(), moving, order=1)
    noise = 0.03 * xray.max() * np.random.default_rng(seed).standard_normal(xray.shape)
    return neutron, (xray + noise).astype(np.float32), grid, moving, true


def distance(found, true, grid):
    """Largest distance in voxels over a cylinder that holds the sample."""
    index = np.argwhere(np.ones(grid.shape))[::29]
    index = index[np.hypot(*(index[:, 1:] - (grid.shape[1] - 1) / 2).T) < 0.45 * grid.shape[1]]
    points = grid.position(index)
    return np.linalg.norm(found(points) - true(points), axis=1).max() / true.scale / grid.spacing[-1]


@pytest.fixture(scope="module")
def right():
    return pair(11)


@pytest.fixture(scope="module")
def found(right):
    neutron, xray, grid, moving, _ = right
    return register(neutron, xray, grid, moving)


def test_known_transform_is_recovered(right, found):
    *_, grid, _, true = right
    assert distance(found.transform, true, grid) < 0.5
    assert found.transform.angle_to(true) < 0.4  # 0.2 at 64 pixels: see benchmarks/registration.py
    assert found.quality.good
    assert found.quality.halves < 1.5
    assert found.quality.likeness > found.quality.chance


def test_the_same_inputs_give_the_same_transform(right, found):
    neutron, xray, grid, moving, _ = right
    assert register(neutron, xray, grid, moving) == found


def test_noisy_neutron_side(right):
    neutron, xray, grid, moving, true = right
    noisy = neutron + 0.15 * neutron.max() * np.random.default_rng(0).standard_normal(neutron.shape)
    again = register(noisy, xray, grid, moving)
    assert distance(again.transform, true, grid) < 0.7


def test_other_sample_is_a_failure_that_says_so():
    neutron, xray, grid, moving, _ = pair(11, other=111)
    with pytest.raises(RegistrationFailed, match="could not be registered") as caught:
        register(neutron, xray, grid, moving)
    assert caught.value.remedy
    assert caught.value.result.quality.reasons
    assert not caught.value.result.quality.good


def test_stored_as_json(found):
    stored = json.loads(json.dumps(found.to_json()))
    assert stored["matrix"] == [list(row) for row in found.matrix] and stored["scale"] == found.scale
    assert stored["quality"]["reasons"] == [] and stored["good"] is found.quality.good


def test_applied_once_with_mask(right, found):
    neutron, xray, grid, moving, true = right
    hole = xray.copy()
    hole[:4] = np.nan
    for order in (1, 3):
        values, mask = registered(hole, moving, found, grid, order)
        assert values.dtype == np.float32 and values.shape == neutron.shape
        assert np.isfinite(values).all()
        assert not mask.all() and (values[~mask] == 0).all()
        expected, _ = resample(xray, moving, true, grid, order=order)
        inner = mask & (np.hypot(*(np.indices((SIZE, SIZE)) - (SIZE - 1) / 2)) < 0.4 * SIZE)
        assert np.corrcoef(values[inner], expected[inner])[0, 1] > 0.95


def test_clicked_pairs_start_where_the_turns_do_not_look(right):
    neutron, xray, grid, moving, true = right
    clicked = grid.position([[8, 12, 15], [30, 25, 10], [18, 8, 28], [25, 30, 30]])
    rough = true(clicked) + np.random.default_rng(3).normal(0, grid.spacing[0], clicked.shape)
    again = register(neutron, xray, grid, moving, RegistrationOptions(turns="none"), pairs=(clicked, rough))
    assert distance(again.transform, true, grid) < 0.5


def test_upside_down_needs_any_turn():
    neutron, xray, grid, moving, true = pair(11)
    flipped = np.ascontiguousarray(xray[::-1, ::-1])  # a half turn about x
    upside = Similarity.about(turn(180, 2), 1.0, moving.centre, moving.centre).after(true)
    again = register(neutron, flipped, grid, moving, RegistrationOptions(turns="any"))
    assert distance(again.transform, upside, grid) < 0.5


def test_slices_and_unknown_voxels():
    neutron, xray = (volume[20:21] for volume in (microstructure(64, 11).neutron, microstructure(64, 11).xray))
    grid, moving = Grid.cubic(neutron.shape), Grid.cubic((1, 120, 120))
    true = Similarity.about(turn(-128), 1.7, grid.centre, moving.centre + np.array([0, 3.0, -2.0]))
    seen, _ = resample(xray, grid, true.inverse(), moving)
    found = register(neutron, seen, grid, moving, unit="px", comparable=False)
    assert distance(found.transform, true, grid) < 0.5
    assert found.matrix[0][1:] == (0, 0)  # stays in the plane


def test_a_slice_against_a_volume_is_refused(right):
    neutron, xray, _, moving, _ = right
    with pytest.raises(FewviewError, match="1 slices"):
        register(neutron[:1], xray, Grid.cubic((1, SIZE, SIZE)), moving)


def test_empty_volume_is_refused(right):
    neutron, xray, grid, moving, _ = right
    with pytest.raises(FewviewError, match="X-ray volume is empty"):
        register(neutron, np.zeros_like(xray), grid, moving)


def test_closing_the_generator_stops_the_thread(right):
    neutron, xray, grid, moving, _ = right
    steps = registration_steps(neutron, xray, grid, moving)
    shares = []
    for step in steps:
        shares.append(step.share)
        if step.stage.startswith("start 1"):
            break
    steps.close()
    assert shares == sorted(shares)
    assert not [thread for thread in threading.enumerate() if thread.name == "registration"]


def test_a_search_that_takes_long_can_be_stopped_in_the_middle_of_it(right, monkeypatch):
    """Who steps through it gets a step, and so can close it, also while there is no new pose to tell."""
    neutron, xray, grid, moving, _ = right
    heard = []

    def patient(*arguments):
        stop = arguments[5]
        for _ in range(500):
            if stop():
                heard.append(True)
                raise Stopped
            time.sleep(0.02)
        return [(0.0, arguments[2])]

    monkeypatch.setattr(sys.modules[registration_steps.__module__], "candidates", patient)
    steps = registration_steps(neutron, xray, grid, moving)
    shares = [next(steps).share for _ in range(3)]
    steps.close()
    assert heard and shares == [0.02] * 3


def test_the_search_looks_at_the_stop_flag_at_each_look(right):
    neutron, xray, grid, moving, _ = right
    low = Body.of(neutron, grid).reduced(20), Body.of(xray, moving).reduced(32)
    asked = []

    def stop():
        asked.append(True)
        return len(asked) > 40

    with pytest.raises(Stopped):
        candidates(*low, first_pose(*low, same_unit=True), "none", 1, stop, 0)
    assert len(asked) == 41


def test_pairs_give_the_similarity_exactly():
    rng = np.random.default_rng(0)
    true = Similarity.of(turn(40) @ turn(20, 1), 1.3, [1, 2, 3])
    points = rng.normal(size=(5, 3))
    found = from_pairs(points, true(points))
    assert np.allclose(found.matrix, true.matrix) and np.allclose(found.translation, true.translation)
    flat = np.array([[0, 1.0, 2.0], [0, 5.0, -3.0]])
    plane = Similarity.of(turn(-30), 0.8, [0, 4, 5])
    assert np.allclose(from_pairs(flat, plane(flat)).matrix, plane.matrix)
    with pytest.raises(FewviewError, match="line"):
        from_pairs([[0, 0, 0], [1, 1, 1], [2, 2, 2]], [[0, 0, 0], [1, 1, 1], [2, 2, 2]])
    with pytest.raises(FewviewError, match="too few"):
        from_pairs(points[:2], true(points[:2]))
    with pytest.raises(FewviewError, match="same features"):
        from_pairs(points[:4], true(points[:3]))


def test_transform_algebra():
    one = Similarity.of(turn(25) @ turn(5, 2), 1.2, [1, -2, 3])
    two = Similarity.of(turn(-70, 1), 0.7, [0, 5, 1])
    points = np.random.default_rng(1).normal(size=(4, 3))
    assert np.allclose(two.after(one)(points), two(one(points)))
    assert np.allclose(one.inverse()(one(points)), points)


def test_grid_of_a_binned_slab_lies_where_its_pixels_lay():
    binned = Grid.cubic((3, 10, 10), 2.0, first_row=4, bin=2)  # unbinned pixels of 1
    assert np.allclose(binned.position([0, 0, 0]), [4.5, 0.5, 0.5])


def test_resampling_to_coarser_voxels_does_not_alias():
    stripes = np.zeros((1, 64, 64), np.float32)
    stripes[:, :, ::2] = 1  # above what voxels of 4 can show
    values, _ = resample(stripes, Grid.cubic(stripes.shape), Similarity.of(np.eye(3), 1, [0, 0, 0]),
                         Grid((1, 16, 16), (1, 4, 4)), order=1)  # fmt: skip
    assert abs(values[0, 2:-2, 2:-2] - 0.5).max() < 0.05
