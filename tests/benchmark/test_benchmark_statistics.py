"""Bootstrap intervals and paired differences against known numbers."""

import math

import numpy as np
import pytest

from fewview.benchmark.statistics import bootstrap, paired


def one_seed(values):
    return {(volume, 0): value for volume, value in enumerate(values)}


def test_two_values():
    # The means of two draws from {0, 1} are 0, 1/2 and 1 with probabilities 1/4, 1/2 and 1/4.
    interval = bootstrap(one_seed([0.0, 1.0]))
    assert interval == (0.5, 0.0, 1.0, 2)
    assert bootstrap(one_seed([0.0, 1.0]), level=0.4)[1:3] == (0.5, 0.5)


def test_many_values_give_the_normal_interval():
    values = np.random.default_rng(3).normal(30, 2, 200)
    interval = bootstrap(one_seed(values))
    error = 1.96 * values.std() / math.sqrt(len(values))
    assert interval.mean == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - error, abs=0.1 * error)
    assert interval.high == pytest.approx(values.mean() + error, abs=0.1 * error)


def test_seeds_of_one_volume_are_not_volumes():
    # Eight seeds that agree: as sure as two values, not as sixteen.
    values = {(volume, seed): float(volume) for volume in range(2) for seed in range(8)}
    assert bootstrap(values)[:3] == (0.5, 0.0, 1.0)


def test_seeds_of_a_single_volume_spread():
    interval = bootstrap({(4, 0): 1.0, (4, 1): 3.0})
    assert interval[:3] == (2.0, 1.0, 3.0)


def test_one_value_says_nothing_of_its_spread():
    assert bootstrap({(0, 0): 7.0}) == (7.0, None, None, 1)


def test_the_same_numbers_every_time():
    values = one_seed([20.0, 21.0, 23.5, 24.0])
    assert bootstrap(values) == bootstrap(dict(reversed(values.items())))


def test_pairing_takes_out_what_volumes_have_in_common():
    easy_and_hard = {(0, 0): 20.0, (1, 0): 30.0, (2, 0): 40.0}
    better = {key: value + 1.0 for key, value in easy_and_hard.items()}
    assert paired(better, easy_and_hard) == (1.0, 1.0, 1.0, 3)
    assert paired(easy_and_hard, better).mean == -1.0


def test_pairs_are_by_volume_and_seed_and_the_rest_is_left_out():
    first = {(0, 0): 5.0, (0, 1): 9.0, (7, 0): 100.0}
    second = {(0, 1): 4.0, (0, 0): 3.0, (8, 0): -100.0}
    difference = paired(first, second)
    assert difference.mean == pytest.approx((2.0 + 5.0) / 2)
    assert difference.n == 2
    assert paired({(0, 0): 1.0}, {(1, 0): 1.0}) is None
