"""Make the microstructure sample: a simulated few-view neutron scan, its truth, and the truth that X-rays would show.

    python scripts/make_microstructure_sample.py

The same run gives the same bytes of data; `fewview simulate` makes larger ones.
"""

import h5py

from fewview.io import write_volume
from fewview.samples import FOLDER
from fewview.simulate import Simulation, simulate, write_simulated

OPTIONS = Simulation(phantom="microstructure", size=96, depth=8, views=32, counts=2000, xray_views=0, seed=7)

simulated = simulate(OPTIONS)
path = FOLDER / "microstructure.h5"
write_simulated(simulated, path)
with h5py.File(path, "a") as whole:
    del whole["truth"]  # in files of their own, where a reference is looked for
small = path.with_suffix(".small.h5")
with h5py.File(path) as whole, h5py.File(small, "w") as packed:  # HDF5 gives deleted space back only to a new file
    packed.attrs.update(whole.attrs)
    for name in whole:
        whole.copy(name, packed)
small.replace(path)
for name, truth in (("truth", simulated.truth_neutron), ("xray", simulated.truth_xray)):
    write_volume(FOLDER / f"microstructure_{name}.tif", truth, voxel=simulated.pixel)
