"""info, methods, simulate, doctor, demo."""

import json
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest

from fewview import doctor as examined
from fewview.errors import FewviewError, Stopped
from fewview.methods import method_names


def test_info(fewview, scan_file):
    found = json.loads(fewview("info", scan_file, "--json").out)
    assert found["shape"] == [40, 4, 32]
    assert found["flats"] == found["darks"] == 3
    assert found["ready"]
    text = fewview("info", scan_file, "--pixel", 0.05).out
    assert "40 views of 4 x 32 pixels" in text
    assert "0.05 mm" in text


def test_info_of_an_incomplete_scan_is_no_mistake(fewview, scan_file, tmp_path):
    with h5py.File(scan_file) as source, h5py.File(tmp_path / "bare.h5", "w") as file:
        file["exchange/data"] = source["exchange/data"][()]
    done = fewview("info", "bare.h5")
    assert done.status == 3
    assert "MISSING" in done.out and not done.err
    with h5py.File("bare.h5", "a") as file:
        file["exchange/data"].attrs["axes"] = "theta:y:x"
        file["exchange/theta"] = np.arange(40) * 4.5
    assert fewview("info", "bare.h5", "--kind", "transmission").status == 0


def test_info_of_a_choice_among_several_scans_is_no_mistake(fewview, scan_file):
    np.savez("two.npz", first=np.ones((9, 4, 8)), second=np.ones((9, 4, 8)), angles=np.arange(9) * 20.0)
    done = fewview("info", "two.npz")
    assert done.status == 3 and "Say --dataset NAME." in done.err and not done.out
    assert fewview("info", "two.npz", "--dataset", "first", "--kind", "attenuation").status == 0
    np.savez("fan.npz", frames=np.ones((9, 4, 8)), angles=np.arange(9) * 40.0, distanceSourceOrigin=100.0)
    done = fewview("info", "fan.npz", "--kind", "attenuation")
    assert done.status == 3 and "name it with --geometry FILE" in done.out and not done.err
    assert "name it with --geometry FILE" in fewview("reconstruct", "fan.npz", "-o", "v.tif").error


def test_info_of_what_no_flag_makes_a_scan_is_a_mistake(fewview):
    np.save("slice.npy", np.ones((20, 20), np.float32))
    done = fewview("info", "slice.npy")
    assert done.status == 2 and "not ready" in done.out
    assert "a radiograph, a reconstructed slice or a sinogram" in done.error


def test_a_pattern_that_the_shell_took_apart_is_guessed(fewview, scan_file):
    done = fewview("info", scan_file, "--flats", "ob_0.tif", "ob_1.tif")
    assert "If a pattern was meant, put it in quotes" in done.error
    assert "a third number is not understood" in fewview("info", scan_file, "--angles", "0:180:1").error


def test_one_method_alone(fewview):
    shown = json.loads(fewview("methods", "tv", "--json").out)
    assert shown["name"] == "tv" and shown["options"]["properties"]
    told = fewview("methods", "tv").out
    assert "fbp" not in told and "budget = not set s" not in told and "budget = not set: " in told
    done = fewview("methods", "tvv")
    assert done.status == 2 and "Did you mean 'tv'" in done.error


def test_methods(fewview):
    rows = json.loads(fewview("methods", "--json").out)
    assert [row["name"] for row in rows] == method_names()
    for row in rows:
        assert row.keys() >= {"name", "title", "family", "options", "needs", "available", "why_not"}
        assert row["available"] == (row["why_not"] is None)
        for name, field in row["options"]["properties"].items():
            assert field["title"] and field["description"], (row["name"], name)
    text = fewview("methods").out
    assert all(name in text for name in method_names())


def test_simulate(fewview, tmp_path):
    arguments = ("--size", 32, "--views", 9, "--counts", 500, "--seed", 2, "--phantom", "ellipses", "--set", "depth=3")
    assert fewview("simulate", "a.h5", *arguments).status == 0
    assert fewview("simulate", "b.h5", *arguments).status == 0
    with h5py.File("a.h5") as first, h5py.File("b.h5") as second:
        assert first["exchange/data"].shape == (9, 3, 32)
        assert first["truth/neutron"].shape == (3, 32, 32)
        assert np.array_equal(first["exchange/data"], second["exchange/data"])
    found = json.loads(fewview("info", "a.h5", "--json").out)
    assert found["ready"]
    assert found["pixel_mm"] is not None
    said = fewview("simulate", "c.h5", "--size", 16, "--views", 1, "--counts", 0, "--set", "depth=1").out
    assert "1 view without noise" in said


