"""Simulated samples and their measurement: phantoms, materials, acquisition, seeds."""

from .acquire import Beam, Counts, measure
from .phantoms import PHANTOMS, make_phantom
from .simulator import Simulated, Simulation, simulate
from .write import write_simulated

__all__ = [
    "PHANTOMS",
    "Beam",
    "Counts",
    "Simulated",
    "Simulation",
    "make_phantom",
    "measure",
    "simulate",
    "write_simulated",
]
