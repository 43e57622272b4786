"""The quality benchmark: its rows, that they come again, are kept, and that no training can have seen its samples."""

import json

import numpy as np
import pytest

from fewview.benchmark.peak import forget_peak, peak_mb
from fewview.benchmark.quality import measured as quality_measured
from fewview.benchmark.quality import run as quality
from fewview.benchmark.quality import simulated as quality_simulated
from fewview.benchmark.quality.case import NoData, area_means
from fewview.benchmark.quality.data import DATA, Sample
from fewview.benchmark.quality.rows import KEYS, Rows, balanced, difference, summed_up
from fewview.benchmark.quality.table import table
from fewview.cli.main import run as command
from fewview.errors import FewviewError, OptionError
from fewview.quality import psnr
from fewview.simulate.seeds import TRAIN, VALIDATION, split_of

TINY = {
    "sizes": [32],
    "views": [6],
    "counts": [2000.0],
    "volumes": 2,
    "seeds": 1,
    "slices": 2,
    "say": lambda line: None,
}
MEASURED_HERE = ("psnr", "ssim", "heldout_error", "chosen", "curve")


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    path = tmp_path_factory.mktemp("quality") / "results" / "quality.json"
    rows = quality.run(path, data=["ellipses"], methods=["fbp", "cgls"], **TINY)
    return path, rows


def test_rows_begin_with_the_agreed_keys_and_are_written(measured):
    path, rows = measured
    assert json.loads(path.read_text()) == rows
    assert [row["method"] for row in rows] == ["fbp", "cgls"]
    for row in rows:
        assert tuple(row)[: len(KEYS)] == KEYS
        assert (row["data"], row["size"], row["views"], row["counts"]) == ("ellipses", 32, 6, 2000.0)
        assert (row["control"], row["device"], row["network_calls"]) == ("none", "cpu", None)
        assert row["psnr_low"] <= row["psnr"] <= row["psnr_high"]
        assert 0 < row["heldout_error"] < 1
        assert row["seconds"] > 0
        assert [(cell["volume"], cell["seed"]) for cell in row["cells"]] == [(0, 0), (1, 0)]
        assert row["psnr"] == pytest.approx(np.mean([cell["psnr"] for cell in row["cells"]]), abs=1e-3)
        for cell in row["cells"]:
            sides = [(rows_, columns) for rows_, columns, _, _ in cell["curve"]]
            assert sides == [(32, 32), (24, 24), (16, 16), (8, 8)]


def test_the_same_run_gives_the_same_figures(measured):
    _, rows = measured
    again = quality.run(None, data=["ellipses"], methods=["fbp", "cgls"], **TINY)
    for old, new in zip(rows, again, strict=True):
        for a, b in zip(old["cells"], new["cells"], strict=True):
            assert {k: a[k] for k in MEASURED_HERE} == {k: b[k] for k in MEASURED_HERE}


def test_what_is_there_is_kept_and_not_measured_again(measured, tmp_path, monkeypatch):
    path = tmp_path / "quality.json"
    path.write_text(measured[0].read_text())
    asked = []
    measure = quality.measure_cell
    monkeypatch.setattr(
        quality, "measure_cell", lambda method, case, *rest: asked.append(method) or measure(method, case, *rest)
    )
    rows = quality.run(path, data=["ellipses"], methods=["cgls", "sirt"], **TINY)
    assert asked == ["sirt", "sirt"]
    assert rows[:2] == measured[1]
    rows = quality.run(path, data=["ellipses"], methods=["cgls"], **TINY | {"seeds": 2, "volumes": 1})
    assert asked == ["sirt", "sirt", "cgls"]
    assert rows[1]["cells"][0] == measured[1][1]["cells"][0]
    assert len(rows[1]["cells"]) == 3
    quality.run(path, data=["ellipses"], methods=["cgls"], again=True, **TINY | {"volumes": 1})
    assert asked == ["sirt", "sirt", "cgls", "cgls"]


def test_a_stop_keeps_what_is_done_and_throws_half_a_run_away(tmp_path):
    path = tmp_path / "quality.json"
    said = []
    quality.run(
        path,
        data=["ellipses"],
        methods=["fbp", "cgls"],
        **TINY | {"say": said.append},
        stop=lambda: any("fbp: " in line for line in said),
    )
    (row,) = json.loads(path.read_text())
    assert (row["method"], len(row["cells"])) == ("fbp", 1)
    assert (row["psnr_low"], row["psnr_high"]) == (None, None)


