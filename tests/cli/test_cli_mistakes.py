"""Every mistake of a user: one clear line, status 2, no traceback, nothing written."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from fewview.io import write_volume
from fewview.methods import Estimate, get_method

AXIS = 17.0
EVERY_FLAG = (
    *("--method", "--preset", "--set", "--views", "--bin", "--axis", "--angles", "--layout", "--kind", "--pixel"),
    *("--flats", "--darks", "--dataset", "--exclude", "--geometry", "--prepare", "--aux", "--reference", "--holdout"),
    *("--device", "--seed", "--report", "-o"),
)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--method", "sirtt"], "Did you mean 'sirt'"),
        (["--method", "nothing-like-it"], "There is no method 'nothing-like-it'. `fewview methods` lists them all."),
        (
            ["--method", "sirt", "--set", "iteration=5"],
            "'iteration'. Did you mean 'iterations' or 'relaxation'? The options are: budget, iterations",
        ),
        (["--method", "d3ip", "--set", "adaption=none"], "'adaptation'? `fewview methods NAME` lists them all."),
        (
            ["--method", "d3ip", "--set", "prior=materialls"],
            "no weights 'materialls'. Did you mean 'materials' or",
        ),
        (["--prepare", "stripes=fiting"], "'fitting' or 'filtering' or 'sorting'? Choose one of none, sorting"),
        (["--preset", "fast"], "There is no preset 'fast'. Choose one of draft, standard, best."),
        (["--method", "sirt", "--set", "iterations=many"], "iterations='many'"),
        (["--method", "sirt", "--set", "iterations=0"], "greater than or equal to 1"),
        (["--method", "sirt", "--set", "iterations"], "is not KEY=VALUE"),
        (["--prepare", "flat=best"], "flat='best'"),
        (["--prepare", "sharpness=3"], "no option 'sharpness'"),
        *(([name, ""], f"{name} has an empty value") for name in EVERY_FLAG),
        (["--dataset="], "--dataset has an empty value"),
        (["--axis", "  "], "--axis has an empty value"),
        (["--method", "tv", "--set", "weight="], "weight='': it must be"),
        (["--method", "unrolled", "--set", "weights="], "The name of the weights is empty"),
        (["--rows", "3"], "--rows 3 is not a range"),
        (["--rows", "3:1"], "--rows 3:1 is not a range"),
        (["--rows", "2:9"], "2:9 do not lie within 0:4"),
        (["--bin", "0"], "bin=0"),
        (["--bin", "64"], "Binning by 64"),
        (["--bin", "11"], "Binning by 11 leaves"),
        (["--views", "0"], "views=0"),
        (["--views", "41"], "41 views were asked for, the scan has 40"),
        (["--axis", "middle"], "--axis middle is not a column"),
        (["--axis", "nan"], "axis=nan: it must be a finite number"),
        (["--axis", "1e300"], "axis=1e+300: it must be 0 or of a size from 1e-12 to 1e+12"),
        (["--pixel", "1e300"], "pixel=1e+300: it must be 0 or of a size from"),
        (["--pixel", "1e9"], "A pixel size of 1e+09 mm is not possible"),
        (["--angles", "0:1e308"], "view 1 lies at 2.5e+306 degrees"),
        (["--method", "tv", "--set", "weight=1e300"], "weight='1e300': it must be 0 or of a size from"),
        (["--method", "sirt", "--set", "iterations=99999999"], "iterations='99999999': it must be at most 1000000"),
        (["--axis", "9999"], "An axis at column 9999 is not on the detector"),
        (["--angles", "0-180"], "0-180"),
        (["--layout", "rows"], "layout='rows'"),
        (["--kind", "photons"], "kind='photons'"),
        (["--pixel", "-1"], "pixel=-1"),
        (["--flats", "nowhere.h5"], "nowhere.h5"),
        (["--dataset", "exchange/nothing"], "nothing"),
        (["--holdout", "0.9"], "holdout=0.9"),
        (["--seed", "-1"], "seed=-1"),
        (["--seed", "99999999999999999999"], "seed=99999999999999999999"),
        (["--method", "tv", "--set", "weight=inf"], "weight='inf': it must be a finite number"),
        (["--method", "TV"], "Did you mean 'tv'"),
        (["--device", "tpu"], "device='tpu'"),
        (["--bits", "8"], "--bits 8"),
        (["--bits", "16"], "16 bits per value are for TIFF"),
        (["--reference", "nowhere.npy"], "There is no volume nowhere.npy"),
        (["--aux", "nowhere.npy"], "There is no volume nowhere.npy"),
        (["--report", "nowhere/report.json"], "nowhere does not exist"),
        (["--prepare", "dose=region"], "open_region="),
        (["--report", "out.npy"], "both out.npy"),
        (["--seed", "one"], "Invalid value for '--seed'"),
        (["--colour"], "No such option: --colour"),
    ],
)
def test_mistakes_in_flags(fewview, scan_file, tmp_path, arguments, says):
    base = ["--axis", AXIS] if "--axis" not in arguments else []
    base += ["--method", "sirt"] if "--method" not in arguments else []
    done = fewview("reconstruct", scan_file, "-o", "out.npy", *base, *arguments)
    assert says in done.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("out.xyz", "End the name of the output in .npy, .tif, .h5 or .zarr"),
        ("nowhere/out.npy", "does not exist"),
        (".", "not known"),
    ],
)
def test_mistakes_in_the_output(fewview, scan_file, output, says):
    assert says in fewview("reconstruct", scan_file, "-o", output, "--method", "fbp").error


def test_the_scan_is_never_overwritten(fewview, scan_file):
    before = scan_file.read_bytes()
    done = fewview("reconstruct", scan_file, "-o", scan_file, "--method", "fbp", "--axis", AXIS)
    assert "is an input of this run" in done.error
    assert scan_file.read_bytes() == before


def test_a_report_takes_the_place_of_nothing_else(fewview, scan_file, tmp_path):
    before = scan_file.read_bytes()
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "notes.txt").write_text("of the user")
    for name, says in (("kept", "kept is a folder"), (scan_file, "is an input of this run")):
        done = fewview("reconstruct", scan_file, "-o", "out.npy", "--method", "fbp", "--axis", AXIS, "--report", name)
        assert says in done.error
    assert (tmp_path / "kept" / "notes.txt").read_text() == "of the user"
    assert scan_file.read_bytes() == before
    assert not (tmp_path / "out.npy").exists()


def test_missing_and_damaged_scans(fewview, scan_file, tmp_path):
    assert "nowhere.h5" in fewview("reconstruct", "nowhere.h5", "-o", "out.npy").error
    (tmp_path / "cut.h5").write_bytes(scan_file.read_bytes()[:5000])
    assert "cut.h5" in fewview("reconstruct", "cut.h5", "-o", "out.npy").error
    (tmp_path / "text.h5").write_text("hello")
    assert "text.h5" in fewview("info", "text.h5").error


def test_a_recipe_that_is_none(fewview, tmp_path):
    assert "nowhere.yaml cannot be read" in fewview("reconstruct", "nowhere.yaml", "-o", "out.npy").error
    (tmp_path / "list.yaml").write_text("- 1\n- 2\n")
    assert "list.yaml is not a recipe" in fewview("reconstruct", "list.yaml", "-o", "out.npy").error
    (tmp_path / "bad.yaml").write_text("scan: [")
    assert "bad.yaml cannot be read" in fewview("reconstruct", "bad.yaml", "-o", "out.npy").error
    (tmp_path / "odd.yaml").write_text("scan: a.h5\ncolour: red\n")
    assert "colour" in fewview("reconstruct", "odd.yaml", "-o", "out.npy").error
    for name, values, says in (
        ("bare", {"recipe": None, "chosen": list(range(999))}, "There is no entry 'scan'. scan: File or folder"),
        ("reader", {"scan": "a.h5", "reader": [1]}, "reader=[1]: it must be values by name"),
        ("foo", {"scan": "a.h5", "reader": {"foo": 1}}, "no option 'reader.foo'. reader has: angles"),
        ("rows", {"scan": "a.h5", "rows": [3]}, "rows=[3]: a value is missing"),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(values))
        told = fewview("reconstruct", f"{name}.json", "-o", "out.npy").error
        assert says in told and len(told) < 400, told


def test_volumes_on_another_grid(fewview, scan_file, tmp_path):
    write_volume(tmp_path / "small.npy", np.zeros((4, 16, 16)))
    done = fewview(
        "reconstruct", scan_file, "-o", "out.npy", "--method", "fbp", "--axis", AXIS, "--reference", "small.npy"
    )
    assert "(4, 16, 16) (z, y, x), the reconstruction (4, 32, 32)" in done.error
    write_volume(tmp_path / "other.h5", np.zeros((4, 32, 32)), voxel=0.1)
    done = fewview(
        "reconstruct", scan_file, "-o", "out.npy", "--method", "fbp", "--axis", AXIS, "--reference", "other.h5"
    )
    assert "is in 'mm^-1', the reconstruction will be in 'per pixel'" in done.error


def test_a_reference_without_contrast_is_told_before_the_run(fewview, scan_file, tmp_path, truth):
    for name, values, says in (("flat", np.ones_like(truth), "constant"), ("holes", truth * np.nan, "not numbers")):
        np.save(tmp_path / f"{name}.npy", values)
        done = fewview("reconstruct", scan_file, "-o", "out.npy", "--axis", AXIS, "--reference", f"{name}.npy")
        assert says in done.error
        assert "setting up" not in done.err


def test_counts_without_flats(fewview, scan_file, tmp_path):
    with h5py.File(scan_file) as source, h5py.File(tmp_path / "bare.h5", "w") as file:
        file["exchange/data"] = source["exchange/data"][()]
        file["exchange/theta"] = source["exchange/theta"][()]
    assert "flats" in fewview("reconstruct", "bare.h5", "-o", "out.npy", "--method", "fbp", "--kind", "counts").error


def test_too_little_memory(fewview, scan_file, monkeypatch):
    monkeypatch.setenv("FEWVIEW_MEMORY_GIB", "0.000001")
    done = fewview("reconstruct", scan_file, "-o", "out.npy", "--axis", AXIS, "--method", "fbp")
    assert "The run needs" in done.error
    assert "--bin 2" in done.error
    again = fewview("reconstruct", scan_file, "-o", "out.npy", "--axis", AXIS, "--method", "fbp", "--bin", "2")
    assert "--bin 4" in again.error


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")]
)
def test_memory_that_runs_out_all_the_same(fewview, scan_file, monkeypatch, error):
    def exhausted(*arguments, **named):
        raise error

    monkeypatch.setattr("fewview.runs.session.SlabRun", exhausted)
    assert "not enough memory" in fewview("reconstruct", scan_file, "-o", "out.npy", "--axis", AXIS).error


def test_a_fault_of_our_own_is_one_line_and_a_file_to_report(fewview, monkeypatch, tmp_path):
    def fail(*arguments, **named):
        return {}["missing"]

    monkeypatch.setattr("fewview.io.inspect", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done = fewview("info", "scan.h5")
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert line.startswith("Error: fewview failed, and should not have: KeyError: 'missing'")
    (told,) = tmp_path.iterdir()
    assert str(told) in line
    assert "Traceback" in told.read_text()


def test_a_write_that_fails_at_the_end(fewview, scan_file, tmp_path, monkeypatch):
    def fail(path, volume):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fewview.io.write_npy.write", fail)
    done = fewview("reconstruct", scan_file, "-o", "out.npy", "--axis", AXIS, "--method", "fbp")
    assert "out.npy could not be written: No space left on device" in done.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["reconstruct"],
        ["reconstruct", "scan.h5"],
        ["info"],
        ["train"],
        ["train", "guide"],
        ["train", "fixer"],
        ["train", "prior"],
        ["train", "prior", "-o", "out", "--set", "colour=red"],
        ["benchmark"],
        ["benchmark", "operators", "--size", "12"],
        ["benchmark", "operators", "--threads", "0"],
        ["benchmark", "operators", "--json", "nowhere/a.json"],
        ["simulate"],
        ["simulate", "out.npy"],
        ["simulate", "nowhere/out.h5"],
        ["simulate", "out.h5", "--phantom", "unicorn"],
        ["simulate", "out.h5", "--size", "-3"],
        ["demo", "--screenshot", "nowhere/a.png"],
    ],
)
def test_mistakes_in_other_commands(fewview, tmp_path, arguments):
    assert len(fewview(*arguments).error) > 20
    assert list(tmp_path.iterdir()) == []


def test_a_base_that_is_no_sd_turbo_is_told_with_what_it_lacks(fewview):
    told = fewview("train", "fixer", "--base", "nowhere", "-o", "out").error
    assert "nowhere is no SD-Turbo" in told and "unet" in told


def test_in_a_process_of_its_own(scan_file, tmp_path):
    """The entry point itself: status and streams, as a shell sees them."""
    command = [sys.executable, "-c", "from fewview.cli import main; main()"]
    environment = os.environ | {"COLUMNS": "60"}  # a narrow terminal does not break the line

    def call(*arguments):
        return subprocess.run(
            [*command, *arguments], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
        )

    done = call(
        "reconstruct", str(tmp_path / "a very long name of a scan that does not exist anywhere.h5"), "-o", "a.npy"
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in done.stderr
    assert call("--version").stdout.startswith("fewview ")
    assert call("--help").returncode == 0
    assert "reconstruct" in call().stdout


def test_debugging_shows_where_an_error_came_from(fewview, monkeypatch):
    from fewview.errors import ScanError

    monkeypatch.setenv("FEWVIEW_DEBUG", "1")
    with pytest.raises(ScanError):
        fewview("info", "nowhere.h5")


def test_aborting_is_no_traceback(fewview, monkeypatch):
    def interrupt(*arguments, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr("fewview.io.inspect", interrupt)
    done = fewview("info", "scan.h5")
    assert done.status == 130
    assert done.err == "Error: Interrupted; nothing was written.\n"


def test_aborting_while_the_program_loads_is_no_traceback():
    code = """
