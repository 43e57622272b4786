"""The sinogram of a row, and what a volume leaves of it."""

import numpy as np
import pytest

from fewview.errors import OptionError
from fewview.runs.worker.looks import residual, sinogram
from fewview.samples import TOOTH

RECIPE = {"scan": str(TOOTH), "axis": 295.0, "views": 20, "rows": [0, 1], "method": "fbp"}


class Silent:
    def stopped(self):
        return False

    def stage(self, text):
        pass


def last(generator):
    while True:
        try:
            estimate = next(generator)
        except StopIteration as end:
            return estimate.volume, end.value


def test_the_sinogram_is_prepared_and_told():
    plain, told = last(sinogram({"recipe": RECIPE}, Silent()))
    assert plain.shape == (1, 20, 640) and told["steps"][-1] == "minus logarithm" and 0 <= told["negative"] < 1
    cleaned, told = last(sinogram({"recipe": {**RECIPE, "prepare": {"zingers": 0.1}}}, Silent()))
    assert not np.array_equal(cleaned, plain) and told["masked"]["zinger"] > 0


def test_nothing_leaves_the_whole_measurement_and_another_grid_is_refused():
    measured, _ = last(sinogram({"recipe": RECIPE}, Silent()))
    empty = np.zeros((1, 640, 640), np.float32)
    left, told = last(residual({"recipe": RECIPE, "volume": empty}, Silent()))
    np.testing.assert_array_equal(left, measured)
    assert told["relative"] == pytest.approx(1)
    with pytest.raises(OptionError, match="the scan gives"):
        last(residual({"recipe": RECIPE, "volume": empty[:, :10]}, Silent()))