def test_doctor_works_here(fewview):
    done = fewview("doctor")
    assert done.status == 0
    assert done.out.rstrip().endswith("fewview works on this machine.")
    found = json.loads(fewview("doctor", "--json").out)
    assert found["works"]
    names = {finding["name"] for finding in found["findings"]}
    assert names >= {"torch", "GPU", "tomopy", "astra-toolbox", "svmbir", "weights", "viewer", "display", "memory"}


def test_doctor_tells_how_to_get_what_is_missing(fewview, monkeypatch):
    monkeypatch.setattr(examined, "version_of", lambda name: "1.0" if name in examined._REQUIRED else None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    done = fewview("doctor")
    assert done.status == 0
    for remedy in (
        "conda install -c conda-forge tomopy",
        "fewview[astra]",
        "fewview[all]",
        "everything runs on the CPU",
    ):
        assert remedy in done.out


def test_doctor_says_when_it_does_not_work(fewview, monkeypatch):
    monkeypatch.setattr(examined, "version_of", lambda name: None)
    done = fewview("doctor")
    assert done.status == 1
    assert "BROKEN" in done.out


def test_help_does_not_load_torch():
    code = (
        "import sys\n"
        "from fewview.cli.main import run\n"
        "assert run(['--help']) == run(['reconstruct', '--help']) == run(['benchmark', 'operators', '--help']) == 0\n"
        "sys.exit(str([m for m in ('torch', 'h5py', 'scipy', 'skimage', 'napari') if m in sys.modules]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"


def test_info_does_not_load_torch(scan_file):
    code = (
        "import sys\n"
        "from fewview.cli.main import run\n"
        f"assert run(['info', {str(scan_file)!r}]) == 0\n"
        "sys.exit(str('torch' in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "False"


@pytest.fixture
def small_demo(monkeypatch, scan_file):
    """The demonstration on the small scan instead of the tooth."""
    from fewview.demo import compare as demo

    monkeypatch.setattr(demo, "TOOTH", scan_file)
    monkeypatch.setattr(demo, "VIEWS", 12)
    monkeypatch.setattr(demo, "METHODS", ("fbp", "cgls"))
    return demo


def test_demo_without_a_viewer(fewview, small_demo, tmp_path):
    from PIL import Image

    done = fewview("demo", "--headless", "--screenshot", "shot.png")
    assert done.status == 0, done.err
    names = {path.name for path in (tmp_path / "demo-output").iterdir()}
    assert names == {"dense-fbp.tif", "12-views-fbp.tif", "12-views-cgls.tif", "comparison.png"}
    assert "reference" in done.out
    with Image.open("shot.png") as picture:
        assert picture.width > 3 * 32


def test_demo_scores_are_those_of_the_volumes(small_demo, tmp_path):
    from fewview.io import read_volume
    from fewview.quality import psnr

    dense, fbp, cgls = small_demo.classical_demo(tmp_path)
    assert dense.views == 40 and fbp.views == cgls.views == 12
    reference = read_volume(tmp_path / "dense-fbp.tif").values
    assert fbp.psnr == pytest.approx(psnr(read_volume(tmp_path / "12-views-fbp.tif").values, reference), abs=1e-3)
    assert 0 < cgls.heldout_error < 1


def test_demo_in_an_impossible_folder(small_demo, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FewviewError, match="cannot be made"):
        small_demo.classical_demo(tmp_path / "file" / "out")


def test_the_sample_is_whole():
    from fewview.io import read_scan
    from fewview.samples import TOOTH

    scan = read_scan(TOOTH)
    assert (scan.views, scan.geometry.rows, scan.geometry.columns) == (181, 2, 640)
    assert TOOTH.with_name("LICENSE-tomopy.txt").exists()


@pytest.mark.parametrize(
    ("before", "said"), [(True, "before anything was learnt"), (False, "w.safetensors holds what")]
)
def test_ctrl_c_ends_the_learning_of_a_sister_and_says_what_is_kept(fewview, monkeypatch, before, said):
    from fewview import sister

    def learn(lesson, options, *, check, report, stop):
        signal.raise_signal(signal.SIGINT)
        assert stop()
        if before:
            raise Stopped
        yield

    monkeypatch.setattr(sister, "learn", learn)
    done = fewview("train", "unrolled", "--from", "dense.h5", "--like", "scan.h5", "--out", "w.safetensors")
    assert done.status == (130 if before else 0) and said in (done.err if before else done.out)
