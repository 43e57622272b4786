"""The sample scans of the manifest. All lie in the package: no network, nothing to wait for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Layer

from ...io import Volume, read_volume
from ...samples import FOLDER, TOOTH
from ..common.layers import METADATA, contrast, finer_place, projection_layer, spatial
from ..files.layer_files import KNOWN, mark
from .presenter import ScanPresenter

SAMPLES = {
    "tooth": "Tooth (X-ray, measured)",
    "shell": "Snail shell (neutron and X-ray, few views)",
    "microstructure": "Microstructure (simulated)",
    "torso": "Torso from two views (simulated)",
}
LayerTuple = tuple[np.ndarray, dict[str, Any], str]


def tooth() -> list[LayerTuple]:
    """Measured X-ray scan of a tooth, 181 views, two rows."""
    return [scan_layer(TOOTH)]


def shell() -> list[LayerTuple]:
    """Few-view neutron scan of a snail shell, with its X-ray slice as guide and the neutron slice as reference."""
    return with_volumes(**sample_files("shell"))


def microstructure() -> list[LayerTuple]:
    """Simulated few-view neutron scan of a concrete-like sample, with X-ray volume and truth."""
    return with_volumes(**sample_files("microstructure"))


def torso() -> list[LayerTuple]:
    """Simulated scan of a torso from two views, with its truth."""
    return with_volumes(**sample_files("torso"))


def scan_layer(path: str | Path, **about: Any) -> LayerTuple:
    """Projections of a scan as a layer that the docks recognise."""
    scan = ScanPresenter()
    scan.load(path)
    data, keywords, kind = projection_layer(scan.projections(), str(path), scan.pixel)
    keywords["metadata"][METADATA].update(about)
    return data, keywords, kind


def with_volumes(path: str, reference: str, auxiliary: str | None = None) -> list[LayerTuple]:
    """A scan with the volumes that belong to it; hidden, so that the scan is what one sees first.

    Parameters
    ----------
    path : str
        Of the scan.
    reference : str
        File of the reference.
    auxiliary : str, optional
        File of the X-ray volume.

    Returns
    -------
    list of (data, attributes, type)
        As napari takes layers from a reader; the scan is the last one.
    """
    about, layers = {"reference": reference}, [volume_layer(reference, "Reference", of=path, visible=False)]
    if auxiliary is not None:
        about["auxiliary"] = auxiliary
        layers.append(volume_layer(auxiliary, "X-ray", of=path, visible=False, colormap="bone"))
    return [*layers, scan_layer(path, **about)]


def sample_files(key: str) -> dict[str, str]:
    """Files of a sample, as :meth:`~fewview.viewer.workbench.Workbench.open` takes them."""
    if key == "tooth":
        return {"path": str(TOOTH)}
    other = "neutron" if key == "shell" else "truth"
    names = {"path": f"{key}.h5", "auxiliary": f"{key}_xray.tif", "reference": f"{key}_{other}.tif"}
    if key == "torso":
        del names["auxiliary"]
    return {what: str(FOLDER / name) for what, name in names.items()}


def volumes_of(scan: ScanPresenter) -> list[Layer]:
    """The X-ray volume and the reference of a scan as layers, hidden."""
    found = (("Reference", scan.reference, "gray"), ("X-ray", scan.auxiliary, "bone"))
    given = [volume_layer(path, name, scan.path, visible=False, colormap=look) for name, path, look in found if path]
    return [Layer.create(*one) for one in given]


def volume_layer(path: str | Path, name: str = "", of: str = "", **more: Any) -> LayerTuple:
    """A volume file as a layer; the file stays known, so that recipes can name it; ``of``: the scan it belongs to.

    Parameters
    ----------
    path : str or Path
    name : str, optional
        Of the layer; that of the file where it is empty.
    of : str, optional
    **more
        Further attributes of the napari layer.

    Returns
    -------
    (data, attributes, type)
        Values (z, y, x), and an image layer in mm where the voxel is known.
    """
    volume = read_volume(path)
    place = _place(volume)
    keywords = {
        "name": name or Path(path).stem,
        "contrast_limits": contrast(volume.values),
        "metadata": {
            METADATA: {
                "file": str(path),
                KNOWN: mark(path, volume.values, place),
                "record": volume.attrs.get("record", {}),
                "unit": volume.attrs.get("unit"),
                "of": of,
            }
        },
        **place,
        **more,
    }
    return volume.values, keywords, "image"


def _place(volume: Volume) -> dict[str, Any]:
    """Where a volume lies: one of a run where its rows do, however it was binned, and whatever comes beside it.

    One that was written because its layer had been changed tells itself.
    """
    record, shape = volume.attrs.get("record") or {}, volume.values.shape
    if isinstance(said := record.get("place"), dict):
        units, labels = (said["unit"],) * 3, ("z", "y", "x")
        return {"scale": tuple(said["step"]), "translate": tuple(said["origin"]), "units": units, "axis_labels": labels}
    recipe, result = record.get("recipe") or {}, tuple(record.get("shape") or shape)
    finer = max(1, shape[-1] // result[-1])
    rows, factor = recipe.get("rows"), int(recipe.get("bin", 1))
    voxel = None if volume.voxel is None else volume.voxel * finer
    place = spatial(shape, voxel, rows[0] if rows else 0, factor)
    return finer_place(place, result, shape) if finer > 1 else place
