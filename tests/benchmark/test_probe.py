"""The probe against invention: voids where they should be, noise that stays, ratios that mean what they say."""

import json

import numpy as np
import pytest

from fewview.benchmark import probe
from fewview.benchmark.probe import CommonNoise, amounts, contrasts
from fewview.benchmark.probe_voids import pair
from fewview.benchmark.quality.case import NoData
from fewview.cli.main import run as command
from fewview.errors import FewviewError

SMALL = {"size": 64, "slices": 4, "views": [24], "say": lambda line: None}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("probe") / "probe.json"
    return path, probe.run(path, methods=["fbp", "cgls"], **SMALL)


@pytest.mark.parametrize("kind", ["added", "removed"])
def test_voids_are_where_the_objects_differ(kind):
    before, after, missing = pair(kind, 64, 4, 0)
    assert len(missing)
    lost = before.truth("neutron") - after.truth("neutron")
    assert np.allclose(missing.sum(axis=0), lost if kind == "added" else -lost, atol=1e-7)
    assert missing.max() > 0.3 * before.truth("neutron").max()
    filled, opened = (before, after) if kind == "added" else (after, before)
    for void in missing:
        inner = void > 0.5 * void.max()
        assert 2 <= inner.sum() <= 40  # about a sphere of three pixels
        assert opened.truth("neutron")[inner].mean() < 0.3 * filled.truth("neutron")[inner].mean()
        assert void[0].max() <= void.max()


def test_noise_elsewhere_does_not_change():
    mean = np.full(400, 1000.0)
    other = mean.copy()
    other[7] = 400.0
    first, second = (CommonNoise(np.random.PCG64([1, 2])).poisson(m) for m in (mean, other))
    assert np.flatnonzero(first != second).tolist() == [7]
    many = CommonNoise(np.random.PCG64(0)).poisson(np.full(20_000, 50.0))
    assert many.mean() == pytest.approx(50, rel=0.01)
    assert many.var() == pytest.approx(50, rel=0.05)
    assert np.array_equal(many, np.round(many))


def test_ratios():
    from scipy.ndimage import gaussian_filter

    _, _, missing = pair("added", 64, 4, 0)
    truth = missing.sum(axis=0)
    assert contrasts(truth, missing) == [pytest.approx(1)] * len(missing)
    assert contrasts(0.4 * truth, missing) == [pytest.approx(0.4, abs=1e-4)] * len(missing)
    blurred = gaussian_filter(truth, (0, 1.2, 1.2))
    assert max(contrasts(blurred, missing)) < 0.8
    assert min(amounts(blurred, missing)) > 0.95  # blurred, not hidden
    assert amounts(np.zeros_like(truth), missing) == [0] * len(missing)


def test_rows_are_written_and_kept(rows, monkeypatch):
    path, measured = rows
    assert json.loads(path.read_text()) == measured
    assert [(row["method"], row["kind"]) for row in measured] == [
        (method, kind) for method in ("fbp", "cgls") for kind in ("added", "removed")
    ]
    for row in measured:
        assert row["contrast"] == pytest.approx(np.mean(row["contrasts"]), abs=1e-3)
        assert row["lowest"] == min(row["contrasts"])
    # FBP is linear, sharp, and shows whatever is measured.
    assert measured[0]["contrast"] > 0.7 and measured[0]["amount"] > 0.7
    monkeypatch.setattr(probe, "_reconstructed", lambda *args: pytest.fail("it is there already"))
    assert probe.run(path, methods=["cgls"], **SMALL) == measured


def test_what_the_method_chose_holds_for_both(monkeypatch):
    asked = []
    reconstruct = probe.SlabRun

    def spy(lines, method, options, **more):
        asked.append(dict(options))
        return reconstruct(lines, method, options, **more)

    monkeypatch.setattr(probe, "SlabRun", spy)
    probe.run(None, methods=["cgls"], **SMALL)
    assert asked[0] == {} and asked[1].keys() == {"iterations"} and asked[1]["iterations"] > 0
    assert asked[2] == asked[1]  # one more void, and the sample as it was is not reconstructed again


def test_mistakes_and_stops(tmp_path, capsys):
    (tmp_path / "other.json").write_text('[{"backend": "torch"}]')
    with pytest.raises(FewviewError, match=r"other\.json holds no rows of the probe"):
        probe.run(tmp_path / "other.json", methods=["fbp"], **SMALL)
    assert issubclass(NoData, FewviewError)
    assert command(["benchmark", "probe", "--methods", "fpb"]) == 2
    assert "fbp" in capsys.readouterr().err
    said = []
    assert probe.run(None, methods=["fbp"], **SMALL | {"say": said.append}, stop=lambda: True) == []
    assert said == ["stopped; what was measured is kept"]
