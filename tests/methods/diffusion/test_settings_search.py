"""The settings search: what is asked, and that an answer other than the default needs clearly better predictions."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fewview.methods import get_method
from fewview.methods.diffusion.settings_trial import SettingsTrial, TrialResult


@pytest.fixture
def problem(make_problem):
    return replace(make_problem(views=12, grid=32, slices=2, noise=0.01, pixel=0.05), seed=3)


def asked(monkeypatch, problem, errors, **values):
    """What is chosen where the trial of a trust has such an error, and with which trusts there were trials."""
    tried = []

    def run(self, options, guide=None):
        tried.append(options.trust)
        yield self.picture.estimate(1, 1, "")
        scatter = 1 + 0.1 * np.arange(3)
        return TrialResult(errors[options.trust] * scatter, torch.zeros(1, *self.first.shape))

    monkeypatch.setattr(SettingsTrial, "run", run)
    method = get_method("d3ip")
    tuning = method.tuned(problem, method.options.parse({"prior": "generic", "beside_share": 0.0, **values}))
    while True:
        try:
            next(tuning)
        except StopIteration as end:
            return end.value, tried


@pytest.mark.parametrize(("error", "trust"), [(1.0, 0.7), (0.9, 1.2), (1.1, 0.7)])
def test_the_network_is_believed_more_where_held_out_views_are_clearly_better_predicted(
    monkeypatch, problem, error, trust
):
    settled, tried = asked(monkeypatch, problem, {0.7: 1.0, 1.2: error})
    assert tried == [0.7, 1.2]
    assert settled.options.trust == settled.chosen["trust"] == trust
    assert dict(settled.chosen["trust_curve"]) == pytest.approx({0.7: 1.1, 1.2: 1.1 * error})


@pytest.mark.parametrize("given", [{"trust": 0.5}, {"gamma": 3.0}, {"consistency": "cg"}])
def test_what_is_given_or_means_nothing_is_not_asked(monkeypatch, problem, given):
    settled, tried = asked(monkeypatch, problem, dict.fromkeys((0.5, 0.7, 1.0, 1.2), 1.0), **given)
    assert len(tried) <= 1 and "trust_curve" not in settled.chosen
    assert settled.options.undecided() == []
