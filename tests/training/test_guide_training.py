"""Training of a guide: lessons, degraded X-ray slices, the loss, and both networks from start to card."""

import json

import numpy as np
import pytest
import torch

from fewview.errors import FewviewError
from fewview.models.guide import BLIND, START, Guide, Opinion, load_guide
from fewview.models.prior import DiffusionPrior
from fewview.models.unet import UNetConfig
from fewview.models.weights import read_card, save_network
from fewview.training import guide as training
from fewview.training import guide_validate
from fewview.training.guide import Batch, GuideTraining, draw_lessons, guide_loss, new_guide, train_guide
from fewview.training.guide_export import export_guide
from fewview.training.guide_lessons import GuideLesson, Lessons, latest_guide, make_lesson, paired_slices
from fewview.training.guide_pairs import DEPTH, plain_pair, recoloured
from fewview.training.guide_xray import OTHER, ZEROED, blurred, degraded, moved

TINY = UNetConfig(channels=(8, 16), blocks=(1, 1), embedding=16)
SIDE = 64


def disks(shift=0):
    yy, xx = np.mgrid[:SIDE, :SIDE]
    return torch.tensor(((yy - 30) ** 2 + (xx - 30 - shift) ** 2 < 300).astype(np.float32))


@pytest.fixture
def prior():
    torch.manual_seed(0)
    return DiffusionPrior(TINY).eval().requires_grad_(False)


@pytest.fixture
def lessons():
    """Estimates that are off, beside X-ray slices that tell the truth."""
    made = []
    for k in range(4):
        clean = disks(k)[None]
        generator = torch.Generator().manual_seed(k)
        x = clean + 0.3 * torch.randn(3, 1, SIDE, SIDE, generator=generator)
        made.append(GuideLesson(x, torch.tensor([START, 0.5, 0.2]), clean, torch.stack([0.5 * clean, 0.5 * clean])))
    return made


def test_a_lesson_pairs_each_image_with_the_level_of_its_data_step(prior):
    clean = disks()[None]
    lesson = make_lesson(prior, clean, 0.5 * clean, np.random.default_rng(3))
    assert lesson.x.shape[1:] == clean.shape and len(lesson.x) == len(lesson.sigma) >= 3
    assert lesson.sigma[0] == START and bool((lesson.sigma[1:].diff() < 0).all())
    assert lesson.xray.shape == (2, 1, SIDE, SIDE) and not torch.equal(lesson.xray[0], lesson.xray[1])
    # The prior has learnt nothing, but the data pull the images to the answer.
    error = (lesson.x - lesson.clean).square().mean(dim=(1, 2, 3))
    assert float(error.max()) < float(lesson.clean.square().mean())


def test_what_a_guide_says_decides_what_it_is_shown_next(prior):
    clean = disks()[None]

    class Knows(Guide):
        def forward(self, x, xray, sigma):
            return Opinion(torch.full_like(x, 0.5), torch.full_like(x, -12.0))

    alone, guided = (make_lesson(prior, clean, clean, np.random.default_rng(8), g) for g in (None, Knows()))
    assert float((guided.x[-1] - 0.5).abs().mean()) < 0.3 * float((alone.x[-1] - 0.5).abs().mean())


def test_a_prior_that_looks_at_neighbours_runs_with_them_and_teaches_a_guide():
    torch.manual_seed(0)
    wide = DiffusionPrior(TINY.model_copy(update={"slices": 3})).eval().requires_grad_(False)
    seen = []
    wide.register_forward_hook(lambda net, given, out: seen.append(given[0]))
    clean = torch.stack([disks(k) for k in (0, 8, 16)])
    lesson = make_lesson(wide, clean, 0.5 * clean, np.random.default_rng(3))
    neighbours = torch.cat(seen)
    assert neighbours.shape[1:] == (3, SIDE, SIDE)
    torch.testing.assert_close(neighbours[0, 0], neighbours[0, 1])  # the first slice of a stack, and its edge
    assert not torch.equal(neighbours[0, 1], neighbours[0, 2])
    guide = Guide.from_prior(wide).requires_grad_(True)
    batch = draw_lessons([lesson], 2, 32, np.random.default_rng(0))
    loss = guide_loss(guide(batch.x, batch.xray, batch.sigma), batch)
    loss.backward()
    assert torch.isfinite(loss) and float(guide.net.head.weight.grad.abs().max()) > 0


