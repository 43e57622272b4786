"""Make the snail-shell sample from the neutron and X-ray slices of ImagingLectures/Tomography4NI (CC0).

    python scripts/make_shell_sample.py FOLDER_WITH_shellN.npy_AND_shellX.npy

The slices are real; their projections were never published. The neutron scan is therefore simulated from the neutron
slice at its full resolution, binned on the detector, with Poisson noise. The reference and the X-ray guide are the
slices at half resolution. The X-ray slice as published is turned by some 3.4 degrees against the neutron slice; it is
registered here, as `fewview register` does. The pixel size is not known and stays unknown.
"""

import sys
from pathlib import Path

import h5py
import numpy as np

from fewview.frames import bin_mean
from fewview.io import write_volume
from fewview.registration import Grid, register, registered
from fewview.samples import FOLDER
from fewview.simulate.project import project

WINDOW = (slice(33, 577), slice(56, 600))  # the shell with some air around it, square and even
VIEWS, COUNTS, FRAMES, SEED = 40, 2000, 10, 20260101
NEUTRON_AIR, XRAY_AIR = 20700, 12000  # medians of the air in the slices
PER_PIXEL = 0.015 / 30000  # so that the shell lets through as much as a few millimetres of it would


def attenuation(values, air):
    """Grey values as attenuation per pixel of the half resolution, air at zero, nothing outside the circle."""
    values = np.clip(values[WINDOW].astype(np.float32) - air, 0, None) * PER_PIXEL
    y, x = np.indices(values.shape) - (values.shape[0] - 1) / 2
    values[np.hypot(y, x) > values.shape[0] / 2 - 1] = 0
    return values[None]


def main(folder):
    """Write the sample from the two published slices in this folder."""
    grey, published = (np.load(folder / f"shell{name}.npy").astype(np.float32)[None] for name in "NX")
    grid = Grid.cubic(grey.shape)
    # Outside of its turned field of view the neutron slice holds zeros. A scale is found: the pixels need not be alike.
    found = register(grey, published, grid, grid, mask=grey > 0, unit="px")
    print("registered:", found.quality)
    neutron = attenuation(grey[0], NEUTRON_AIR)
    xray = attenuation(registered(published, grid, found, grid)[0][0], XRAY_AIR)
    angles = np.arange(VIEWS) * np.pi / VIEWS
    fine = project(neutron, angles)[0] / 2  # lengths in pixels of the half resolution
    transmission = np.exp(-fine).reshape(VIEWS, 1, -1, 2).mean(axis=-1)
    random = np.random.default_rng(SEED)
    columns = transmission.shape[-1]
    with h5py.File(FOLDER / "shell.h5", "w") as file:
        file.attrs["implements"] = "exchange"
        for name, mean in (
            ("data", COUNTS * transmission),
            ("data_white", np.full((FRAMES, 1, columns), COUNTS)),
            ("data_dark", np.zeros((FRAMES, 1, columns))),
        ):
            file.create_dataset(f"exchange/{name}", data=random.poisson(mean).astype(np.uint16), compression="gzip")
        theta = file.create_dataset("exchange/theta", data=np.degrees(angles))
        theta.attrs["units"] = "deg"
        file.create_dataset("exchange/title", data="Snail shell, neutrons, simulated from a measured slice")
    about = {"source": "ImagingLectures/Tomography4NI, CC0-1.0", "made_by": "scripts/make_shell_sample.py"}
    write_volume(FOLDER / "shell_neutron.tif", bin_mean(neutron, 2), record=about)
    write_volume(FOLDER / "shell_xray.tif", bin_mean(xray, 2), record=about | {"registration": found.to_json()})
    print("transmission", transmission.min(), "volume", bin_mean(neutron, 2).shape)


main(Path(sys.argv[1]))
