"""Weights are safe before it is measured what they are good for."""

import pytest

from fewview.cli.train_unrolled import carry_out
from fewview.errors import Interrupted
from fewview.models.prior import DiffusionPrior
from fewview.models.unet import UNetConfig
from fewview.models.weights import load_prior, read_card, save_network
from fewview.training.measuring import Measuring


@pytest.fixture
def prior():
    return DiffusionPrior(UNetConfig(channels=(8,), blocks=(1,), embedding=8))


@pytest.mark.parametrize("stopped_at", [1, 2])
def test_a_stop_while_figures_are_measured_keeps_weights_and_says_so(tmp_path, prior, capsys, stopped_at):
    def train():
        (tmp_path / "state.safetensors").write_text("state")
        return tmp_path / "state.safetensors"

    def export(folder, path, report):
        card = {"steps": 3}
        tell = Measuring(prior, path, card, 2, report)
        for part, name in enumerate(("first", "second"), start=1):
            tell(name)
            if part == stopped_at:
                raise KeyboardInterrupt
            card[name] = 20.0
        save_network(prior, path, card)

    with pytest.raises(Interrupted, match=r"The weights are in .*w\.safetensors; their card lacks"):
        carry_out(train, tmp_path, "w.safetensors", export)
    said = capsys.readouterr().out
    assert said.index("figures for the card are measured") < said.index("measuring for the card, 1 of 2: first")
    card = read_card(tmp_path / "w.safetensors")
    assert card["measuring"] == f"stopped at part {stopped_at} of 2" and card["steps"] == 3
    assert ("first" in card) == (stopped_at == 2) and "second" not in card
    assert load_prior(tmp_path / "w.safetensors").config == prior.config


def test_a_stop_before_weights_are_there_speaks_of_none(tmp_path):
    (tmp_path / "state.safetensors").write_text("state")

    def train():
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as stopped:
        carry_out(train, tmp_path, "w.safetensors", lambda folder, weights, report: None)
    assert "The weights" not in str(stopped.value)
