"""What every layer of ours carries: scale, units, axis labels, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

METADATA = "fewview"  # key within layer.metadata
FEW_ROWS = 16  # a detector of fewer rows is shown as sinograms: its projections would be a thin line


def spatial(shape: tuple[int, ...], voxel: float | None, first_row: int = 0, bin: int = 1) -> dict[str, Any]:
    """Keywords of a volume layer (z, y, x): every layer in the same unit, or napari shows them at wrong sizes.

    Parameters
    ----------
    shape : tuple of int
    voxel : float, optional
        mm; None: lengths are in pixels of the unbinned detector.
    first_row, bin : int
        Where the volume begins on the detector, and how it was binned, so that a slab lies where it belongs.

    Returns
    -------
    dict
        Scale, translation, units and axis labels of each axis.
    """
    edge = float(bin) if voxel is None else voxel
    unit = "pixel" if voxel is None else "mm"
    ndim = len(shape)
    # A binned voxel's centre lies between those of the pixels it averages, and the slices start at first_row.
    shift = np.full(ndim, (1 - 1 / bin) / 2 * edge)
    if ndim == 3:
        shift[0] += first_row * edge / bin
    return {
        "scale": (edge,) * ndim,
        "translate": tuple(shift),
        "units": (unit,) * ndim,
        "axis_labels": ("z", "y", "x")[-ndim:],
    }


def regions_on_top(layers: Any) -> None:
    """Regions, and other shapes, stay on top of what they measure."""
    for layer in [layer for layer in layers if type(layer).__name__ == "Shapes"]:
        layers.move(layers.index(layer), -1)


def projection_layer(
    frames: NDArray[np.float32], path: str, pixel: float | None
) -> tuple[NDArray[np.float32], dict[str, Any], str]:
    """Layer data of projections (angle, v, u), or of sinograms (v, angle, u) where the detector has few rows.

    Parameters
    ----------
    frames : ndarray of float32, shape (angle, v, u)
    path : str
        Of the scan.
    pixel : float or None
        Of the detector, in mm; None where it is not known.

    Returns
    -------
    data : ndarray of float32
        A view of the frames.
    attributes : dict
        Of the napari layer: name, scale, units, axis labels, contrast limits and metadata.
    type : "image"
    """
    edge = 1.0 if pixel is None else pixel
    unit = "pixel" if pixel is None else "mm"
    labels = ("angle", "v", "u")
    if frames.shape[1] < FEW_ROWS < frames.shape[0]:
        frames, labels = frames.swapaxes(0, 1), ("v", "angle", "u")
    low, high = contrast(frames)
    return (
        frames,
        {
            "name": f"Projections of {path.rsplit('/', 1)[-1]}",
            "scale": (edge,) * 3,
            "units": (unit,) * 3,
            "axis_labels": labels,
            "contrast_limits": (low, high),
            "metadata": {METADATA: {"scan": path}},
        },
        "image",
    )


def contrast(volume: NDArray[Any]) -> tuple[float, float]:
    """Contrast limits from the middle of a volume (z, y, x), or an image: percentiles, never empty."""
    middle = np.asarray(volume[len(volume) // 2] if volume.ndim == 3 else volume)
    values = middle[np.isfinite(middle)]
    if not values.size:
        return 0.0, 1.0
    bottom, top = (float(v) for v in np.percentile(values, (0.5, 99.8)))
    if top - bottom <= 0:
        bottom, top = float(values.min()), float(values.max())
    return (bottom, top) if top > bottom else (bottom, bottom + 1.0)


SIGNED = ("guide_change", "repair")  # both signs mean something: 0 is in the middle of the colours


def finer_place(place: Mapping[str, Any], shape: tuple[int, ...], fine: tuple[int, ...]) -> dict[str, Any]:
    """Scale and translation of a volume that fills the same space with more voxels.

    napari puts the centre of the first voxel at the translation; that of a finer one lies nearer to the corner.

    Parameters
    ----------
    place : mapping
        Scale and translation of the coarser one.
    shape : tuple[int, ...]
        Of the coarser one.
    fine : tuple[int, ...]
        Of the finer one.

    Returns
    -------
    dict
        As ``place``, with scale and translation of the finer one; of several volumes, with a first axis "sample".
    """
    more = len(fine) - len(shape)  # of several volumes, their number goes before
    scale = [s * n / m for s, n, m in zip(place["scale"], shape, fine[more:], strict=True)]
    corner = [t - s / 2 for t, s in zip(place["translate"], place["scale"], strict=True)]
    found: dict[str, Any] = {
        **place,
        "scale": scale,
        "translate": [c + s / 2 for c, s in zip(corner, scale, strict=True)],
    }
    if more:
        first: dict[str, list[Any]] = {
            "scale": [1.0],
            "translate": [0.0],
            "units": ["pixel"],
            "axis_labels": ["sample"],
        }
        found |= {name: [*value, *found[name]] for name, value in first.items() if name in found}
    return found


def stepped(extra: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The further volumes of a run, its samples as one (sample, z, y, x): a slider steps through them."""
    samples = [name for name in extra if name.startswith("sample_")]
    found = {name: volume for name, volume in extra.items() if name not in samples}
    return {**found, "samples": np.stack([extra[name] for name in samples])} if samples else found


def tells_nothing(name: str, volume: NDArray[Any]) -> bool:
    """Whether a map of what was changed or refused is empty: there was nothing, and an empty picture says less."""
    return name in (*SIGNED, "refused") and not np.any(volume)


def extra_look(name: str, volume: NDArray[Any]) -> dict[str, Any]:
    """Colours and contrast of a further volume of a run."""
    if name in ("finer", "pseudo-reference", "samples"):
        return {"colormap": "gray", "contrast_limits": contrast(volume)}
    if name == "refused":  # 1 where it was
        return {"colormap": "red", "contrast_limits": (0.0, 1.0)}
    if name not in SIGNED:
        return {"colormap": "inferno", "contrast_limits": contrast(volume)}
    high = contrast(abs(volume))[1]
    return {"colormap": "PiYG", "contrast_limits": (-high, high)}


def facts(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """What we wrote into a layer's metadata, or nothing."""
    result: Mapping[str, Any] = metadata.get(METADATA, {})
    return result
