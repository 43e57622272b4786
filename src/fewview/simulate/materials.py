"""Attenuation of the materials of concrete, for thermal neutrons and for X-rays at three energies, in cm^-1.

Neutrons (1.8 Angstrom): bound scattering plus absorption cross sections (Sears, Neutron News 3, 1992), hydrogen in
water scaled to the effective 3.5 cm^-1 of thermal beams. X-rays: mass attenuation (NIST XCOM) times density. Good to
10-20 %, which is less than real concretes differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Energy = Literal[60, 80, 100]
ENERGIES: tuple[Energy, ...] = (60, 80, 100)


@dataclass(frozen=True)
class Material:
    """One material: attenuation in cm^-1 for thermal neutrons and for X-rays of 60, 80 and 100 keV."""

    neutron: float
    xray: tuple[float, float, float]


MATERIALS: dict[str, Material] = {
    "air": Material(0.0, (0.0, 0.0, 0.0)),
    "water": Material(3.5, (0.206, 0.184, 0.171)),
    "quartz": Material(0.29, (0.67, 0.51, 0.45)),
    "calcite": Material(0.35, (1.02, 0.67, 0.53)),
    "paste_saturated": Material(2.25, (0.68, 0.45, 0.36)),
    "paste_moist": Material(1.4, (0.63, 0.41, 0.32)),  # about 60 % of the water left
    "paste_dry": Material(0.9, (0.60, 0.38, 0.30)),  # oven-dry: bound water only
    "steel": Material(1.20, (9.5, 4.7, 2.9)),
}
