"""What a run of a field is expected to take: it decides the bar and the time left."""

import math

import pytest

from fewview.methods import get_method
from fewview.methods.size import Size


def effort(name, problem, **values):
    method = get_method(name)
    return method.effort(problem, method.options(**values))


def test_a_wider_network_and_more_steps_take_longer(make_problem):
    problem = make_problem(views=16)
    narrow, wide = (effort("inr", problem, width=width, start="fbp", stop=False).solving for width in (64, 128))
    assert 3 < wide / narrow < 4.1  # what all weights cost, and the data steps beside
    short, long = (effort("naf", problem, steps=steps, start="fbp", stop=False).solving for steps in (30, 60))
    assert long / short == pytest.approx(2, rel=0.05)
    assert effort("naf", problem, smoothness=1e-3).tuning < effort("naf", problem).tuning / 10


@pytest.mark.parametrize("more", [{"repairs": 1}, {"repairs": 0, "last_repair": True}])
def test_repairs_take_their_time(make_problem, more):
    problem = make_problem(views=16)
    none = {"repairs": 0, "last_repair": False}
    bare = effort("diffnr-naf", problem, **none)
    assert bare.solving == pytest.approx(effort("naf", problem).solving)
    assert effort("diffnr-naf", problem, **none | more).solving > bare.solving


def test_the_field_of_dinr_takes_its_time_once_for_all_samples(make_problem):
    problem = make_problem(views=16, slices=2)

    def field(steps, samples):
        mine, plain = (
            effort(name, problem, steps=steps, samples=samples, prior="generic", beside_share=0.0).solving
            for name in ("dinr", "d3ip")
        )
        return mine - plain

    assert field(4, 8) == pytest.approx(field(4, 2))
    assert field(8, 2) - field(4, 2) == pytest.approx(field(12, 2) - field(8, 2))
    assert field(4, 2) > field(8, 2) - field(4, 2) > 0  # what it is fitted to first comes on top


def test_memory_of_gaussians_follows_their_number_and_how_many_are_born():
    method = get_method("r2gaussian")

    def bytes_held(**values) -> float:
        options = method.options(**values)
        size = Size(8, 32, 256, 256, "cpu", False)
        return method.held(options)[0] * 4 * 8 * 256**2 + method.beside(options, size)

    few, many = bytes_held(steps=2, stop=False), bytes_held(steps=300, stop=False)
    assert bytes_held(steps=2000, stop=False) == many  # twice as many as at first, at most
    occupied = math.pi / 4 * 8 * 256**2 / 16
    assert many - few == pytest.approx(4 * 155 * occupied, rel=0.01)
    assert bytes_held(count=2_000_000, steps=2, stop=False) > 4 * 155 * 2_000_000
