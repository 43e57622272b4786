import json

import numpy as np
import pytest

from fewview.cli.main import run


@pytest.fixture
def files(tmp_path):
    """A reference with structure below, a volume that is wrong everywhere, one that is wrong in the flat part only."""
    rng = np.random.default_rng(0)
    truth = np.zeros((2, 80, 100), np.float32)
    truth[:, 4:76, 4:96] = 1
    truth[:, 40:76, 4:96] += rng.random((2, 36, 92)).astype(np.float32)
    noise = rng.standard_normal(truth.shape).astype(np.float32)
    worse, half = truth + 0.1 * noise, truth.copy()
    half[:, :40] += 0.3 * noise[:, :40]
    paths = {name: tmp_path / f"{name}.npy" for name in ("truth", "worse", "half")}
    for name, values in (("truth", truth), ("worse", worse), ("half", half + 0.01 * noise)):
        np.save(paths[name], values)
    return paths


def test_regions_tell_where_a_volume_is_better(files, capsys):
    asked = ["regions", str(files["worse"]), str(files["half"]), "--reference", str(files["truth"]), "--count", "4"]
    assert run([*asked, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    small = {(r["regions"], r["volume"]): r for r in rows if r["rows"] == 8}
    assert small["rich", "half.npy"]["difference"] > 5 > -5 > small["flat", "half.npy"]["difference"]
    assert small["rich", "half.npy"]["low"] > 0
    assert small["rich", "worse.npy"]["difference"] == 0
    assert {r["regions"] for r in rows} == {"rich", "random", "flat"}
    assert {(r["rows"], r["columns"]) for r in rows} == {
        (64, 96),
        (48, 64),
        (48, 48),
        (32, 48),
        (32, 32),
        (24, 24),
        (16, 16),
        (8, 8),
    }
    assert run(asked) == 0
    text = capsys.readouterr().out
    row = small["rich", "half.npy"]
    assert f"{row['psnr']:.2f} ({row['difference']:+.2f} [" in text and "Control: random" in text


def test_other_shapes_are_refused(files, tmp_path, capsys):
    np.save(tmp_path / "small.npy", np.zeros((2, 8, 8), np.float32))
    assert run(["regions", str(tmp_path / "small.npy"), "--reference", str(files["truth"])]) == 2
    assert "2 x 8 x 8 and 2 x 80 x 100" in capsys.readouterr().err


def test_what_is_without_error_is_no_number_in_json(files, capsys):
    truth, worse = str(files["truth"]), str(files["worse"])
    assert run(["regions", truth, worse, truth, "--reference", truth, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert {row["volume"] for row in rows} == {"truth.npy", "worse.npy"}  # each once
    assert all((row["psnr"] is None) == (row["volume"] == "truth.npy") for row in rows)
    assert all(row["ssim"] == 1 for row in rows if row["volume"] == "truth.npy")
    assert run(["regions", truth, worse, "--reference", truth]) == 0
    assert "nan" not in capsys.readouterr().out


def test_a_seed_below_zero_is_refused(files, capsys):
    assert run(["regions", str(files["worse"]), "--reference", str(files["truth"]), "--seed", "-1"]) == 2
    assert "--seed" in capsys.readouterr().err


def test_a_reference_too_small_is_refused(tmp_path, capsys):
    np.save(tmp_path / "small.npy", np.zeros((1, 6, 6), np.float32))
    assert run(["regions", str(tmp_path / "small.npy"), "--reference", str(tmp_path / "small.npy")]) == 2
    assert "8 x 8" in capsys.readouterr().err
