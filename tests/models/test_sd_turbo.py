"""SD-Turbo as a slice fixer, end to end on a tiny model of its shape with random weights: nothing is downloaded."""

import json

import numpy as np
import pytest
import torch

from fewview.methods.interface import Problem
from fewview.methods.repair.methods import DIFFNR_NAF
from fewview.models.fixer import FixerCondition, load_fixer
from fewview.models.sd_turbo.base import load_base
from fewview.models.sd_turbo.fixer import SDTurboFixer
from fewview.models.sd_turbo.weights import held_bytes, load_sd_turbo
from fewview.models.weights import WeightsError, save_network
from fewview.operators import parallel_beam
from fewview.training import fixer as training
from fewview.training.fixer_export import export_fixer
from fewview.training.fixer_pairs import FixerPair, write_pair


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model as ``save_pretrained`` writes it."""
    diffusers = pytest.importorskip("diffusers", reason="diffusers (extra [sd-turbo]) is not installed")
    pytest.importorskip("peft", reason="peft (extra [sd-turbo]) is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers (extra [sd-turbo]) is not installed")
    folder = tmp_path_factory.mktemp("base") / "tiny-turbo"
    torch.manual_seed(0)
    diffusers.AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        sample_size=32,
    ).save_pretrained(folder / "vae")
    diffusers.UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(16, 32),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=32,
        attention_head_dim=8,
        norm_num_groups=8,
    ).save_pretrained(folder / "unet")
    diffusers.DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear").save_pretrained(
        folder / "scheduler"
    )
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)] + [","]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(words)}))
    (folder / "tokenizer" / "merges.txt").write_text("#version: 0.2\n")
    config = transformers.CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        bos_token_id=0,
        eos_token_id=1,
    )
    transformers.CLIPTextModel(config).save_pretrained(folder / "text_encoder")
    return folder


@pytest.fixture
def condition():
    torch.manual_seed(1)
    column = torch.linspace(-1, 1, 24).expand(24, 24)
    columns = torch.stack([column, column.T]).expand(3, -1, -1, -1)
    rows, heights = torch.rand(3, 2, 24, 24), torch.linspace(-1, 1, 3)
    return FixerCondition("sand", torch.rand(1, 2, 3, 24), rows, columns, heights, torch.full((3,), 0.1))


@pytest.fixture
def trained(folder):
    """As if trained: no adapter is what it starts as."""
    fixer = SDTurboFixer(load_base(folder)).eval()
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in (one for one in fixer.parameters() if one.requires_grad):
            parameter.add_(0.1 * torch.randn_like(parameter)).copy_(parameter.half())  # as it will be stored
    return fixer.requires_grad_(False)


def test_untrained_it_is_the_base(folder, condition):
    x = torch.rand(3, 1, 32, 32)
    base = load_base(folder)
    image = 2 * x.expand(-1, 3, -1, -1) - 1
    with torch.no_grad():
        latent = base.vae.encode(image).latent_dist.mode() * base.vae.config.scaling_factor
        text = base.text("remove the artifacts from this CT slice, sand").expand(3, -1, -1)
        noise = base.unet(latent, 999, encoder_hidden_states=text).sample
        clean = (latent - (1 - base.signal) ** 0.5 * noise) / base.signal**0.5
        wanted = base.vae.decode(clean / base.vae.config.scaling_factor).sample.mean(dim=1, keepdim=True)
        torch.testing.assert_close(SDTurboFixer(base)(x, condition), (wanted + 1) / 2, atol=1e-3, rtol=1e-3)


def test_every_condition_is_heard(trained, condition):
    from dataclasses import replace

    x = torch.rand(3, 1, 24, 24)
    plain = trained(x, condition)
    assert plain.shape == x.shape
    for other in (
        {"prompt": ""},
        {"projections": condition.projections.flip(2)},
        {"height": condition.height.flip(0)},
        {"damage": condition.damage * 5},
    ):
        assert not torch.allclose(trained(x, replace(condition, **other)), plain, atol=1e-6)


def test_all_adapters_are_saved_and_come_back(trained, condition, tmp_path):
    names = set(trained.state_dict())
    assert {name.split(".")[0] for name in names} == {"unet", "vae", "skips", "biplanar"}
    assert {"unet.conv_in.weight", "unet.conv_in.bias"} <= names
    assert all("lora" in n or n.startswith("unet.conv_in.") for n in names if n.startswith(("unet.", "vae.")))
    path = tmp_path / "own.safetensors"
    save_network(trained, path, {"licence": "BSD-3-Clause"})
    x = torch.rand(3, 1, 24, 24)
    torch.testing.assert_close(load_fixer(path)(x, condition), trained(x, condition))


def test_memory_of_the_base_and_of_a_slice_is_foreseen(trained, folder, tmp_path):
    path = tmp_path / "own.safetensors"
    save_network(trained, path, {})
    base = load_base(folder)
    parts = (base.vae, base.unet, base.text_encoder)
    frozen = 4 * sum(parameter.numel() for part in parts for parameter in part.parameters())
    assert frozen < held_bytes(path) < 1.1 * frozen + 4 * 10 * 8 * 32**2
    half = [(folder / part / f"{name}.safetensors") for part, name in (("unet", "diffusion_pytorch_model"),)]
    copies = [file.with_name(f"{file.stem}.fp16.safetensors") for file in half]
    before = held_bytes(path)
    for file, copy in zip(half, copies, strict=True):
        copy.write_bytes(file.read_bytes())
    try:
        assert held_bytes(path) == before  # the same values once more, in another precision
    finally:
        for copy in copies:
            copy.unlink()


def test_a_base_that_is_gone_or_another_one_is_told(trained, folder, tmp_path):
    path = tmp_path / "own.safetensors"
    save_network(trained, path, {})
    folder.rename(folder.with_name("moved"))
    try:
        with pytest.raises(WeightsError, match="is not there"):
            load_sd_turbo(path)
        (tmp_path / folder.name).symlink_to(folder.with_name("moved"))  # beside the adapters it is found
        assert load_sd_turbo(path).config.unet_rank == trained.config.unet_rank
    finally:
        folder.with_name("moved").rename(folder)
    trained.config = trained.config.model_copy(update={"fingerprint": "another"})
    save_network(trained, path, {})
    with pytest.raises(WeightsError, match="another model"):
        load_sd_turbo(path)


def test_a_folder_that_is_no_model_is_told(tmp_path):
    with pytest.raises(WeightsError, match="no folder tokenizer, text_encoder"):
        load_base(tmp_path)


def test_the_command_trains_adapters_for_a_base(folder, condition, monkeypatch, tmp_path):
    from fewview.cli.main import run

    clean = torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(3))
    (tmp_path / "pool").mkdir()
    for count in range(8):
        write_pair(tmp_path / "pool" / f"generic-{count}.npz", FixerPair(clean, clean + 0.1, condition))
    few = {"generic fbp": [FixerPair(clean, clean + 0.1, condition)]}
    monkeypatch.setattr(training, "validation_pairs", lambda folder: few)
    monkeypatch.setattr("fewview.training.fixer_export.validation_pairs", lambda folder: few)
    monkeypatch.setattr(training.BackgroundProcess, "start", lambda self: None)
    asked = ["train", "fixer", "--base", str(folder), "-o", str(tmp_path), "--minutes", "0.01", "--device", "cpu"]
    assert run([*asked, "--set", "batch=2"]) == 0
    assert isinstance(load_fixer(tmp_path / "fixer.safetensors"), SDTurboFixer)


def test_it_is_trained_resumed_exported_and_used(folder, condition, monkeypatch, tmp_path):
    clean = torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(3))
    pair = FixerPair(clean, clean + 0.1, condition)
    (tmp_path / "pool").mkdir()
    for count in range(8):
        write_pair(tmp_path / "pool" / f"generic-{count}.npz", pair)
    few = {"generic fbp": [pair]}
    monkeypatch.setattr(training, "validation_pairs", lambda folder: few)
    monkeypatch.setattr("fewview.training.fixer_export.validation_pairs", lambda folder: few)
    monkeypatch.setattr(training.BackgroundProcess, "start", lambda self: None)
    options = training.SDTurboTraining(base=str(folder), minutes=0.03, batch=2, device="cpu", rate=1e-2)
    before = SDTurboFixer(load_base(folder)).state_dict()
    training.train_fixer(options, tmp_path, tmp_path / "pool", report=lambda line: None)
    lines = []
    training.train_fixer(options.taking({"minutes": 0.04}), tmp_path, tmp_path / "pool", report=lines.append)
    assert any("resumed at step" in line for line in lines)
    export_fixer(tmp_path, tmp_path / "turbo.safetensors")
    fixer = load_fixer(tmp_path / "turbo.safetensors")
    card = json.loads((tmp_path / "turbo.json").read_text())
    assert card["psnr_db"] == training.fixer_psnr(fixer, few) and str(folder) not in json.dumps(card)
    after = fixer.state_dict()
    for part in ("unet.conv_in.weight", "skips.0.weight", "biplanar.answer.weight"):
        assert not torch.allclose(after[part], before[part], atol=1e-5), part
    A = parallel_beam(np.arange(4) * np.pi / 4, columns=24)
    settings = {"fixer": str(tmp_path / "turbo.safetensors"), "steps": 2, "warm_up": 0.0, "repairs": 1}
    settings |= {"smoothness": 0.0, "start": "fbp", "stop": False, "refuse": False, "last_repair": False}
    *_, end = DIFFNR_NAF.run(Problem(A, A(clean), None), DIFFNR_NAF.options.parse(settings))
    assert end.chosen["repairs_made"] == 1 and torch.as_tensor(end.extra["repair"]).abs().max() > 0
    for part in ("unet", "vae"):  # the second factors started at zero
        grown = [value.abs().max() for name, value in after.items() if name.startswith(part) and "lora_B" in name]
        assert all(value > 0 for value in grown) and grown