def test_test_samples_are_out_of_reach_of_every_training():
    for volume in range(50):
        seed = quality_simulated.seed_of(volume)
        assert split_of(seed) == "test"
        assert seed not in TRAIN and seed not in VALIDATION
    assert len({quality_simulated.seed_of(volume) for volume in range(50)}) == 50


def test_samples_are_grown_from_those_seeds(monkeypatch):
    drawn = []
    make = quality_simulated.make_phantom
    monkeypatch.setattr(
        quality_simulated,
        "make_phantom",
        lambda name, size, seed, depth: drawn.append(seed) or make(name, size, seed, depth),
    )
    for volume in (7, 8):
        Sample("microstructure", 16, 1).case(volume, 0, 4, None)
    assert drawn == [quality_simulated.seed_of(7), quality_simulated.seed_of(8)]


def test_a_simulated_case():
    sample = Sample("ellipses", 32, 2)
    first, other, quiet = sample.case(0, 0, 6, 2000.0), sample.case(0, 1, 6, 2000.0), sample.case(0, 0, 6, None)
    assert first.lines.values.shape == (6, 2, 32)
    assert first.reference.shape == (2, 32, 32)
    assert np.array_equal(first.reference, other.reference)
    assert not np.array_equal(first.lines.values, other.lines.values)  # other noise
    assert 0 < np.abs(first.lines.values - quiet.lines.values).max() < 0.5
    used, held = first.lines.geometry.angles, first.others.geometry.angles
    assert np.abs(np.subtract.outer(used, held)).min() == pytest.approx(np.pi / 12)
    for views in (4, 8, 64):
        case = sample.case(0, 0, views, None)
        assert len(set(case.others.geometry.angles)) == case.others.geometry.views == min(views, 8)


def test_the_shell_is_the_shipped_slice():
    import tifffile

    case = Sample("shell", 136, 4).case(0, 0, 4, None)
    shipped = np.asarray(tifffile.imread(quality_simulated.FOLDER / "shell_neutron.tif"), np.float64).squeeze()
    assert np.allclose(case.reference[0], shipped.reshape(136, 2, 136, 2).mean(axis=(1, 3)), atol=1e-6)
    # Lengths are those of the slice: a view sums up the same attenuation.
    assert case.lines.values[0].sum() == pytest.approx(case.reference.sum() * 2, rel=0.01)


def test_the_tooth_is_measured_and_its_own_reference():
    sample = Sample("tooth", 64, 4)
    case = sample.case(0, 0, 16, None)
    assert sample.depth == 2 and sample.noise(2000.0) is None
    assert case.lines.values.shape == (16, 2, 64)
    assert case.lines.geometry.views + case.others.geometry.views == 181
    assert not set(case.lines.geometry.angles) & set(case.others.geometry.angles)
    other = sample.case(0, 1, 16, None)
    assert set(other.lines.geometry.angles) != set(case.lines.geometry.angles)
    steps = np.diff(np.sort(other.lines.geometry.angles))
    assert steps.max() < 1.3 * np.pi / 16 and steps.min() > 0.7 * np.pi / 16
    for too_much in (Sample("tooth", 642, 1).case, lambda *args: sample.case(0, 0, 181, None)):
        with pytest.raises(NoData):
            too_much(0, 0, 16, None)


def test_the_wood(shared_data):
    sample = Sample("wood", 64, 4, shared_data)
    assert sample.volumes(9) == 2
    for volume in range(2):
        case = sample.case(volume, 0, 32, None)
        # The axis of the file, brought to the coarser detector: not its middle.
        assert psnr(_fbp(case.lines), case.reference) > psnr(_fbp(case.lines.with_axis(31.5)), case.reference) + 1
        turned = np.degrees(case.lines.geometry.angles)
        assert np.diff(np.sort(turned % 180)).max() < 1.5 * 180 / 32
        assert turned.max() > 180


def _fbp(lines):
    from fewview import reconstruct

    *_, last = reconstruct(lines, "fbp", device="cpu")
    return last.volume


def test_data_that_are_not_here_are_left_out_with_a_note(tmp_path):
    said = []
    rows = quality.run(None, data=["wood"], methods=["fbp"], folder=tmp_path, **TINY | {"say": said.append})
    assert rows == []
    assert all("left out" in line and "--measured" in line for line in said) and said


