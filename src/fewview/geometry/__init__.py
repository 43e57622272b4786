"""How a scan was taken: immutable values that travel with the data, and that operators carry.

The geometry that a solver received is the one that is shown; nothing else in fewview stores an axis or angles.
"""

from .base import ASIDE, Beam
from .fan import FanBeam
from .parallel import ParallelBeam
from .views import HALF_TURN, duplicate_views, full_turn, spread_views
from .volume import VolumeGrid

__all__ = [
    "ASIDE",
    "HALF_TURN",
    "Beam",
    "FanBeam",
    "ParallelBeam",
    "VolumeGrid",
    "duplicate_views",
    "full_turn",
    "spread_views",
]
