"""The unrolled network as a method: its stages, the mean over symmetries, what it says of foreign scans."""

import numpy as np
import pytest
import torch

from fewview.errors import FewviewError
from fewview.methods import get_method
from fewview.methods.interface import Problem
from fewview.methods.presets import preset_options
from fewview.methods.size import Size
from fewview.methods.supervised.posterior import spread_factor
from fewview.methods.trained_range import outside_training
from fewview.models.unrolled import Unrolled, UnrolledConfig
from fewview.models.weights import find_weights, load_unrolled, save_network
from fewview.operators import fan_beam, parallel_beam
from fewview.quality import psnr
from fewview.simulate import Simulation, simulate

METHOD = get_method("unrolled")
TINY = UnrolledConfig(stages=2, early=(8, 16), last=(8, 16), early_blocks=(1, 1), last_blocks=(1, 1))
FOR = {"views": [4, 128], "arc_deg": [150, 360], "counts_behind": [100, None], "side_px": [16, 128]}


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    net = Unrolled(TINY)
    for unet in net.nets:
        torch.nn.init.normal_(unet.head.weight, std=0.02)
    save_network(net, tmp_path / "net.safetensors", {"trained_for": FOR})
    return str(tmp_path / "net.safetensors")


def _all(problem, **options):
    return [(e.step, e.total, e.stage, e.volume.clone(), e) for e in METHOD.run(problem, METHOD.options(**options))]


def test_stages_then_positions_then_the_data(problem, weights):
    views, disc = problem
    steps = _all(views, weights=weights)
    assert [s[0] for s in steps] == sorted(s[0] for s in steps) and steps[-1][0] == steps[-1][1] == 4
    assert [s[2] for s in steps[1:4]] == ["start", "stage 1", "stage 2"]
    assert steps[-1][2] == "data step" and steps[-1][3].min() >= 0
    assert steps[-1][4].scalars["data_residual"] < 0.3
    assert (steps[-1][3] - disc).square().mean() < 0.1 * disc.square().mean()
    assert "outside_training" not in steps[-1][4].chosen


def test_the_mean_over_symmetries_has_no_orientation(problem, weights):
    """Of a measurement that itself has none: views every 90 degrees, a disc in the middle."""
    _, disc = problem
    A = parallel_beam(np.arange(4) * np.pi / 2, columns=32)
    views = Problem(A, A(disc))
    mean = _all(views, weights=weights, positivity=False)[-1][3]
    once = _all(views, weights=weights, positivity=False, symmetries=False)[-1][3]
    off = [float((v - v.rot90(1, (1, 2))).abs().max() / v.abs().max()) for v in (mean, once)]
    assert off[0] < 1e-4 < 1e-2 < off[1]


def test_a_fan_is_reconstructed_by_the_same_network(problem, weights):
    """Nothing in it knows the beam but the operator; the positions are exact for any geometry."""
    _, disc = problem
    A = fan_beam(np.arange(24) * np.pi / 12, columns=48, grid=32, pixel=1.5, sod=80.0, sdd=120.0)
    assert A.volume.voxel == pytest.approx(1.0)
    views = Problem(A, A(disc))
    last = _all(views, weights=weights, samples=1, steps=3)[-1]
    assert (last[3] - disc).square().mean() < 0.1 * disc.square().mean()
    assert last[4].scalars["data_residual"] < 0.3 and last[4].extra["std"].mean() > 0
    assert "outside_training" not in last[4].chosen


def test_nothing_measured_gives_nothing(problem, weights):
    views, _ = problem
    empty = Problem(views.operator, torch.zeros_like(views.data))
    assert _all(empty, weights=weights)[-1][3].abs().max() == 0


def test_a_scan_unlike_the_training_is_said(problem, weights):
    _, disc = problem
    A = parallel_beam(np.arange(3) * np.pi / 12, columns=32)
    said = _all(Problem(A, A(disc)), weights=weights)[-1][4].chosen["outside_training"]
    assert len(said) == 2 and "3 views" in said[0] and "4 to 128" in said[0] and "45 degrees" in said[1]