def test_pairs_stay_pairs():
    block = np.random.default_rng(0).random((5, SIDE, SIDE)).astype(np.float32)
    neutron, xray = paired_slices((block, 2 * block), 3, np.random.default_rng(1))
    ratio = xray / neutron
    torch.testing.assert_close(ratio, torch.full_like(ratio, float(ratio[0, 0, 0])))
    assert len({float(image.sum()) for image in neutron}) == 3


def test_lessons_survive_the_disk(lessons, tmp_path):
    lessons[0].save(tmp_path / "lesson-1.safetensors")
    again = GuideLesson.load(tmp_path / "lesson-1.safetensors")
    torch.testing.assert_close(again.x.float(), lessons[0].x, atol=1e-3, rtol=1e-3)
    assert torch.equal(again.clean.float(), lessons[0].clean)


def test_blur_keeps_the_sum_and_misregistration_is_small_and_often_none():
    image = torch.zeros(SIDE, SIDE)
    image[32, 32] = 1.0
    assert float(blurred(image, 1.0).sum()) == pytest.approx(1.0, abs=1e-5)
    rng, places = np.random.default_rng(0), []
    grid = torch.arange(SIDE, dtype=torch.float32)
    spot = blurred(image, 2.0)
    for _ in range(200):
        at = moved(spot, rng)
        places.append(float((at.sum(0) * grid).sum() / at.sum()) - 32)
    size = np.abs(places)
    assert 0.3 < (size < 1e-3).mean() < 0.5
    assert 0.5 < size.max() < 6 and (size > 2.2).mean() < 0.05


def test_degraded_slices_still_show_the_sample():
    rng, image = np.random.default_rng(0), disks()
    for _ in range(20):
        out = degraded(image, rng)
        assert torch.isfinite(out).all()
        assert float(torch.corrcoef(torch.stack([out.reshape(-1), image.reshape(-1)]))[0, 1]) > 0.7


def test_recoloured_pairs_keep_edges_and_air_and_lose_the_relation_of_grey_values():
    rng = np.random.default_rng(0)
    neutron = torch.zeros(SIDE, SIDE)
    neutron[10:50, 10:50], neutron[20:30, 20:30], neutron[35:45, 20:40] = 0.4, 0.9, 0.6
    rising = []
    for _ in range(200):
        image = recoloured(0.8 * neutron, neutron, rng)
        assert float(image[neutron == 0].abs().max()) == 0 and 0.99 < float(image.max()) < 1.01
        for value in (0.4, 0.6, 0.9):
            assert float(image[neutron == value].std()) < 1e-5
        rising.append(bool(image[25, 25] > image[40, 30]))
    assert 0.3 < np.mean(rising) < 0.95


def test_plain_pairs_are_of_one_object():
    alike = []
    for seed in range(8):
        neutron, xray = plain_pair(np.random.default_rng(seed), SIDE)
        assert neutron.shape == xray.shape == (DEPTH, SIDE, SIDE)
        assert min(neutron.min(), xray.min()) >= 0 and max(neutron.max(), xray.max()) <= 1.5
        edges = [np.hypot(*np.gradient(image[0])) > 0.1 for image in (neutron, xray)]
        alike.append((edges[0] & edges[1]).sum() / max(1, min(e.sum() for e in edges)))
    assert np.median(alike) > 0.5


def test_draws_hold_missing_and_foreign_slices_and_missing_estimates(lessons):
    batch = draw_lessons(lessons, 600, 32, np.random.default_rng(0))
    assert batch.x.shape == batch.xray.shape == batch.clean.shape == (600, 1, 32, 32)
    zeroed = (batch.xray.abs().amax(dim=(1, 2, 3)) == 0).float().mean()
    assert float(zeroed) == pytest.approx(ZEROED, abs=0.05)
    blind = batch.sigma == BLIND
    assert 0 < int(blind.sum()) < 60 and float(batch.x[blind].abs().max()) == 0
    assert 0 < OTHER < 0.2


def test_the_variance_is_the_squared_error_and_does_not_weigh_the_mean():
    clean = torch.zeros(1, 1, 4, 4)
    batch = Batch(torch.ones_like(clean), clean, clean, torch.ones(1))
    mean = torch.full_like(clean, 0.2, requires_grad=True)
    best = torch.full_like(clean, float(np.log(0.04)), requires_grad=True)
    guide_loss(Opinion(mean, best), batch).backward()
    torch.testing.assert_close(best.grad, torch.zeros_like(clean), atol=1e-7, rtol=0)
    first = mean.grad.clone()
    mean.grad = None
    guide_loss(Opinion(mean, torch.full_like(clean, -9.0)), batch).backward()
    torch.testing.assert_close(mean.grad, first)


