"""Windows and lazy reading: only the asked rows leave the source."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fewview.frames import ArrayFrames, FrameSource, Window, bin_mean


class Counting:
    """A source that remembers what was asked of it."""

    def __init__(self, array):
        self.source = ArrayFrames(array)
        self.asked = []

    @property
    def shape(self):
        return self.source.shape

    @property
    def dtype(self):
        return self.source.dtype

    def read(self, frames, rows, columns):
        self.asked.append((list(map(int, frames)), rows, columns))
        return self.source.read(frames, rows, columns)


STACK = np.random.default_rng(0).random((6, 12, 15)).astype(np.float32)


def test_sources_fulfil_the_protocol():
    assert isinstance(ArrayFrames(STACK), FrameSource)
    assert ArrayFrames(STACK.astype(np.uint16)).read(np.array([1]), (0, 2), (0, 3)).dtype == np.float32


def test_a_window_reads_only_what_it_shows():
    source = Counting(STACK)
    window = Window.whole(source.shape).select([5, 0]).crop((3, 9), (2, 14)).binned(2).crop((1, 3), (0, 4))
    out = window.read(source)
    assert source.asked == [([5, 0], (5, 9), (2, 10))]
    np.testing.assert_allclose(out, bin_mean(STACK[[5, 0], 5:9, 2:10], 2))


def test_full_pixels_of_a_binned_window():
    window = Window.whole(STACK.shape).binned(4)
    assert window.read(ArrayFrames(STACK), binned=False).shape == (6, 12, 12)
    assert window.read(ArrayFrames(STACK)).shape == (6, 3, 3)


spans = st.tuples(st.integers(0, 10), st.integers(1, 12)).filter(lambda s: s[0] < s[1])


@given(rows=spans, columns=spans, factor=st.integers(1, 3), more=st.integers(1, 2))
def test_windows_compose_as_slices_do(rows, columns, factor, more):
    height, width = rows[1] - rows[0], columns[1] - columns[0]
    if min(height, width) < factor * more:
        return
    direct = bin_mean(bin_mean(STACK[:, slice(*rows), slice(*columns)], factor), more)
    window = Window.whole(STACK.shape).crop(rows, columns).binned(factor).binned(more)
    lazily = window.read(ArrayFrames(STACK))
    # What does not fill a bin falls off; binning twice may drop a strip that binning once would keep.
    common = tuple(slice(0, min(a, b)) for a, b in zip(direct.shape, lazily.shape, strict=True))
    assert lazily.shape == direct.shape
    np.testing.assert_allclose(lazily[common], direct[common], rtol=1e-5)


def test_fewer_rows_than_a_bin_become_one():
    window = Window.whole(STACK.shape).crop((2, 5), (0, 12)).binned(4)
    np.testing.assert_allclose(window.read(ArrayFrames(STACK)), bin_mean(STACK[:, 2:5], 4))
    assert bin_mean(STACK[:, 2:5], 4).shape == (6, 1, 3)
    assert window.crop((0, 1), (1, 3)).rows == (2, 5)


def test_the_mean_of_a_bin_is_taken_in_double_precision():
    values = np.full((1, 64, 64), 16777217.0, dtype=np.float64)
    assert bin_mean(values, 64)[0, 0, 0] == np.float32(16777217.0)
    assert bin_mean(STACK, 1) is STACK
