"""Intervals and paired differences against known numbers, and whether intervals hold what they say."""

import numpy as np
import pytest

from fewview.benchmark.statistics import mean_interval, paired


def one_seed(values):
    return {(volume, 0): value for volume, value in enumerate(values)}


def test_against_the_table_of_students_t():
    interval = mean_interval(one_seed([1.0, 2.0, 3.0]))
    assert interval.mean == 2.0 and interval.n == 3
    assert interval.high - 2.0 == pytest.approx(4.3027 / np.sqrt(3), rel=1e-4)
    assert 2.0 - interval.low == pytest.approx(4.3027 / np.sqrt(3), rel=1e-4)


@pytest.mark.parametrize("volumes", [2, 3, 8])
def test_of_a_hundred_intervals_ninety_five_hold_the_mean(volumes):
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(2000):
        of_volumes = rng.normal(1.0, 1.0, volumes)
        values = {(v, s): of_volumes[v] + rng.normal(0, 0.3) for v in range(volumes) for s in range(2)}
        interval = mean_interval(values)
        held += interval.low <= 1.0 <= interval.high
    assert held / 2000 == pytest.approx(0.95, abs=0.02)


def test_seeds_of_one_volume_are_not_volumes():
    # Eight seeds that agree: as sure as two values, not as sixteen.
    values = {(volume, seed): float(volume) for volume in range(2) for seed in range(8)}
    assert mean_interval(values)[:3] == mean_interval(one_seed([0.0, 1.0]))[:3]


def test_a_single_volume_says_nothing_of_the_spread_of_volumes():
    assert mean_interval({(0, 0): 7.0}) == (7.0, None, None, 1)
    assert mean_interval({(4, 0): 1.0, (4, 1): 3.0}) == (2.0, None, None, 2)


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
