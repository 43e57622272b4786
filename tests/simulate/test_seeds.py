"""Training, validation and test share no seed."""

import itertools

import pytest

from fewview.simulate.seeds import TEST, TRAIN, VALIDATION, nth, split_of
from fewview.training.validate import validation_images


def test_the_ranges_are_disjoint():
    for a, b in itertools.combinations((TEST, VALIDATION, TRAIN), 2):
        assert a.stop <= b.start or b.stop <= a.start


def test_split_of_knows_both_ends_and_refuses_the_gap():
    assert [split_of(s) for s in (0, 99_999, 100_000, 199_999, 1_000_000)] == [
        "test",
        "test",
        "validation",
        "validation",
        "train",
    ]
    for seed in (-1, 200_000, 2**31):
        with pytest.raises(ValueError, match="in no split"):
            split_of(seed)


def test_nth_stays_inside_its_split():
    assert split_of(nth("validation", 7)) == "validation"
    with pytest.raises(IndexError):
        nth("test", 100_000)


def test_validation_draws_from_validation_seeds_alone(monkeypatch):
    from fewview.training import validate

    drawn = []
    make = validate.MAKERS["generic"]
    monkeypatch.setitem(validate.MAKERS, "generic", lambda seed, size: drawn.append(seed) or make(seed, size))
    validation_images("generic", count=3, size=64)
    assert {split_of(seed) for seed in drawn} == {"validation"}
