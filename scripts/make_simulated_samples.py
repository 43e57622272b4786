"""Make the simulated samples: few-view neutron scans, their truth, and of concrete the truth that X-rays would show.

    python scripts/make_simulated_samples.py

The same run gives the same bytes of data; `fewview simulate` makes larger ones.
"""

import h5py

from fewview.io import write_volume
from fewview.samples import FOLDER
from fewview.simulate import Simulation, simulate, write_simulated

OPTIONS = {
    "microstructure": Simulation(
        phantom="microstructure", size=96, depth=8, views=32, counts=2000, xray_views=0, seed=7
    ),
    "torso": Simulation(phantom="anatomy", size=32, views=2, counts=2000, xray_views=0, seed=7),
}

for key, options in OPTIONS.items():
    simulated = simulate(options)
    path = FOLDER / f"{key}.h5"
    write_simulated(simulated, path)
    with h5py.File(path, "a") as whole:
        del whole["truth"]  # in files of their own, where a reference is looked for
    small = path.with_suffix(".small.h5")
    with h5py.File(path) as whole, h5py.File(small, "w") as packed:  # HDF5 gives deleted space back only to a new file
        packed.attrs.update(whole.attrs)
        for name in whole:
            whole.copy(name, packed)
    small.replace(path)
    write_volume(FOLDER / f"{key}_truth.tif", simulated.truth_neutron, voxel=simulated.pixel)
    if key == "microstructure":
        write_volume(FOLDER / f"{key}_xray.tif", simulated.truth_xray, voxel=simulated.pixel)
