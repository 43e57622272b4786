"""Rows of their own: other options, wrong X-ray volumes; and what each cell tells beside PSNR."""

import json
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fewview.benchmark import network_clock
from fewview.benchmark.network_clock import NetworkClock
from fewview.benchmark.quality import run as quality
from fewview.benchmark.quality import xray as quality_xray
from fewview.benchmark.quality.cell import measure_cell
from fewview.benchmark.quality.data import Sample
from fewview.benchmark.quality.rows import Rows, balanced, row_name, summed_up
from fewview.benchmark.quality.variant import variants
from fewview.benchmark.quality.xray import CONTROLS, Exposed, auxiliary, displaced, xray
from fewview.cli.main import run as command
from fewview.errors import OptionError
from fewview.methods import Estimate, Method
from fewview.options import Options, option
from fewview.quality import coverage, psnr

TINY = {
    "data": ["ellipses"],
    "sizes": [32],
    "views": [6],
    "counts": [2000.0],
    "volumes": 1,
    "seeds": 1,
    "slices": 2,
    "say": lambda line: None,
}


class GuidedOptions(Options):
    """Options of a method that looks at the X-ray volume."""

    gain: float = option(1.0, "Gain", "Of the X-ray volume.")
    blind: bool = option(False, "Blind", "Whether the neutron image is hidden from the guide.")


def guided(problem, options):
    """The X-ray volume, as the volume."""
    volume = problem.auxiliary * options.gain * (2.0 if options.blind else 1.0)
    yield Estimate(volume, 1, 1, extra={"std": volume.abs()})


GUIDED = Method(
    name="guided", title="Guided", family="diffusion", summary="", source="", options=GuidedOptions, solve=guided,
    needs=frozenset({"aux"}),
)  # fmt: skip


@pytest.fixture
def with_guided(monkeypatch):
    from fewview.methods import get_method

    def find(name):
        return GUIDED if name == "guided" else get_method(name)

    for place in ("benchmark.quality.variant.get_method", "benchmark.quality.run.get_method"):
        monkeypatch.setattr(f"fewview.{place}", find)
    monkeypatch.setattr("fewview.runs.slabs.require_method", lambda name, options: find(name))


def test_settings_make_rows_of_their_own(tmp_path):
    path = tmp_path / "quality.json"
    quality.run(path, methods=["cgls", "fbp"], **TINY)
    quality.run(path, methods=["cgls"], settings={"iterations": 3}, **TINY)
    quality.run(path, methods=["cgls"], settings={"iterations": 3}, label="short", **TINY)
    rows = quality.run(path, methods=["sirt"], preset="draft", **TINY)
    assert [row["label"] for row in rows] == ["cgls", "fbp", "cgls iterations=3", "cgls short", "sirt draft"]
    assert rows[0]["settings"] == {} and rows[2]["settings"] == rows[3]["settings"] == {"iterations": 3}
    assert rows[2]["psnr"] == rows[3]["psnr"] != rows[0]["psnr"]
    assert rows[4]["settings"].keys() == {"iterations"}
    assert json.loads(path.read_text()) == rows


def test_values_are_kept_as_the_options_have_them():
    (one,) = variants(["d3ip"], {"trust": 1, "steps": "3"})
    assert one.settings == {"trust": 1.0, "steps": 3}
    assert one.label == "d3ip trust=1.0 steps=3"
    for settings in ({"stepz": 3}, {"steps": 0}):
        with pytest.raises(OptionError, match="step"):
            variants(["d3ip"], settings)
    with pytest.raises(OptionError, match="no preset 'quick'"):
        variants(["d3ip"], preset="quick")


def test_rows_of_before_there_were_settings(tmp_path):
    path = tmp_path / "quality.json"
    (row,) = quality.run(path, methods=["cgls"], **TINY)
    old = {key: value for key, value in row.items() if key not in ("label", "settings")}
    for cell in old["cells"]:
        del cell["coverage90"], cell["network_share"], cell["first_seconds"]
    path.write_text(json.dumps([old]))
    asked = []
    (kept,) = quality.run(path, methods=["cgls"], **TINY | {"say": asked.append})
    assert not asked  # it is there already
    assert (kept["label"], kept["settings"]) == ("cgls", {})
    assert summed_up(kept, kept["cells"])["coverage90"] is None


