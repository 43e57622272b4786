"""Notes on the width of a volume: an axis aside, half acquisition, a sample wider than the detector."""

import numpy as np
import pytest
import torch

from fewview.geometry import ParallelBeam
from fewview.operators import parallel_beam
from fewview.runs.field_of_view import field_of_view_notes
from fewview.scan import LineIntegrals


@pytest.mark.parametrize(
    ("columns", "turn", "expected"),
    [
        (slice(0, 64), 360, []),
        (slice(0, 64), 180, []),
        (slice(8, 56), 360, ["the sample reaches"]),
        (slice(24, 64), 180, ["the axis 12", "the sample reaches"]),
        (slice(24, 64), 360, ["half acquisition, the"]),
        (slice(0, 40), 360, ["half acquisition, the"]),
        (slice(24, 56), 360, ["half acquisition, the", "the sample reaches"]),
    ],
)
def test_the_notes_fit_what_was_seen(columns, turn, expected):
    angles = np.deg2rad(np.arange(40) * turn / 40)
    y, x = np.mgrid[:64, :64] - 31.5
    disk = torch.from_numpy(0.02 * (np.hypot(x, y) < 28).astype(np.float32))[None]
    rays = parallel_beam(angles, columns=64, axis=31.5)(disk).numpy().swapaxes(0, 1)[..., columns]
    lines = LineIntegrals(rays, ParallelBeam(angles, 1, rays.shape[2], 31.5 - columns.start))
    assert [" ".join(note.split()[:3]) for note in field_of_view_notes(lines)] == expected
    learned = [" ".join(note.split()[:3]) for note in field_of_view_notes(lines, learned=True)]
    unlike = {
        "the axis 12": "the network has",
        "half acquisition, the": "the network has",
        "the sample reaches": "few of the",
    }
    assert learned == [note for one in expected for note in (one, unlike[one])]
