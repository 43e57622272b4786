"""`fewview reconstruct`: what it writes, what it reports, how it stops and resumes."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from fewview.errors import OptionError
from fewview.io import read_volume, write_volume
from fewview.methods import get_method, method_names
from fewview.operators import parallel_beam
from fewview.quality import psnr, ssim
from fewview.runs import Recipe

AXIS = 17.0
CONTRACT = {
    "method", "options", "seconds", "peak_memory_mb", "steps", "device", "views", "axis", "psnr", "ssim",
    "heldout_error", "data_residual", "versions", "input_sha256",
}  # fmt: skip


def test_report_has_the_keys_of_the_contract(reconstruct, truth, tmp_path, scan_file):
    write_volume(tmp_path / "truth.npy", truth)
    volume, report = reconstruct(
        "--method", "cgls", "--set", "iterations=5", "--reference", "truth.npy", "--holdout", 0.1
    )
    assert report.keys() >= CONTRACT
    assert report["method"] == "cgls"
    assert report["options"]["iterations"] == 5
    assert report["steps"] == 5
    assert report["views"] == 40
    assert report["views_held_out"] == 4
    assert report["device"] == "cpu"
    assert report["axis"] == AXIS
    assert report["axis_origin"] == "given: by the user"
    assert report["psnr"] == pytest.approx(psnr(volume, truth))
    assert report["ssim"] == pytest.approx(ssim(volume, truth))
    assert 0 < report["data_residual"] < report["heldout_error"] < 1
    assert report["seconds"] > 0
    assert report["peak_memory_mb"] > 10
    assert report["versions"].keys() >= {"fewview", "python", "torch", "numpy"}
    import hashlib

    assert report["input_sha256"] == hashlib.sha256(scan_file.read_bytes()).hexdigest()
    assert report["unit"] == "per pixel"
    assert not report["stopped"]


def test_a_preset_sets_options_and_gives_way_to_those_that_are_set_by_name(reconstruct):
    _, report = reconstruct("--method", "sirt", "--preset", "draft")
    _, report_set = reconstruct("--method", "sirt", "--preset", "draft", "--set", "iterations=2")
    default = get_method("sirt").options().iterations
    assert report["options"]["iterations"] == round(0.3 * default) and report_set["options"]["iterations"] == 2


def test_without_reference_and_holdout_nothing_pretends(reconstruct):
    _, report = reconstruct("--method", "fbp")
    assert report["psnr"] is report["ssim"] is report["heldout_error"] is None


@pytest.mark.parametrize("name", ["out.npy", "out.tif", "out.h5", "out.zarr"])
def test_every_format_holds_volume_scale_unit_and_record(fewview, scan_file, tmp_path, name):
    done = fewview("reconstruct", scan_file, "-o", name, "--axis", AXIS, "--method", "fbp", "--pixel", 0.02)
    assert done.status == 0
    found = read_volume(tmp_path / name)
    assert found.values.shape == (4, 32, 32)
    assert found.voxel == pytest.approx(0.02)
    assert found.attrs["unit"] == "mm^-1"
    assert found.attrs["record"]["recipe"]["method"] == "fbp"
    assert "4 x 32 x 32, mm^-1" in done.out
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {name} | ({"out.npy.json"} if name == "out.npy" else set())


def test_values_in_mm(reconstruct):
    plain, _ = reconstruct("--method", "fbp")
    scaled, report = reconstruct("--method", "fbp", "--pixel", 0.02)
    np.testing.assert_allclose(scaled * 0.02, plain, atol=1e-5)
    assert report["unit"] == "mm^-1"
    assert report["geometry"]["pixel_mm"] == 0.02


def test_views_are_chosen_before_the_preparation(reconstruct):
    _, report = reconstruct("--method", "fbp", "--views", 10)
    assert report["views"] == 10
    assert len(report["angles_deg"]) == 10
    assert np.ptp(np.diff(report["angles_deg"])) < 1e-6


@pytest.mark.parametrize(("sign", "worthless"), [(1, False), (-1, True)])
def test_a_volume_no_better_than_an_empty_one_is_told(sign, worthless, fewview, truth, tmp_path):
    """Faint attenuation of the wrong sign, which a volume without negative values cannot explain."""
    angles = np.arange(10) * np.pi / 10
    A = parallel_beam(angles, columns=truth.shape[-1], axis=AXIS)
    np.save(tmp_path / "lines.npy", 0.1 * sign * A(torch.from_numpy(truth.astype(np.float32))).numpy().swapaxes(0, 1))
    beam = ("--kind", "attenuation", "--angles", "0:180", "--axis", AXIS)
    done = fewview("reconstruct", "lines.npy", "-o", "out.npy", *beam, "--method", "sirt", "--set", "iterations=5")
    assert done.status == 0
    assert ("no better than an empty one would: 100% of it is left." in done.out) == worthless


def test_rows_are_those_rows_of_the_whole(reconstruct):
    whole, _ = reconstruct("--method", "fbp")
    part, _ = reconstruct("--method", "fbp", "--rows", "1:3")
    np.testing.assert_allclose(part, whole[1:3], atol=1e-6)


def test_binning_moves_the_axis_along_and_reports_it_in_detector_columns(reconstruct):
    volume, report = reconstruct("--method", "fbp", "--bin", 2)
    assert volume.shape == (2, 16, 16)
    assert report["axis"] == AXIS
    assert report["geometry"]["axis"] == (AXIS - 0.5) / 2


def test_a_reference_of_the_whole_detector_is_cropped_and_binned_and_keeps_its_range(reconstruct, truth, tmp_path):
    truth = truth.copy()
    truth[3, 5, 5] = 0.2  # binning averages it away, and it lies in none of the rows
    write_volume(tmp_path / "truth.npy", truth)
    arguments = ("--method", "fbp", "--reference", "truth.npy")
    scale = float(np.ptp(truth))  # of the reference as it is given, whatever is reconstructed of it
    volume, report = reconstruct(*arguments, "--rows", "1:3")
    assert report["psnr"] == pytest.approx(psnr(volume, truth[1:3], value_range=scale))
    volume, report = reconstruct(*arguments, "--bin", 2)
    blocks = 2 * truth.reshape(2, 2, 16, 2, 16, 2).mean(axis=(1, 3, 5))  # per pixel, and the pixel is twice as large
    assert np.ptp(blocks) < 0.6 * 2 * scale and report["psnr"] > 25
    assert report["psnr"] == pytest.approx(psnr(volume, blocks, value_range=2 * scale), rel=1e-6)
    assert report["ssim"] == pytest.approx(ssim(volume, blocks, value_range=2 * scale), rel=1e-6)


def test_a_recipe_gives_the_same_volume_again(reconstruct, fewview, tmp_path):
    arguments = (
        "--method",
        "sirt",
        "--set",
        "iterations=4",
        "--views",
        12,
        "--rows",
        "0:2",
        "--prepare",
        "flat=median",
    )
    volume, report = reconstruct(*arguments)
    (tmp_path / "run.yaml").write_text("")
    Recipe.parse(report["recipe"]).save("run.yaml")
    for source in ("run.yaml", "report.json", "out.npy.json"):
        assert fewview("reconstruct", source, "-o", "again.npy").status == 0
        assert np.array_equal(np.load("again.npy"), volume), source
    assert fewview("reconstruct", "run.yaml", "-o", "other.npy", "--set", "iterations=5", "--rows", "0:1").status == 0
    assert np.load("other.npy").shape == (1, 32, 32)


def test_the_origin_of_an_axis_travels_with_the_recipe_until_another_one_is_given(fewview, scan_file):
    found = "found: Fourier consistency of mirrored views, confidence 0.99"
    Recipe(scan=str(scan_file), axis=AXIS, axis_origin=found, method="fbp").save("run.yaml")
    for flags, origin in (((), found), (("--axis", AXIS), "given: by the user")):
        done = fewview("reconstruct", "run.yaml", "-o", "out.npy", "--report", "report.json", *flags)
        assert done.status == 0
        assert json.loads(Path("report.json").read_text())["axis_origin"] == origin
    wrong = Recipe.load("run.yaml").compact() | {"axis_origin": "dreamt"}
    with pytest.raises(OptionError, match="begins with one of read, given"):
        Recipe.parse(wrong)


def test_copied_command_and_script_give_the_same_volume(reconstruct, fewview, tmp_path):
    import shlex

    write_volume(tmp_path / "other scan.npy", np.zeros((1, 8, 8)))
    arguments = ("--method", "sirt", "--set", "iterations=4", "--views", 12, "--bin", 2, "--holdout", 0.1, "--seed", 3)
    volume, report = reconstruct(*arguments, "--prepare", "flat=median", "--pixel", 0.1)
    recipe = Recipe.parse(report["recipe"])
    words = shlex.split(recipe.as_command("again.npy"))
    assert words[0] == "fewview"
    assert fewview(*words[1:]).status == 0
    assert np.array_equal(np.load("again.npy"), volume)
    exec(compile(recipe.as_python("script.npy"), "script", "exec"), {})
    assert np.array_equal(np.load("script.npy"), volume)
    assert read_volume(tmp_path / "script.npy").voxel == pytest.approx(0.2)


@pytest.fixture
def interrupt(monkeypatch):
    """Press Ctrl-C when the run shows its n-th estimate."""

    def at(count: int, number: int = signal.SIGINT) -> None:
        from fewview.cli import progress

        seen = []

        def show(self, estimate):
            seen.append(estimate)
            if len(seen) == count:
                signal.raise_signal(number)

        monkeypatch.setattr(progress.Progress, "show", show)

    return at


RESUMABLE = ["sirt", "sart", "cgls", "tv", "asd-pocs", "mbir"]


def test_every_resumable_method_is_tested_below():
    methods = [get_method(name) for name in method_names()]
    # Other toolboxes are not ours; fields tell of every fit, not of every step: tests/methods/fields stops them.
    elsewhere = ("external", "fields")
    own = [m.name for m in methods if m.resumable and m.missing() is None and not m.needs and m.family not in elsewhere]
    assert set(own) - {"fbp"} == set(RESUMABLE)


def small(name: str) -> list[str]:
    """Options that keep a run short: what "auto" would search is given."""
    given = {"iterations": 8, "weight": 0.01, "sharpness": 0}
    fields = get_method(name).options.model_fields
    return [word for key, value in given.items() if key in fields for word in ("--set", f"{key}={value}")]


@pytest.mark.parametrize("name", RESUMABLE)
def test_stopped_and_resumed_is_bit_equal(name, reconstruct, interrupt, tmp_path, monkeypatch):
    arguments = ("--method", name, *small(name), "--rows", "0:2")
    whole, report = reconstruct(*arguments)
    assert report["steps"] >= 4
    with monkeypatch.context():
        interrupt(3)
        kept, report = reconstruct(*arguments, output="cut.npy")
    assert report["stopped"]
    assert report["steps"] == 3 < report["steps_planned"]
    assert not np.array_equal(kept, whole)
    assert (tmp_path / "cut.npy.checkpoint").exists()
    interrupt(10**9)
    resumed, report = reconstruct(*arguments, "--resume", output="cut.npy")
    assert report["resumed"]
    assert np.array_equal(resumed, whole)
    assert not (tmp_path / "cut.npy.checkpoint").exists()


def test_the_kept_estimate_is_the_last_one_shown(reconstruct, monkeypatch):
    from fewview.cli import progress

    shown = []

    def show(self, estimate):
        shown.append(estimate.volume.copy())
        if len(shown) == 4:
            signal.raise_signal(signal.SIGTERM)  # what a batch system sends before it kills

    monkeypatch.setattr(progress.Progress, "show", show)
    kept, report = reconstruct("--method", "sirt", "--set", "iterations=50")
    assert len(shown) == 4
    assert np.array_equal(kept, shown[-1])
    assert report["stopped"]


def test_handlers_of_signals_are_put_back(reconstruct, interrupt):
    before = signal.getsignal(signal.SIGINT)
    interrupt(1)
    reconstruct("--method", "sirt", "--set", "iterations=5")
    assert signal.getsignal(signal.SIGINT) is before


def test_stopped_before_the_first_estimate(fewview, scan_file, tmp_path, monkeypatch):
    from fewview.cli import progress

    monkeypatch.setattr(
        progress.Progress,
        "say",
        lambda self, text: signal.raise_signal(signal.SIGINT) if text == "setting up" else None,
    )
    done = fewview("reconstruct", scan_file, "-o", "out.npy", "--axis", AXIS, "--method", "sirt")
    assert done.status == 130
    assert done.err.splitlines()[-1] == "Error: Stopped before the first estimate came; nothing was written."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("method", "goes_on"), [("sirt", True), ("astra-sirt", False)])
def test_a_stopped_run_says_what_it_kept_and_whether_it_goes_on(fewview, scan_file, interrupt, method, goes_on):
    if get_method(method).missing():
        pytest.skip("astra is not installed")
    interrupt(2)
    done = fewview("reconstruct", scan_file, "-o", "o.npy", "--axis", AXIS, "--method", method)
    assert done.status == 0 and "Traceback" not in done.err
    said = done.out.splitlines()[-1]
    assert said.startswith(f"Stopped before its end; o.npy holds {get_method(method).title}, stopped at")
    assert said.endswith("The same command with --resume goes on.") is goes_on


def test_interrupted_while_writing_says_so(fewview, scan_file, monkeypatch):
    from fewview.runs.result import Result

    def interrupted(self, path, bits):
        raise KeyboardInterrupt

    monkeypatch.setattr(Result, "write", interrupted)
    done = fewview("reconstruct", scan_file, "-o", "out.npy", "--axis", AXIS, "--method", "fbp")
    said = done.err.splitlines()[-1]
    assert done.status == 130
    assert said.startswith("Error: Interrupted while the result was being written: out.npy, or a volume beside it")


def test_resume_without_a_checkpoint_starts_at_the_beginning(fewview, scan_file):
    done = fewview("reconstruct", scan_file, "-o", "out.npy", "--axis", AXIS, "--method", "fbp", "--resume")
    assert done.status == 0
    assert "starting at the beginning" in done.err


def test_resume_of_another_run_is_refused(fewview, scan_file, reconstruct, interrupt):
    interrupt(2)
    reconstruct("--method", "sirt", "--set", "iterations=9")
    done = fewview(
        "reconstruct",
        scan_file,
        "-o",
        "out.npy",
        "--axis",
        AXIS,
        "--method",
        "sirt",
        "--set",
        "iterations=8",
        "--resume",
    )
    assert "options was {'iterations': '9'} and is now {'iterations': '8'}" in done.error


def test_a_checkpoint_that_cannot_be_written_does_not_end_the_run(reconstruct, monkeypatch):
    from fewview.errors import FewviewError
    from fewview.runs.checkpoint import Checkpointer

    def fail(self, estimate):
        raise FewviewError("The disk is full.", "Free some space.")

    monkeypatch.setattr(Checkpointer, "due", lambda self, estimate: True)
    monkeypatch.setattr(Checkpointer, "save", fail)
    _, report = reconstruct("--method", "sirt", "--set", "iterations=5")
    assert report["steps"] == 5


def test_checkpoints_on_the_way_change_nothing(reconstruct, monkeypatch):
    from fewview.runs.checkpoint import Checkpointer

    plain, _ = reconstruct("--method", "cgls", "--set", "iterations=6")
    monkeypatch.setattr(Checkpointer, "due", lambda self, estimate: estimate.step < estimate.total)
    saved, _ = reconstruct("--method", "cgls", "--set", "iterations=6")
    assert np.array_equal(plain, saved)


def test_plain_lines_when_not_on_a_terminal(fewview, scan_file):
    done = fewview(
        "reconstruct", scan_file, "-o", "out.npy", "--axis", AXIS, "--method", "sirt", "--set", "iterations=5"
    )
    lines = done.err.splitlines()
    assert lines[:3] == ["reading the scan", "preparing the projections", "setting up"]
    assert any("5/5" in line and "data_residual" in line for line in lines)
    assert "\x1b" not in done.err + done.out


def test_what_was_assumed_done_and_masked_is_told(fewview, tmp_path):
    rng = np.random.default_rng(0)
    lines = rng.random((12, 2, 24)).astype(np.float32)
    lines[3, 1, 5] = np.nan
    np.savez(tmp_path / "scan.npz", projections=np.exp(-lines), angles_deg=np.arange(12) * 15.0)
    given = ("--kind", "transmission", "--prepare", "stripes=all", "--angles", "0:3.14")
    done = fewview("reconstruct", "scan.npz", "-o", "out.npy", "--method", "fbp", *given)
    assert done.status == 0
    assert "an arc of 3.14 degrees. Are the angles in radians?" in done.err
    assert "assumed axis: middle of the detector" in done.err
    assert "stripe removal left out: 12 views" in done.err
    assert "masked: 1 pixel (not a number)" in done.err


@pytest.mark.parametrize(
    ("columns", "axis", "turn", "expected"),
    [
        (slice(0, 64), 31.5, 360, []),
        (slice(24, 64), 7.5, 180, ["not all that the detector saw", "reaches over the edge"]),
        (slice(24, 64), 7.5, 360, ["(half acquisition)"]),
        (slice(24, 56), 7.5, 360, ["(half acquisition)", "reaches over the edge"]),
    ],
)
def test_a_sample_wider_than_the_detector_is_told(fewview, tmp_path, columns, axis, turn, expected):
    angles = np.arange(40) * turn / 40
    y, x = np.mgrid[:64, :64] - 31.5
    disk = torch.from_numpy(0.02 * (np.hypot(x, y) < 28).astype(np.float32))[None]
    rays = parallel_beam(np.deg2rad(angles), columns=64, axis=31.5)(disk).numpy().swapaxes(0, 1)
    np.savez(tmp_path / "scan.npz", projections=rays[..., columns], angles_deg=angles)
    given = ("--kind", "attenuation", "--axis", axis)
    done = fewview("reconstruct", "scan.npz", "-o", "out.npy", "--method", "fbp", *given)
    assert done.status == 0
    notes = [line for line in done.err.splitlines() if line.startswith("note: ")]
    assert len(notes) == len(expected) and all(words in line for words, line in zip(expected, notes, strict=True))


def test_16_bit(fewview, scan_file, tmp_path):
    arguments = ("reconstruct", scan_file, "--axis", AXIS, "--method", "fbp", "-o", "out.tif")
    assert fewview(*arguments, "--bits", 16).status == 0
    coarse = read_volume(tmp_path / "out.tif")
    assert fewview(*arguments).status == 0
    np.testing.assert_allclose(
        coarse.values, read_volume(tmp_path / "out.tif").values, atol=coarse.attrs["slope"] * 0.51
    )


def test_slabs_from_the_command_line(reconstruct, monkeypatch):
    from fewview.runs import memory

    whole, report = reconstruct("--method", "fbp")
    assert report["slabs"] == 1
    monkeypatch.setattr(
        memory, "available", lambda device: int(report["memory_forecast_mb"] * 1e6 / memory.SHARE) - 5000
    )
    cut, report = reconstruct("--method", "fbp")
    assert report["slabs"] == 2
    np.testing.assert_allclose(cut, whole, atol=1e-5 * np.abs(whole).max())


def test_report_is_strict_json(reconstruct, tmp_path):
    volume, _ = reconstruct("--method", "fbp")
    write_volume(tmp_path / "same.npy", volume)
    reconstruct("--method", "fbp", "--reference", "same.npy")  # infinite PSNR

    def refuse(word):
        raise AssertionError(word)

    report = json.loads((tmp_path / "report.json").read_text(), parse_constant=refuse)
    assert report["psnr"] is None
    assert report["ssim"] == pytest.approx(1.0)


def test_the_spread_of_samples_is_written_beside_the_volume(fewview, scan_file, tmp_path):
    flags = (
        "--axis",
        AXIS,
        "--rows",
        "0:1",
        "--views",
        8,
        "--set",
        "steps=2",
        "--set",
        "trust=1",
        "--set",
        "start=fbp",
    )
    done = fewview("reconstruct", scan_file, "-o", "out.tif", "--method", "d3ip", *flags, "--set", "adaptation=none")
    assert done.status == 0, done.err
    assert "; std in out.std.tif" in done.out
    mean, std = (read_volume(tmp_path / name) for name in ("out.tif", "out.std.tif"))
    assert std.values.shape == mean.values.shape
    assert std.values.max() > 0
    assert mean.attrs["record"]["extra_volumes"] == ["std"]
    assert std.attrs["record"]["quantity"] == "std"
    assert {path.name for path in tmp_path.iterdir()} == {"out.tif", "out.std.tif"}


def test_another_method_on_the_scan_of_a_report(reconstruct, fewview, tmp_path):
    volume, report = reconstruct("--method", "cgls", "--set", "iterations=5", "--exclude", "1,5:9", "--rows", "1:3")
    assert report["views"] == 35
    done = fewview("reconstruct", "report.json", "-o", "other.npy", "--method", "fbp", "--report", "other.json")
    assert done.status == 0, done.err
    other = json.loads((tmp_path / "other.json").read_text())
    assert (other["method"], other["views"], other["axis"]) == ("fbp", 35, report["axis"])
    assert np.load("other.npy").shape == volume.shape


def test_a_sinogram_of_one_row_is_binned_along_its_columns(reconstruct):
    volume, _ = reconstruct("--method", "fbp", "--rows", "1:2", "--bin", "2")
    assert volume.shape == (1, 16, 16)
    whole, _ = reconstruct("--method", "fbp", "--rows", "1:2")
    blocks = whole.reshape(1, 16, 2, 16, 2).mean(axis=(2, 4))
    assert np.abs(2 * blocks - volume).mean() < 0.3 * np.abs(volume).mean()  # per pixel of twice the size
