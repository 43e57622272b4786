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
        (slice(8, 56), 360, ["reaches over the edge"]),
        (slice(24, 64), 180, ["not all that the detector saw", "reaches over the edge"]),
        (slice(24, 64), 360, ["(half acquisition)"]),
        (slice(0, 40), 360, ["(half acquisition)"]),
        (slice(24, 56), 360, ["(half acquisition)", "reaches over the edge"]),
    ],
)
def test_the_notes_fit_what_was_seen(columns, turn, expected):
    angles = np.deg2rad(np.arange(40) * turn / 40)
    y, x = np.mgrid[:64, :64] - 31.5
    disk = torch.from_numpy(0.02 * (np.hypot(x, y) < 28).astype(np.float32))[None]
    rays = parallel_beam(angles, columns=64, axis=31.5)(disk).numpy().swapaxes(0, 1)[..., columns]
    lines = LineIntegrals(rays, ParallelBeam(angles, 1, rays.shape[2], 31.5 - columns.start))
    said = field_of_view_notes(lines)
    assert len(said) == len(expected) and all(words in note for words, note in zip(expected, said, strict=True))
    unlike = {
        "not all that the detector saw": "The network has learnt",
        "(half acquisition)": "The network has learnt",
        "reaches over the edge": "Few of the samples",
    }
    learned = field_of_view_notes(lines, learned=True)
    assert learned[::2] == said
    assert [note.startswith(unlike[words]) for words, note in zip(expected, learned[1::2], strict=True)] == [
        True for _ in expected
    ]
    assert all(note[0].isupper() and note.endswith(".") for note in learned)
