"""Simulated scans as HDF5 in the layout of the Scientific Data Exchange, truth and X-ray scan included."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from ..atomic_write import check_writable, written_whole
from ..errors import FewviewError
from .acquire import Counts
from .simulator import Simulated


def write_simulated(simulated: Simulated, path: Path) -> None:
    """Write a simulation; the file appears under its name only when it is whole.

    Parameters
    ----------
    simulated : Simulated
        What to write.
    path : Path
        ``.h5``. Holds ``/exchange`` (the neutron scan: data, data_white, data_dark, theta in degrees),
        ``/xray/exchange``, ``/truth/neutron`` and ``/truth/xray`` in mm^-1, and ``/simulation`` with the options.

    Raises
    ------
    FewviewError
        The file cannot be written, or the name does not end with .h5 or .hdf5.
    """
    if path.suffix not in (".h5", ".hdf5"):
        raise FewviewError(f"{path.name} does not end with .h5.", "Give a name like sample.h5.")
    check_writable(path, 0)
    import h5py

    with written_whole(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["implements"] = "exchange"
        _scan(file.create_group("exchange"), simulated.neutron, simulated)
        if simulated.xray is not None:
            _scan(file.create_group("xray/exchange"), simulated.xray, simulated)
        for name, volume in (("neutron", simulated.truth_neutron), ("xray", simulated.truth_xray)):
            data = file.create_dataset(f"truth/{name}", data=volume, compression="gzip", compression_opts=1)
            data.attrs.update(units="1/mm", axes="z:y:x", voxel_mm=simulated.pixel)
        file.create_dataset("simulation", data=json.dumps(_record(simulated)))
        pixel = file.create_dataset("measurement/instrument/detector/actual_pixel_size_x", data=_width(simulated))
        pixel.attrs["units"] = "mm"


def _scan(group: Any, counts: Counts, simulated: Simulated) -> None:
    for name, frames in (("data", counts.projections), ("data_white", counts.flats), ("data_dark", counts.darks)):
        # Whole counts fit 16 bits and compress; noiseless transmission stays float.
        whole = bool(np.all(frames == np.rint(frames))) and frames.max(initial=0) < 65536 and frames.max(initial=0) > 1
        values = frames.astype(np.uint16) if whole else frames
        data = group.create_dataset(
            name, data=values, chunks=(1, *values.shape[1:]), compression="gzip", compression_opts=1
        )
        data.attrs.update(units="counts", axes="theta:y:x")
    theta = group.create_dataset("theta", data=np.degrees(counts.angles))
    theta.attrs["units"] = "deg"
    group.attrs["pixel_size_mm"] = _width(simulated)
    if simulated.fan is not None:
        group.attrs.update(distance_source_axis_mm=simulated.fan.sod, distance_source_detector_mm=simulated.fan.sdd)
    group.attrs["axis"] = (counts.projections.shape[2] - 1) / 2


def _width(simulated: Simulated) -> float:
    """Of a detector pixel, mm."""
    return simulated.pixel if simulated.fan is None else simulated.fan.pitch


def _record(simulated: Simulated) -> dict[str, Any]:
    def beam(value: Any) -> dict[str, Any]:
        fields = dataclasses.asdict(value)
        fields["spectrum"] = {str(k): v for k, v in value.spectrum.items()}
        return fields

    return {
        "options": simulated.options.model_dump(mode="json"),
        "neutron_beam": beam(simulated.neutron_beam),
        "xray_beam": beam(simulated.xray_beam),
    }
