"""What a reconstruction is good for: phases found by one threshold each, and how steady it is from slice to slice."""

import numpy as np
from scipy.ndimage import binary_fill_holes
from skimage.filters import threshold_otsu

CONSTANT = 0.02  # of the range of the truth: neighbouring slices that differ by less are the same
LEAST = 20  # voxels of a phase, for a Dice coefficient of it


def dice(volume, truth):
    """Dice coefficients of what Otsu's threshold finds within the object: "pores", and "aggregates" of the rest.

    The object is known, as it is to whoever looks at it. In it one threshold parts pores from solid, and one the solid
    into the brighter and the darker; each volume gets its own, as in practice.

    Parameters
    ----------
    volume, truth : ndarray, shape (slices, y, x)
    """
    inside = np.stack([binary_fill_holes(part > 0.05 * truth.max()) for part in truth])
    found, wanted = _phases(volume, inside), _phases(truth, inside)
    return {name: _dice(found[name], wanted[name]) for name in wanted if wanted[name].sum() >= LEAST}


def jitter(volume, truth):
    """Mean absolute difference of neighbouring slices where the truth has none, in parts of the truth's range.

    Parameters
    ----------
    volume, truth : ndarray, shape (slices, y, x)
    """
    span = float(truth.max() - truth.min())
    same = np.abs(np.diff(truth, axis=0)) < CONSTANT * span
    return float(np.abs(np.diff(volume, axis=0))[same].mean()) / span


def _phases(volume, inside):
    values = volume[inside]
    pore = threshold_otsu(values)
    solid = values[values > pore]
    return {"pores": inside & (volume <= pore), "aggregates": inside & (volume > threshold_otsu(solid))}


def _dice(one, other):
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())