def test_controls_are_for_methods_that_take_an_xray_volume(with_guided):
    rows = quality.run(None, methods=["guided", "fbp"], controls=CONTROLS, **TINY)
    assert [row_name(row) for row in rows] == [
        "guided", *(f"guided ({control})" for control in CONTROLS[1:]), "fbp"
    ]  # fmt: skip
    by_name = {row["control"]: row for row in rows if row["method"] == "guided"}
    # The method shows the X-ray volume that it got: the range of the wrong ones tells that they are wrong.
    truth = Sample("ellipses", 32, 2).case(0, 0, 6, 2000.0).reference
    got = {name: auxiliary(Exposed("ellipses", 32, 2, 0, 0, 2000.0), name) for name in CONTROLS}
    for name, row in by_name.items():
        shown = got[name] * (2 if name == "no-neutron" else 1)
        assert row["psnr"] == pytest.approx(psnr(shown, truth), abs=1e-3), name
    assert rows[-1]["control"] == "none"


def test_data_without_xray_are_left_out(with_guided):
    said = []
    rows = quality.run(None, methods=["guided"], **TINY | {"data": ["tooth"], "say": said.append})
    assert rows == []
    assert "left out: There is no X-ray volume of 'tooth'" in said[0]


def test_the_xray_volume_is_a_reconstruction_of_the_sample():
    sample = quality_xray.grown("microstructure", 64, 2, 0)[0]
    right, other = (xray(Exposed("microstructure", 64, 2, volume, 0, 2000.0)) for volume in (0, 1))
    truth = sample.truth(80)
    assert right.shape == truth.shape
    assert psnr(right, truth) > 25 > 20 > psnr(other, truth)
    assert not np.array_equal(right, truth)
    assert np.array_equal(right, xray(Exposed("microstructure", 64, 2, 0, 0, 2000.0)))
    assert not np.array_equal(right, xray(Exposed("microstructure", 64, 2, 0, 1, 2000.0)))  # other noise
    assert psnr(xray(Exposed("microstructure", 64, 2, 0, 0, None)), truth) > psnr(right, truth)


def test_the_shell_has_its_measured_xray():
    right, wrong = (auxiliary(Exposed("shell", 68, 1, 0, 0, None), control) for control in ("none", "other"))
    import tifffile

    shipped = np.asarray(tifffile.imread(quality_xray.FOLDER / "shell_xray.tif"), np.float64).squeeze()
    assert np.allclose(right[0], shipped.reshape(68, 4, 68, 4).mean(axis=(1, 3)), atol=1e-6)
    assert np.percentile(wrong, 99.9) == pytest.approx(np.percentile(right, 99.9), rel=1e-5)
    assert abs(np.corrcoef(right.ravel(), wrong.ravel())[0, 1]) < 0.6


def test_displacements():
    image = np.zeros((1, 33, 33), np.float32)
    image[0, 16, 26] = 1
    for control, pixels in (("shift1", 1), ("shift4", 4)):
        assert displaced(image, control)[0, 16, 26 + pixels] == pytest.approx(1)
    for degrees in (1, 3):
        turned = displaced(image, f"turn{degrees}")[0]
        y, x = (float((turned * grid).sum() / turned.sum()) for grid in np.mgrid[:33, :33])
        assert abs(np.degrees(np.arctan2(16 - y, x - 16))) == pytest.approx(degrees, abs=0.2)
    assert np.array_equal(displaced(image, "none"), image)


def test_an_unknown_control():
    with pytest.raises(OptionError, match="no control 'mirrored'"):
        quality.run(None, methods=["fbp"], controls=["mirrored"], **TINY)


def test_other_settings_do_not_cut_the_comparison():
    plain = {"label": "a", "settings": {}, "control": "none", "method": "a", "views": 8, "counts": None}
    plain |= {"data": "ellipses", "size": 32, "device": "cpu", "slices": 1}
    cell = {"ssim": None, "heldout_error": 0.1, "seconds": 1.0, "peak_memory_mb": None, "network_calls": None}
    cells = [{"volume": v, "seed": 0, "psnr": 20.0 + v, **cell} for v in range(3)]
    first, second = summed_up(plain, cells), summed_up(plain | {"label": "b", "method": "b"}, cells[:2])
    short = summed_up(plain | {"label": "a draft", "settings": {"steps": 1}}, cells[1:])
    wrong = summed_up(plain | {"control": "zeroed"}, cells[2:])
    assert [len(row["cells"]) for row in balanced([first, second, short, wrong])] == [2, 2, 1, 1]


def test_a_cell_tells_coverage_and_first_estimate(with_guided):
    sample = Sample("ellipses", 32, 2)
    case, aux = sample.case(0, 0, 6, None), sample.auxiliary(0, 0, None, "none")
    cell = measure_cell("guided", case, 0, auxiliary=aux)
    assert cell["coverage90"] == pytest.approx(coverage(aux, np.abs(aux), case.reference), abs=1e-4)
    assert 0 < cell["first_seconds"] <= cell["seconds"]
    assert cell["network_share"] is None
    assert measure_cell("fbp", case, 0)["coverage90"] is None


