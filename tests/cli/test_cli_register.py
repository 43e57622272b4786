"""`fewview register` and `fewview reconstruct --register` on the shell, whose X-ray slice is turned for it."""

import json
import math

import pytest
from scipy.ndimage import rotate

from fewview.cli.main import run
from fewview.io import read_volume, write_volume
from fewview.runs.recipe import Recipe
from fewview.samples import FOLDER

NEUTRON, SCAN = (str(FOLDER / name) for name in ("shell_neutron.tif", "shell.h5"))
NEAR = ["--set", "turns=none"]


@pytest.fixture(scope="module")
def xray(tmp_path_factory):
    """The shipped X-ray slice lies on the neutron slice; this one is turned by 3.4 degrees."""
    path = tmp_path_factory.mktemp("turned") / "xray.tif"
    shipped = read_volume(FOLDER / "shell_xray.tif").values
    write_volume(path, rotate(shipped, 3.4, axes=(1, 2), reshape=False, order=1))
    return str(path)


def vertical_deg(found):
    return math.degrees(math.atan2(found["matrix"][2][1], found["matrix"][1][1]))


def test_the_shipped_xray_slice_lies_on_the_neutron_slice(tmp_path):
    report = tmp_path / "registration.json"
    shipped = str(FOLDER / "shell_xray.tif")
    assert run(["register", shipped, NEUTRON, "--out", str(tmp_path / "o.tif"), "--report", str(report), *NEAR]) == 0
    found = json.loads(report.read_text())
    assert abs(vertical_deg(found)) < 0.3 and abs(found["scale"] - 1) < 0.005


def test_register_writes_volume_and_registration(xray, tmp_path, capsys):
    out, report = tmp_path / "on_grid.tif", tmp_path / "registration.json"
    assert run(["register", xray, NEUTRON, "--out", str(out), "--report", str(report), *NEAR]) == 0
    volume = read_volume(out)
    found = json.loads(report.read_text())
    assert volume.values.shape == read_volume(NEUTRON).values.shape
    assert volume.attrs["record"]["registration"]["matrix"] == found["matrix"]
    assert 3 < vertical_deg(found) < 4 and found["unit"] == "px"
    assert "independent halves agree" in capsys.readouterr().out


def test_pairs_of_a_file_start_it(xray, tmp_path):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("# neutron, X-ray\n0,100,60,0,103,61\n0,200,220,0,194,228\n0, 60,180,0,59,183\n")
    assert run(["register", xray, NEUTRON, "--out", str(tmp_path / "o.npy"), "--pairs", str(pairs)]) == 0
    pairs.write_text("1,2,3\n")
    assert run(["register", xray, NEUTRON, "--out", str(tmp_path / "p.npy"), "--pairs", str(pairs)]) == 2


def test_what_cannot_be_registered_is_not_written(xray, tmp_path, capsys):
    import numpy as np

    mirrored = tmp_path / "mirrored.npy"
    np.save(mirrored, read_volume(xray).values[:, ::-1])
    out = tmp_path / "out.tif"
    assert run(["register", str(mirrored), NEUTRON, "--out", str(out), *NEAR]) == 2
    assert not out.exists()
    assert "could not be registered" in capsys.readouterr().err


def test_reconstruct_registers_and_records_it(xray, tmp_path):
    report = tmp_path / "report.json"
    command = ["reconstruct", SCAN, "-o", str(tmp_path / "v.npy"), "--method", "fbp", "--aux", xray, "--register"]
    assert run([*command, "--registration", "turns=none", "--report", str(report)]) == 0
    record = json.loads(report.read_text())
    assert record["registration"]["good"]
    assert record["recipe"]["registration"] == {"turns": "none"}
    assert "--register --registration turns=none" in record["command"]
    script = Recipe.parse(record["recipe"]).as_python()
    assert "registered_volume(" in script
    compile(script, "script", "exec")
    exec("\n".join(line for line in script.splitlines() if " import " in f" {line}"), {})  # what it takes is there


def test_register_without_a_volume_is_a_mistake(tmp_path, capsys):
    assert run(["reconstruct", SCAN, "-o", str(tmp_path / "v.npy"), "--register"]) == 2
    assert "--aux" in capsys.readouterr().err


@pytest.mark.parametrize("registration", [None, {}, {"turns": "none", "blur": 1.0}])
def test_recipe_keeps_the_registration(tmp_path, registration):
    recipe = Recipe(scan="a.h5", auxiliary="x.tif", registration=registration)
    recipe.save(tmp_path / "recipe.yaml")
    assert Recipe.load(tmp_path / "recipe.yaml") == recipe
