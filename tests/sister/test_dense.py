"""What of a dense scan is learnt: its middle, without the noise that FBP leaves in pixels as wide as the scan's."""

import numpy as np
import pytest

from fewview.errors import Stopped
from fewview.geometry import ParallelBeam
from fewview.operators import filtered_backprojection, parallel_beam
from fewview.quality import psnr
from fewview.scan import LineIntegrals
from fewview.sister import dense

ROWS, N = 12, 48


@pytest.fixture(scope="module")
def disks():
    """Slices with a disk that grows, and noisy lines of 90 views."""
    x = np.arange(N) - (N - 1) / 2
    truth = np.stack([(np.hypot(x, x[:, None]) < 8 + row / 2) * 0.1 for row in range(ROWS)]).astype(np.float32)
    angles = np.arange(90) * np.pi / 90
    exact = parallel_beam(angles, columns=N)(torch_of(truth)).numpy().swapaxes(0, 1)
    noisy = exact + np.random.default_rng(0).normal(0, 0.05, exact.shape)
    return truth, LineIntegrals(noisy.astype(np.float32), ParallelBeam(angles, ROWS, N, (N - 1) / 2))


def torch_of(array):
    import torch

    return torch.from_numpy(np.ascontiguousarray(array))


def test_what_is_learnt_has_less_noise_than_fbp(disks):
    truth, lines = disks
    A = parallel_beam(lines.geometry.angles, columns=N)
    fbp = filtered_backprojection(A, torch_of(lines.values.swapaxes(0, 1))).numpy()
    assert psnr(dense.dense_volume(lines, finer=1), truth) > psnr(fbp, truth) + 3
    # Of finer pixels the FBP is learnt: its mean over the wider ones has little noise.
    np.testing.assert_allclose(dense.dense_volume(lines, finer=2), fbp, atol=0.02)


def test_the_middle_is_learnt_in_whole_slices(disks, monkeypatch):
    _, lines = disks
    assert dense._middle(lines, 1).geometry.rows == ROWS
    monkeypatch.setattr(dense, "MOST_SLICES", 3)
    for finer, first, count in ((1, 4, 3), (2, 2, 6)):
        found = dense._middle(lines, finer)
        np.testing.assert_array_equal(found.values, lines.values[:, first : first + count])
    monkeypatch.setattr(dense, "MOST_SLICES", 40)
    monkeypatch.setattr(dense, "MOST_VOXELS", 1)
    assert dense._middle(lines, 1).geometry.rows == dense.LEAST_SLICES
    assert dense._middle(lines.rows(0, 1), 2).geometry.rows == 1


def test_a_stop_ends_the_reconstruction(disks):
    with pytest.raises(Stopped):
        dense.dense_volume(disks[1], finer=1, stop=lambda: True)