@pytest.fixture
def workshop(monkeypatch, tmp_path, lessons, prior):
    """A folder with lessons in it and nothing that runs beside; a prior of a few weights."""
    save_network(prior, tmp_path / "tiny.safetensors", {})
    for index, lesson in enumerate(lessons):
        for copy in range(2):
            (tmp_path / "run" / "lessons").mkdir(parents=True, exist_ok=True)
            lesson.save(tmp_path / "run" / "lessons" / f"lesson-{index}{copy}.safetensors")
    monkeypatch.setattr(Lessons, "start", lambda self: None)
    monkeypatch.setattr(training.Pool, "start", lambda self: None)
    for module in (training, __import__("fewview.training.guide_export", fromlist=["x"])):
        monkeypatch.setattr(module, "validation_lessons", lambda folder, prior, kind: lessons[:2])

    def options(**values):
        small = {"minutes": 0.03, "batch": 2, "crop": 32, "device": "cpu", "prior": str(tmp_path / "tiny.safetensors")}
        return GuideTraining.parse({**small, **values})

    return tmp_path / "run", options


@pytest.mark.parametrize("network", ["ours", "pix2pix"])
def test_it_trains_resumes_and_exports(workshop, network):
    folder, options = workshop
    given = {"network": network, "width": 4, "downs": 5}
    train_guide(options(**given), folder, report=lambda _: None)
    first = json.loads((folder / "curve.json").read_text())[-1]
    said = []
    train_guide(options(**given, minutes=0.05), folder, report=said.append)
    assert said[0].startswith(f"resumed at step {first['step']}")
    assert json.loads((folder / "curve.json").read_text())[-1]["step"] > first["step"]
    weights = folder / "guide.safetensors"
    export_guide(folder, weights)
    guide, card = load_guide(weights), read_card(weights)
    assert guide.config.network == network
    assert set(card["psnr_db"]["start"]) == {"before", "right", "zeroed", "other", "shifted"}
    assert (latest_guide(folder) is not None) == (network == "ours" and guide.config == Guide().config)


def test_it_starts_from_another_guide(workshop, prior, tmp_path):
    _, options = workshop
    given = Guide.from_prior(prior)
    torch.nn.init.normal_(given.net.head.weight)
    save_network(given, tmp_path / "given.safetensors", {}, torch.float32)
    start = new_guide(options(start=str(tmp_path / "given.safetensors")))
    torch.testing.assert_close(start.net.head.weight, given.net.head.weight)
    assert all(weights.requires_grad for weights in start.parameters())
    with pytest.raises(FewviewError, match="not of the network pix2pix"):
        new_guide(options(start=str(tmp_path / "given.safetensors"), network="pix2pix"))


def test_the_loss_teaches_to_look_at_the_xray_slice(prior):
    torch.manual_seed(0)
    lessons = []
    for _ in range(6):  # the estimate tells nothing
        clean = torch.rand(1, 8, 8).round().repeat_interleave(8, 1).repeat_interleave(8, 2)
        x = 0.5 + 0.3 * torch.randn(3, 1, SIDE, SIDE)
        lessons.append(GuideLesson(x, torch.tensor([START, 0.5, 0.2]), clean, torch.stack([clean, clean])))
    guide, rng = Guide.from_prior(prior).requires_grad_(True), np.random.default_rng(0)
    optimizer = torch.optim.Adam(guide.parameters(), lr=1e-2)
    for _ in range(80):
        batch = draw_lessons(lessons, 4, 32, rng)
        optimizer.zero_grad()
        guide_loss(guide(batch.x, batch.xray, batch.sigma), batch).backward()
        optimizer.step()
    figures = guide_validate.guide_psnr(guide.eval(), lessons[:2])
    for stage in ("start", "first", "last"):
        assert figures[stage]["right"] > figures[stage]["before"] + 2
        assert figures[stage]["right"] > figures[stage]["zeroed"] + 1


def test_a_folder_without_a_training_cannot_be_exported(tmp_path):
    with pytest.raises(FewviewError, match="holds no training"):
        export_guide(tmp_path, tmp_path / "guide.safetensors")