def test_counts_width_and_pixels_count_too():
    A = parallel_beam(np.arange(12) * np.pi / 12, columns=300, pixel=0.1)
    card = {"trained_for": {**FOR, "pixel_mm": [0.05, 0.05]}}
    said = outside_training(card, A, 0.2)
    assert [s.split()[0] for s in said] == ["About", "The", "The"]
    assert "25 counts" in said[0] and "100 or more" in said[0] and "300 pixels" in said[1] and "0.1 mm" in said[2]
    assert outside_training({}, A, 0.2) == []
    assert len(outside_training(card, A, 2000.0)) == 2, "values on an arbitrary scale count nothing"


def test_other_weights_are_refused(problem, tmp_path):
    with pytest.raises(FewviewError, match="no weights"):
        _all(problem[0], weights=str(tmp_path / "none.safetensors"))
    with pytest.raises(FewviewError, match="unrolled network"):
        _all(problem[0], weights="materials")


def test_missing_weights_say_how_to_get_them():
    reason = METHOD.missing()
    assert reason is None or "fewview train unrolled" in reason


def test_samples_bring_their_standard_deviation(problem, weights):
    views, disc = problem
    plain = _all(views, weights=weights, symmetries=False)[-1]
    drawn = _all(views, weights=weights, symmetries=False, samples=2, steps=3)
    assert drawn[-1][0] == drawn[-1][1] == 4 + 2 * 3 and torch.equal(drawn[-1][3], plain[3])
    std = drawn[-1][4].extra["std"]
    assert std.shape == disc.shape and 0 < std.mean() < disc.max()
    assert "std" not in drawn[4][4].extra and not plain[4].extra


def test_the_spread_is_widened_by_what_the_card_says(problem, weights, tmp_path):
    torch.manual_seed(0)
    plain = _all(problem[0], weights=weights, symmetries=False, samples=1, steps=3)[-1][4]
    wide = tmp_path / "wide.safetensors"
    save_network(load_unrolled(weights), wide, {"spread_factor": {"16": 1.0, "36": 2.0}}, torch.float32)
    drawn = _all(problem[0], weights=str(wide), symmetries=False, samples=1, steps=3)[-1][4]
    assert plain.chosen["spread_factor"] == 1 and drawn.chosen["spread_factor"] == 1.5  # 24 of 64 pixels: half way
    assert torch.allclose(drawn.extra["std"], 1.5 * plain.extra["std"], rtol=1e-4)
    card = {"spread_factor": {"8": 1.2, "32": 1.4}}
    assert [spread_factor(card, views, 64) for views in (4, 8, 64)] == [1.2, 1.2, 1.4]
    assert spread_factor(card, 64, 512) == 1.2 and spread_factor(card, 64, 128) == 1.4  # views count by pixels


def test_many_slices_are_turned_one_position_after_the_other(problem, weights, monkeypatch):
    from fewview.methods.supervised import unrolled

    together = _all(problem[0], weights=weights)
    monkeypatch.setattr(unrolled, "TOGETHER", 6)
    apart = _all(problem[0], weights=weights)
    assert [s[2] for s in apart[1:7]] == [
        "start",
        "stage 1",
        "stage 2",
        "6 of 8 positions",
        "8 of 8 positions",
        "data step",
    ]
    torch.testing.assert_close(apart[-1][3], together[-1][3], rtol=1e-3, atol=1e-6)


def test_the_shipped_network_beats_cgls_on_a_microstructure_that_it_never_saw():
    """Of a test seed, measured by other line integrals; and it fits the file that the package may hold."""
    done = simulate(Simulation(size=64, depth=4, views=16, xray_views=0, seed=4))
    truth = torch.from_numpy(done.truth_neutron)
    counts = torch.from_numpy(done.neutron.projections.astype(np.float32)).swapaxes(0, 1)
    open_beam = torch.from_numpy(done.neutron.flats.astype(np.float32)).mean(dim=0)[:, None]
    dark = torch.from_numpy(done.neutron.darks.astype(np.float32)).mean(dim=0)[:, None]
    seen = ((counts - dark) / (open_beam - dark)).clamp(min=1e-3)
    A = parallel_beam(np.arange(16) * np.pi / 16, columns=64, pixel=done.pixel)
    views = Problem(A, -seen.log(), seen / seen.mean())
    volumes = {
        name: list(get_method(name).run(views, get_method(name).options()))[-1].volume for name in ("unrolled", "cgls")
    }
    assert psnr(volumes["unrolled"], truth) > psnr(volumes["cgls"], truth) + 1
    assert find_weights("unrolled-materials").stat().st_size < 8e6