def test_area_means():
    values = np.arange(12.0).reshape(2, 6)
    assert np.allclose(area_means(values, 3), values.reshape(2, 3, 2).mean(axis=2))
    assert np.allclose(area_means(values, 6), values)
    assert np.allclose(area_means(np.array([1.0, 2.0, 3.0]), 2), [(1 + 1) / 1.5, (1 + 3) / 1.5])
    rough = np.random.default_rng(0).random((3, 101))
    assert np.allclose(area_means(rough, 37).mean(axis=1), rough.mean(axis=1))


def test_the_table_shows_means_and_paired_differences(measured):
    _, rows = measured
    text = "\n".join(table(rows, against="fbp"))
    fbp, cgls = rows
    apart = difference(cgls, fbp)
    assert apart.mean == pytest.approx(cgls["psnr"] - fbp["psnr"], abs=1e-3)
    assert f"{apart.mean:.2f} [{apart.low:.2f}, {apart.high:.2f}]" in text
    assert f"{cgls['psnr']:.2f} [" in text
    assert "ellipses, 32 px, 2 slices, 2000 counts, 6 views, cpu" in text


def test_only_what_all_methods_measured_is_compared(measured):
    fbp, cgls = measured[1]
    short = summed_up(cgls, cgls["cells"][1:])
    fair = balanced([fbp, short])
    assert fair[1] is short
    assert fair[0]["psnr"] == fbp["cells"][1]["psnr"]
    assert len(fair[0]["cells"]) == 1 and len(fbp["cells"]) == 2
    assert balanced([fbp, cgls]) == [fbp, cgls]
    apart = [summed_up(fbp, fbp["cells"][:1]), short]
    assert balanced(apart) == apart
    assert balanced([fbp, {**short, "views": 7}])[0] is fbp


def test_mistakes(tmp_path):
    with pytest.raises(OptionError, match="Did you mean 'cgls'"):
        quality.run(None, data=["ellipses"], methods=["cgs"], **TINY)
    with pytest.raises(OptionError, match="There is no data set 'marble'"):
        quality.run(None, data=["marble"], methods=["fbp"], **TINY)
    with pytest.raises(FewviewError, match="count from 1"):
        quality.run(None, data=["ellipses"], methods=["fbp"], **TINY | {"seeds": 0})
    for content in ("{", '[{"backend": "torch"}]', "{}"):
        (tmp_path / "other.json").write_text(content)
        with pytest.raises(FewviewError, match=r"other\.json"):
            Rows(tmp_path / "other.json")


def test_the_command(tmp_path, capsys):
    flags = "--data ellipses --methods fbp,cgls --views 4,6 --size 32 --counts none --volumes 1 --seeds 1 --slices 1"
    path = tmp_path / "quality.json"
    assert command(["benchmark", "quality", "--json", str(path), *flags.split(), "--against", "fbp"]) == 0
    rows = json.loads(path.read_text())
    assert [(row["views"], row["method"], row["counts"]) for row in rows] == [
        (views, method, None) for views in (4, 6) for method in ("fbp", "cgls")
    ]
    assert "minus fbp" in capsys.readouterr().out
    for wrong, says in (("--views some", "--views some"), ("--counts -3", "--counts -3"), ("--data x", "'x'")):
        assert command(["benchmark", "quality", *wrong.split()]) == 2
        assert says in capsys.readouterr().err


def test_all_data_sets_are_named():
    assert set(DATA) == {"microstructure", "ellipses", "grains", "fibres", "foam", "anatomy", "wood", "tooth", "shell"}
    assert quality_measured.TOOTH.is_file()


def test_a_method_that_cannot_do_this_leaves_the_others_alone(monkeypatch):
    measure, said = quality.measure_cell, []

    def failing(method, *rest):
        if method == "fbp":
            raise FewviewError("Too large for this machine.")
        return measure(method, *rest)

    monkeypatch.setattr(quality, "measure_cell", failing)
    tiny = TINY | {"volumes": 1, "say": said.append}
    rows = quality.run(None, data=["ellipses"], methods=["fbp", "cgls"], **tiny)
    assert [row["method"] for row in rows] == ["cgls"]
    assert said[0].endswith("fbp: left out: Too large for this machine.")


def test_the_peak_of_memory_is_that_of_one_part():
    if not forget_peak("cpu"):
        pytest.skip("this system cannot forget a peak")
    before = peak_mb("cpu")
    hill = np.ones(25_000_000)
    high = peak_mb("cpu")
    assert high - before == pytest.approx(hill.nbytes / 1e6, rel=0.2)
    del hill
    forget_peak("cpu")
    assert peak_mb("cpu") < high - 100
