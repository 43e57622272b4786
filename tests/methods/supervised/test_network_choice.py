"""Which of the shipped unrolled networks reconstructs a scan: held-out views say."""

import numpy as np
import pytest
import torch

from fewview.methods import get_method
from fewview.methods.interface import Problem
from fewview.methods.supervised import network_choice
from fewview.methods.supervised.network_choice import available, predicted
from fewview.models.unrolled import Unrolled, UnrolledConfig
from fewview.models.weights import save_network
from fewview.operators import parallel_beam

METHOD = get_method("unrolled")
TINY = UnrolledConfig(stages=2, early=(8, 16), last=(8, 16), early_blocks=(1, 1), last_blocks=(1, 1))


@pytest.fixture
def networks(tmp_path, monkeypatch):
    """One that changes next to nothing of a least-squares image, and one that makes noise of it."""
    paths = {}
    for name, std in (("mild", 0.005), ("wild", 0.5)):
        torch.manual_seed(0)
        net = Unrolled(TINY)
        for unet in net.nets:
            torch.nn.init.normal_(unet.head.weight, std=std)
        paths[name] = str(tmp_path / f"{name}.safetensors")
        save_network(net, tmp_path / f"{name}.safetensors", {})
    return paths


@pytest.fixture(scope="module")
def problem():
    across = torch.arange(32) - 15.5
    disc = (across[:, None] ** 2 + across**2 < 100).float().repeat(2, 1, 1) * 0.02
    A = parallel_beam(np.arange(12) * np.pi / 12, columns=32)
    return Problem(A, A(disc))


@pytest.mark.parametrize("order", [("mild", "wild"), ("wild", "mild")])
def test_the_network_that_predicts_held_out_views_better_is_taken(networks, problem, monkeypatch, order):
    monkeypatch.setattr(network_choice, "NETWORKS", tuple(networks[name] for name in order))
    settled = METHOD.settle(problem, METHOD.options())
    assert settled.options.weights == networks["mild"] and "weights" in settled.chosen
    errors = dict(settled.chosen["weights_curve"])
    assert errors[networks["mild"]] < errors[networks["wild"]]
    assert not settled.options.undecided()


def test_of_two_that_are_alike_the_first_is_kept(networks, problem, monkeypatch):
    monkeypatch.setattr(network_choice, "NETWORKS", (networks["mild"], networks["mild"]))
    assert METHOD.settle(problem, METHOD.options()).options.weights == networks["mild"]


def test_a_network_that_is_not_there_is_not_asked(networks, problem, monkeypatch, tmp_path):
    missing = str(tmp_path / "missing.safetensors")
    monkeypatch.setattr(network_choice, "NETWORKS", (missing, networks["wild"]))
    assert available() == (networks["wild"],)
    settled = METHOD.settle(problem, METHOD.options())
    assert settled.options.weights == networks["wild"] and "weights_curve" not in settled.chosen
    monkeypatch.setattr(network_choice, "NETWORKS", (missing,))
    assert available() == (missing,)  # the run then says what is missing


def test_a_network_that_is_named_is_not_asked_about(networks, problem):
    settled = METHOD.settle(problem, METHOD.options(weights=networks["wild"]))
    assert settled.options.weights == networks["wild"] and "weights" not in settled.chosen


def test_what_is_predicted_was_not_given(problem):
    """A run that answers with the truth errs by nothing; one that answers with air by all of the held-out views."""
    across = torch.arange(32) - 15.5
    disc = (across[:, None] ** 2 + across**2 < 100).float() * 0.02
    seen = []

    def answer(factor):
        def run(given):
            from fewview.methods.interface import Estimate

            seen.append(given.operator.views)
            yield Estimate(disc.repeat(len(given.data), 1, 1) * factor, 1, 1, "done")

        return run

    telling = predicted(problem, {"truth": answer(1.0), "air": answer(0.0)}, "asking")
    while True:
        try:
            assert next(telling).stage == "asking"
        except StopIteration as end:
            errors = end.value
            break
    assert seen == [9, 9] and errors["truth"].shape == errors["air"].shape == (3,)
    assert errors["truth"].max() < 1e-10 and errors["air"].min() > 0.01
