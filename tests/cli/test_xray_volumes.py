"""An X-ray volume that shows nothing is refused; one that a method makes no use of is told."""

import numpy as np
import pytest

from fewview.methods import get_method, method_names


@pytest.fixture
def flat(tmp_path):
    np.save(tmp_path / "flat.npy", np.full((4, 32, 32), 0.3, np.float32))
    return tmp_path / "flat.npy"


@pytest.mark.parametrize("method", [name for name in method_names() if "aux" in get_method(name).needs])
def test_one_that_is_the_same_everywhere_is_refused(fewview, scan_file, flat, method):
    said = fewview("reconstruct", scan_file, "-o", "v.npy", "--method", method, "--aux", flat).error
    assert "flat.npy is 0.3 everywhere in these slices: it shows no sample." in said


def test_one_that_the_method_makes_no_use_of_is_told_and_recorded(reconstruct, flat):
    _, record = reconstruct("--method", "fbp", "--aux", flat)
    guided = [name for name in method_names() if "aux" in get_method(name).needs]
    assert {"guide", "unrolled-x"} < set(guided)
    said = f"'fbp' makes no use of the X-ray volume {flat}; {', '.join(guided[:-1])} and {guided[-1]} do."
    assert said in record["notes"]
