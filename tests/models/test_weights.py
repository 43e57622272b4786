"""Weights: found by name or path, checked, never pickled."""

import json

import pytest
import torch
from safetensors.torch import save_file

from fewview.models.prior import DiffusionPrior
from fewview.models.unet import UNetConfig
from fewview.models.weights import (
    SHIPPED,
    WeightsError,
    find_weights,
    load_prior,
    prior_reach,
    read_card,
    save_network,
    shipped_weights,
)

TINY = UNetConfig(channels=(8, 16), blocks=(1, 1), embedding=16)


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    prior = DiffusionPrior(TINY)
    torch.nn.init.normal_(prior.net.head.weight)
    path = tmp_path / "mine.safetensors"
    save_network(prior, path, {"trained_on": "nothing", "figures": {"0.1": 3.0}})
    return prior, path


def test_what_was_saved_is_loaded(saved):
    prior, path = saved
    loaded = load_prior(path)
    image = torch.rand(1, 1, 32, 32)
    assert loaded.config == TINY
    assert torch.allclose(loaded(image, 0.1), prior(image, 0.1), atol=5e-3)  # half precision on disk
    assert not any(p.requires_grad for p in loaded.parameters())


def test_the_card_lies_beside_it(saved):
    _, path = saved
    card = read_card(path)
    assert card["trained_on"] == "nothing" and len(card["sha256"]) == 64
    assert "Diffusion prior `mine`" in path.with_suffix(".md").read_text()


def test_changed_weights_are_refused(saved):
    _, path = saved
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="SHA-256"):
        load_prior(path)


def test_damaged_weights_without_a_card_are_refused(saved):
    _, path = saved
    path.with_suffix(".json").unlink()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WeightsError, match="cannot be read"):
        load_prior(path)


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model.ckpt", "model.bin"])
def test_pickles_are_refused_before_they_are_opened(tmp_path, name):
    path = tmp_path / name
    torch.save({"a": torch.ones(1)}, path)
    with pytest.raises(WeightsError, match="never read"):
        load_prior(path)


def test_a_pickle_in_disguise_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    torch.save({"a": torch.ones(1)}, path)
    with pytest.raises(WeightsError, match="cannot be read"):
        load_prior(path)


def test_foreign_safetensors_are_refused(tmp_path):
    save_file({"a": torch.ones(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="no diffusion prior"):
        load_prior(tmp_path / "other.safetensors")


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(WeightsError, match="no weights 'bricks'"):
        find_weights("bricks")


@pytest.mark.parametrize("name", ["generic", "materials"])
def test_shipped_priors_are_whole_and_beat_the_plain_denoisers(name):
    assert name in shipped_weights()
    prior = load_prior(name)
    assert sum(p.numel() for p in prior.parameters()) < 3e6
    card = json.loads((SHIPPED / f"{name}.json").read_text())
    own, others = card["denoising_psnr_db"][name], card["baselines_psnr_db"][name]
    for sigma, value in own.items():
        assert value > max(others["median"][sigma], others["tv"][sigma]), sigma
    image = torch.zeros(1, 1, 64, 64)
    image[..., 16:48, 16:48] = 0.6
    noisy = image + 0.1 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    seen = noisy.expand(-1, prior.config.slices, -1, -1)  # its own neighbours
    assert (prior(seen, 0.1) - image).square().mean() < 0.15 * (noisy - image).square().mean()


@pytest.mark.parametrize("card", ["{", "[1]"])
def test_a_damaged_card_is_told(saved, card):
    _, path = saved
    path.with_suffix(".json").write_text(card)
    with pytest.raises(WeightsError, match=r"mine\.json, the card of mine\.safetensors, is damaged"):
        load_prior(path)


def test_the_reach_of_damaged_weights_and_of_another_kind_is_refused(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"hello")
    with pytest.raises(WeightsError, match="cannot be read"):
        prior_reach(tmp_path / "bad.safetensors")
    with pytest.raises(WeightsError, match="holds no diffusion prior"):
        prior_reach(SHIPPED / "fixer.safetensors")


@pytest.mark.parametrize("config", ["", "{}", '{"tokens": 64}'])
def test_a_network_of_another_shape_than_its_header_says_is_refused(tmp_path, config):
    save_file({"a": torch.ones(1)}, tmp_path / "odd.safetensors", {"kind": "fewview.prior", "config": config})
    with pytest.raises(WeightsError, match="of a shape that this version"):
        load_prior(tmp_path / "odd.safetensors")