@pytest.fixture
def sleep(monkeypatch):
    """Sleeping takes no time but moves the clock of the networks: how busy the machine is must not matter."""
    now = [0.0]

    def pass_by(seconds):
        now[0] += seconds

    monkeypatch.setattr(network_clock, "time", SimpleNamespace(process_time=lambda: now[0]))
    monkeypatch.setattr(time, "sleep", pass_by)
    return pass_by


class Slow(torch.nn.Module):
    """A network that takes its time, forward and backward."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.inner = torch.nn.Identity()

    def forward(self, x):
        time.sleep(0.05)
        return Sleepy.apply(self.inner(x) * self.weight)


class Sleepy(torch.autograd.Function):
    """The identity with a slow gradient."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        time.sleep(0.1)
        return gradient


def test_the_clock_counts_passes_through_networks(sleep):
    network, x = Slow(), torch.ones(3)
    with NetworkClock() as clock, torch.no_grad():
        network(x)
        sleep(0.2)
    assert clock.seconds == pytest.approx(0.05)
    with NetworkClock() as clock:
        loss = (network(x) ** 2).sum()
        sleep(0.2)
        loss.backward()
    assert clock.seconds == pytest.approx(0.15)
    assert clock.by_network == {"Slow": clock.seconds}
    before = clock.seconds
    network(x)
    assert clock.seconds == before  # it is off


def test_the_clock_counts_every_gradient_step_of_an_adaptation(sleep):
    network, x = Slow(), torch.ones(3)
    with NetworkClock() as clock:
        for passes in range(1, 4):
            (network(x) ** 2).sum().backward()
            assert clock.seconds == pytest.approx(passes * 0.15)  # 0.05 forward, 0.1 back


def work(seconds):
    """Keep the processor busy: what sleeps costs it nothing."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def test_seconds_are_those_of_the_processor():
    began = network_clock.seconds_on("cpu")
    time.sleep(0.3)
    assert network_clock.seconds_on("cpu") - began < 0.2
    work(0.05)
    assert network_clock.seconds_on("cpu") - began >= 0.05


def test_the_share_of_the_network_in_a_run(monkeypatch):
    from fewview.runs import slabs as reconstruction

    def run(problem, options):
        network = Slow()
        with torch.no_grad():
            for step in range(2):
                network(problem.data)
                time.sleep(0.05)
                yield Estimate(torch.zeros(len(problem.data), 32, 32), step + 1, 2)

    method = Method("slow", "Slow", "diffusion", "", "", Options, run)
    monkeypatch.setattr(reconstruction, "require_method", lambda name, options: method)
    monkeypatch.setattr(time, "sleep", work)
    cell = measure_cell("slow", Sample("ellipses", 32, 2).case(0, 0, 6, None), 0)
    assert 0.1 <= cell["network_share"] * cell["seconds"] <= cell["seconds"] - 0.1
    assert cell["guide_share"] is None


def test_two_processes_write_into_one_file(tmp_path):
    path = tmp_path / "quality.json"
    code = (
        "import sys; from pathlib import Path; from fewview.benchmark.quality import run as quality\n"
        f"quality.run(Path({str(path)!r}), data=['ellipses'], methods=[sys.argv[1]], views=[4, 5, 6, 7], sizes=[16],"
        " counts=[None], volumes=2, seeds=1, slices=1)"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, name], stdout=subprocess.DEVNULL) for name in ("fbp", "cgls")]
    assert [one.wait() for one in both] == [0, 0]
    rows = list(Rows(path))
    assert {(row["method"], row["views"]) for row in rows} == {(m, v) for m in ("fbp", "cgls") for v in (4, 5, 6, 7)}
    assert all(len(row["cells"]) == 2 for row in rows)


def test_the_flags(tmp_path, capsys):
    path = tmp_path / "quality.json"
    text = "--data ellipses --methods cgls --views 4 --size 16 --counts none --volumes 1 --seeds 1 --slices 1"
    flags = text.split()
    assert command(["benchmark", "quality", "--json", str(path), *flags, "--set", "iterations=3"]) == 0
    assert command(["benchmark", "quality", "--json", str(path), *flags, "--preset", "draft", "--label", "d"]) == 0
    assert command(["benchmark", "quality", "--json", str(path), *flags, "--controls", "all"]) == 0
    assert [row["label"] for row in json.loads(path.read_text())] == ["cgls iterations=3", "cgls d", "cgls"]
    capsys.readouterr()
    assert command(["benchmark", "quality", "--json", str(path), *flags, "--again", "--minutes", "1e-9"]) == 0
    assert "stopped" in capsys.readouterr().out
    for wrong, says in (("--controls x", "'x'"), ("--set iterations", "--set"), ("--preset x", "'x'")):
        assert command(["benchmark", "quality", *flags, *wrong.split()]) == 2
        assert says in capsys.readouterr().err
