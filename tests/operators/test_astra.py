"""The ASTRA backend: same numbers as ours, and a clear word where it is missing."""

import math
import sys

import numpy as np
import pytest
import torch

from fewview.errors import MethodUnavailable
from fewview.operators import filtered_backprojection, parallel_beam
from fewview.operators.astra import load_astra

ANGLES = np.concatenate([np.arange(5) * math.pi / 4, [0.3, 4.0, -2.2]])


@pytest.fixture
def astra():
    try:
        return load_astra()
    except MethodUnavailable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize(
    "geometry",
    [{}, {"axis": 50.3}, {"axis": 62.0, "pixel": 0.5, "detector_pitch": 0.4}, {"pixel": 2.0}],
)
def test_parity(astra, geometry):
    ours = parallel_beam(ANGLES, columns=110, grid=96, **geometry)
    theirs = parallel_beam(ANGLES, columns=110, grid=96, backend="astra", **geometry)
    x = torch.rand(2, 96, 96)
    x[:, 10:30, 60:70] += 5
    y = ours(x)
    assert float((theirs(x) - y).norm() / y.norm()) < 1e-4
    assert float((theirs.T(y) - ours.T(y)).norm() / ours.T(y).norm()) < 1e-4
    assert theirs.matched and theirs.label == "astra linear"
    assert theirs.norm == pytest.approx(ours.norm, rel=1e-4)
    assert torch.allclose(theirs.subset([2, 0])(x), theirs(x)[:, [2, 0]])


def test_fbp_of_astra_itself(astra):
    n, angles = 96, np.arange(90) * math.pi / 90
    A = parallel_beam(angles, columns=n, grid=n)
    x = torch.zeros(1, n, n)
    x[:, 30:60, 20:70] = 1
    x[:, 40:50, 30:40] = 0.3
    y = A(x)
    volume, sinogram = astra.create_vol_geom(n, n), astra.create_proj_geom("parallel", 1.0, n, angles)
    projector = astra.create_projector("linear", sinogram, volume)
    config = astra.astra_dict("FBP")
    config["ProjectorId"] = projector
    config["ProjectionDataId"] = astra.data2d.create("-sino", sinogram, y[0].numpy())
    config["ReconstructionDataId"] = result = astra.data2d.create("-vol", volume, 0)
    algorithm = astra.algorithm.create(config)
    astra.algorithm.run(algorithm)
    theirs = torch.from_numpy(astra.data2d.get(result))
    astra.algorithm.delete(algorithm)
    astra.data2d.delete([config["ProjectionDataId"], result])
    astra.projector.delete(projector)
    ours = filtered_backprojection(A, y)[0]
    nrmse = (ours - theirs).pow(2).mean().sqrt() / (theirs.max() - theirs.min())
    assert float(nrmse) < 0.02


def test_float64_is_refused(astra):
    with pytest.raises(ValueError, match="float32"):
        parallel_beam([0.0], columns=8, backend="astra", dtype=torch.float64)


@pytest.mark.parametrize("reason", [ImportError("no module"), OSError("libcudart.so.12: cannot open")])
def test_a_missing_toolbox_says_how_to_get_it(monkeypatch, reason):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "astra":
                raise reason
            return None

    monkeypatch.delitem(sys.modules, "astra", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(MethodUnavailable, match=r"pip install 'fewview\[astra\]'"):
        parallel_beam([0.0], columns=8, backend="astra")
