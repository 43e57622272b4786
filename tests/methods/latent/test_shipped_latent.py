"""The shipped networks of two views, on a torso of a validation seed: other numbers of views, angles and beams."""

import numpy as np
import pytest

from fewview.methods import get_method
from fewview.methods.interface import Problem
from fewview.operators import fan_beam, parallel_beam
from fewview.quality import psnr
from fewview.simulate.seeds import nth
from fewview.training.latent_volumes import body

SIDE = 32
SHORT = {"samples": 2, "steps": 6, "rounds": 1}


@pytest.fixture(scope="module")
def torso():
    return body(SIDE, nth("validation", 300))[0]


def _psnr(torso, A):
    method = get_method("cls-dm")
    *_, last = method.run(Problem(A, A(torso)), method.options(**SHORT))
    assert last.chosen["answer"] == "network"
    return psnr(np.asarray(last.volume), torso.numpy())


@pytest.fixture(scope="module")
def of_two(torso):
    return _psnr(torso, parallel_beam(np.array([0.0, np.pi / 2]), SIDE, SIDE))


def _fan(views):
    return fan_beam(np.arange(views) * 2 * np.pi / views, SIDE, sod=4.0 * SIDE, sdd=6.0 * SIDE, pixel=1.5)


@pytest.mark.parametrize(
    "A",
    [
        parallel_beam(np.arange(3) * np.pi / 3, SIDE, SIDE),
        parallel_beam(np.array([0.2, 0.7, 1.9, 2.6]), SIDE, SIDE),
        parallel_beam(np.arange(8) * np.pi / 8, SIDE, SIDE),
        _fan(3),
        _fan(5),
    ],
    ids=["three", "four, uneven", "eight", "fan of three", "fan of five"],
)
def test_more_views_of_any_angles_and_beam_are_no_worse_than_two(torso, of_two, A):
    assert of_two > 22  # the mean torso has 21 dB
    assert _psnr(torso, A) > of_two
