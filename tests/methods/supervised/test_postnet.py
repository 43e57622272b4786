"""Supervised post-processing: one pass, then the data."""

import pytest
import torch

from fewview.methods import get_method
from fewview.methods.interface import Problem
from fewview.models.prior import DiffusionPrior
from fewview.models.unet import UNetConfig
from fewview.models.weights import save_network

METHOD = get_method("postnet")


@pytest.fixture
def weights(tmp_path):
    """An untrained network: at its start it shrinks images towards its mean."""
    torch.manual_seed(0)
    prior = DiffusionPrior(UNetConfig(channels=(8, 16), blocks=(1, 1), embedding=16, slices=3))
    save_network(prior, tmp_path / "net.safetensors", {})
    return str(tmp_path / "net.safetensors")


def _last(problem, **options):
    return list(METHOD.run(problem, METHOD.options(**options)))[-1]


def test_the_data_have_the_last_word(problem, weights):
    views, disc = problem
    network = _last(views, weights=weights, data_steps=0)
    fitted = _last(views, weights=weights)
    assert network.scalars["data_residual"] > 2 * fitted.scalars["data_residual"]
    assert (fitted.volume - disc).square().mean() < 0.5 * (network.volume - disc).square().mean()
    assert fitted.volume.min() >= 0 and fitted.scalars["network_calls"] == 1.0


def test_trust_follows_held_out_views(problem, weights):
    views, _ = problem
    chosen = _last(views, weights=weights).chosen
    curve = dict(chosen["trust_curve"])
    assert len(curve) > 3 and curve[chosen["trust"]] <= 1.05 * curve[1.0]


def test_nothing_measured_gives_nothing(problem, weights):
    views, _ = problem
    empty = Problem(views.operator, torch.zeros_like(views.data))
    assert _last(empty, weights=weights).volume.abs().max() == 0


def test_missing_weights_say_how_to_get_them():
    reason = METHOD.missing()
    assert reason is None or "fewview train prior" in reason


def test_progress_goes_one_way(problem, weights):
    views, _ = problem
    told = [(e.place, e.fraction) for e in METHOD.run(views, METHOD.options(weights=weights))]
    assert told == sorted(told) and told[-1] == ((3, 3), 1.0)