def test_fine_tuning_is_kept_where_held_out_views_gain_enough(problem, weights, monkeypatch):
    """A network of random weights has much to learn of a disc; no truth is needed, and the file stays as it is."""
    from fewview.methods.supervised import finetune

    views, disc = problem
    net = load_unrolled(weights)
    for unet in net.nets:
        torch.nn.init.normal_(unet.head.weight, std=0.1)
    save_network(net, find_weights(weights), {"trained_for": FOR})
    before = find_weights(weights).read_bytes()
    monkeypatch.setattr(finetune, "RATE", 0.1)
    monkeypatch.setattr(finetune, "ENOUGH", 0.02)
    alone = _all(views, weights=weights, symmetries=False)[-1]
    tuned = _all(views, weights=weights, symmetries=False, finetune=12)[-1]
    chosen = tuned[4].chosen
    assert chosen["finetuned"] > 0 and 0.5 > chosen["finetune_gain"] > 0.02
    assert [step for step, _ in chosen["finetune_curve"]] == [0, 4, 8, 12]
    assert psnr(tuned[3], disc) > psnr(alone[3], disc) + 0.5
    assert find_weights(weights).read_bytes() == before
    again = _all(views, weights=weights, symmetries=False, finetune=12)[-1]
    assert torch.equal(again[3], tuned[3])
    monkeypatch.setattr(finetune, "ENOUGH", 0.5)
    little = _all(views, weights=weights, symmetries=False, finetune=12)[-1]
    assert little[4].chosen["finetuned"] == 0 and torch.equal(little[3], alone[3])


def test_of_few_views_pixels_are_hidden_and_of_many_whole_views():
    from fewview.methods.supervised.finetune import HIDDEN, _hidden

    random = torch.Generator().manual_seed(0)
    many = _hidden(torch.zeros(2, 20, 30), random)
    assert torch.equal(many, many[:1, :, :1].expand_as(many)) and int(many[0, :, 0].sum()) == round(20 * HIDDEN)
    few = _hidden(torch.zeros(40, 4, 100), random)
    assert 0.8 * HIDDEN < float(few.double().mean()) < 1.2 * HIDDEN and not bool(few.all(dim=2).any())


def test_what_gains_nothing_is_undone(problem, weights, monkeypatch):
    from fewview.methods.supervised import finetune

    monkeypatch.setattr(finetune, "RATE", 10.0)  # every step goes astray
    alone = _all(problem[0], weights=weights, symmetries=False)[-1]
    tuned = _all(problem[0], weights=weights, symmetries=False, finetune=4)[-1]
    assert tuned[4].chosen["finetuned"] == 0 and torch.equal(tuned[3], alone[3])


def test_presets_change_what_a_run_does():
    """The number of steps alone, which other methods scale, would change nothing without samples."""
    assert preset_options(METHOD, "draft") == {"symmetries": False}
    assert preset_options(METHOD, "best") == {"finetune": 24}
    assert preset_options(get_method("unrolled-x"), "best") == {"finetune": 24}


def test_positions_that_are_reconstructed_together_take_memory():
    one, all_eight = METHOD.options(symmetries=False), METHOD.options()
    few, many = Size(2, 16, 128, 128), Size(16, 16, 128, 128)
    assert METHOD.beside(all_eight, few) - METHOD.beside(one, few) > 7 * 2 * few.image  # both slices, seven times more
    assert METHOD.beside(all_eight, many) == METHOD.beside(one, many)