import sys
class Finder:
    def find_spec(self, name, *others):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Finder())
from fewview.cli import main
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "Error: Interrupted; nothing was written.\n")


def test_a_run_that_diverged_is_no_volume(fewview, scan_file, tmp_path, monkeypatch):
    def diverged(problem, options):
        volume = torch.full((len(problem.data), *problem.operator.domain_shape), float("nan"))
        yield Estimate(volume, 1, 1, "diverging", {})

    method = replace(get_method("fbp"), solve=diverged)
    monkeypatch.setattr("fewview.runs.slabs.require_method", lambda name, options: method)
    done = fewview("reconstruct", scan_file, "-o", "out.npy", "--axis", AXIS, "--method", "fbp")
    assert "diverged: not one value of the volume of 'fbp' is a number" in done.error
    assert not (tmp_path / "out.npy").exists()


def test_values_that_diverged_in_part_are_told(fewview, scan_file, monkeypatch):
    def diverged(problem, options):
        volume = torch.zeros(len(problem.data), *problem.operator.domain_shape)
        volume[0, 0, :5], volume[1] = float("inf"), 1
        yield Estimate(volume, 1, 1, "diverging", {})

    method = replace(get_method("fbp"), solve=diverged)
    monkeypatch.setattr("fewview.runs.slabs.require_method", lambda name, options: method)
    done = fewview("reconstruct", scan_file, "-o", "out.npy", "--axis", AXIS, "--method", "fbp")
    assert done.status == 0 and "5 values of the volume are not numbers" in done.out
