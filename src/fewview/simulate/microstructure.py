"""Concrete-like samples: aggregates, coats, voids, pores, moisture, fibres and cracks, as neutrons and X-rays see them.

One structure, two attenuation volumes. Voids and aggregate outlines show in both; moisture only with neutrons (water);
the difference between quartz and limestone only with X-rays. So neither volume follows from the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .materials import ENERGIES, MATERIALS
from .packing import Cylinder, Grain, random_grain
from .textures import Field, Texture, gaussian_field, smooth_field

Volume = NDArray[np.float32]
Modality = int | str

FIELD_OF_VIEW = 19.2
"""Side of the image in mm: 75 micrometres per pixel at 256 pixels. Larger samples would be opaque to neutrons."""

_PASTE, _COAT, _VOID, _STEEL, _OUTSIDE = 0, 1, 2, 3, 4
_FIRST_GRAIN = 5


@dataclass
class Microstructure:
    """A sample on a grid twice as fine as its truth.

    Parameters
    ----------
    labels : ndarray
        (2 depth, 2 size, 2 size) uint16: paste, coat, void, steel, outside, then one label per aggregate.
    neutron_of, xray_of : ndarray
        Attenuation in mm^-1 by label; ``xray_of`` has one row per energy of 60, 80 and 100 keV.
    texture_of : ndarray
        Relative strength of the mineral texture by label.
    pixel : float
        Side of a truth pixel in mm.
    facts : dict
        Fractions and options drawn, for the record.
    """

    labels: NDArray[np.uint16]
    neutron_of: NDArray[np.float32]
    xray_of: NDArray[np.float32]
    texture_of: NDArray[np.float32]
    pixel: float
    facts: dict[str, float | int | bool]
    _moisture: Field = field(repr=False)
    _textures: dict[str, Texture] = field(repr=False)
    _pore_level: float = field(repr=False)
    _crack: Field | None = field(repr=False)

    @property
    def neutron(self) -> Volume:
        """Truth for neutrons, (depth, size, size) in mm^-1: 2 x 2 x 2 means of the fine grid."""
        return self._truth("neutron")

    @property
    def xray(self) -> Volume:
        """Truth for X-rays of 80 keV, (depth, size, size) in mm^-1."""
        return self._truth(80)

    def _truth(self, modality: Modality) -> Volume:
        step = 32
        parts = [
            halve(self.fine(modality, z, min(z + step, len(self.labels)))) for z in range(0, len(self.labels), step)
        ]
        return np.concatenate(parts)

    def fine(self, modality: Modality, first: int, last: int) -> Volume:
        """Attenuation on the fine grid.

        Parameters
        ----------
        modality : "neutron" or int
            Neutrons, or X-rays of an energy in keV.
        first, last : int
            Fine slices.

        Returns
        -------
        ndarray
            (last - first, 2 size, 2 size) in mm^-1.
        """
        labels = self.labels[first:last]
        size = labels.shape[1]
        fine = self._textures["fine"].slab(first, last, size)
        paste = labels <= _COAT
        if modality == "neutron":
            values = self.neutron_of[labels]
            dry, wet = MATERIALS["paste_dry"].neutron / 10, MATERIALS["paste_saturated"].neutron / 10
            moisture = self._moisture_slab(first, last, size)
            base = dry + (wet - dry) * moisture
            texture = 0.5 * fine + 0.85 * self._textures["neutron"].slab(first, last, size)
        else:
            row = ENERGIES.index(modality)
            values = self.xray_of[row][labels]
            dry, wet = (MATERIALS[name].xray[row] / 10 for name in ("paste_dry", "paste_saturated"))
            base = dry + (wet - dry) * self._moisture_slab(first, last, size)
            texture = 0.5 * fine + 0.85 * self._textures["xray"].slab(first, last, size)
        # The coat is porous, paste holds capillary pores: both replace solid by (partly) nothing in either volume.
        solid = np.where(labels == _COAT, np.float32(0.72), np.float32(1.0))
        pores = self._textures["pores"].slab(first, last, size) - self._pore_level
        solid *= 1 - np.clip(pores * 2, 0, 1)
        values = np.where(paste, base * solid, values)
        values *= 1 + self.texture_of[labels] * texture
        if self._crack is not None:
            values *= np.where(paste, self._open(first, last, size), np.float32(1.0))
        return np.maximum(values, 0).astype(np.float32)

    def _moisture_slab(self, first: int, last: int, size: int) -> Field:
        """Moisture is smooth: kept four times coarser, nearest in z and linear in the plane."""
        import torch
        from torch.nn import functional as F

        rows = self._moisture[np.minimum(np.arange(first, last) // 4, len(self._moisture) - 1)]
        return F.interpolate(torch.from_numpy(rows)[None], size=(size, size), mode="bilinear")[0].numpy()

    def _open(self, first: int, last: int, size: int) -> Field:
        """What a crack leaves: 0 in its middle, 1 away from it."""
        assert self._crack is not None
        distance = np.abs(np.arange(size, dtype=np.float32)[None, :, None] - self._crack[first:last, None, :])
        result: Field = np.clip(distance - self.facts["crack_width"], 0, 1).astype(np.float32)
        return result


def microstructure(size: int, seed: int, depth: int | None = None) -> Microstructure:
    """Grow one sample; everything follows from the seed.

    Parameters
    ----------
    size : int
        Truth pixels across the field of view; the sample's diameter is 0.9 of it.
    seed : int
        See :mod:`fewview.simulate.seeds` for who may use which.
    depth : int, optional
        Truth slices; ``size`` when not given.

    Returns
    -------
    Microstructure
        Labels (depth, size, size), what they attenuate in mm^-1, the pixel in mm, and facts of the sample.
    """
    rng = np.random.default_rng(seed)
    shape = (depth or size, size, size)
    cylinder = Cylinder(shape, 0.45 * size)
    largest = size * rng.uniform(0.05, 0.18)
    smallest = size * rng.uniform(0.012, 0.02)
    radii = np.geomspace(largest, smallest, 7)
    # Fuller's curve, volume below a size ~ size^n: in classes of equal ratio the volume goes with size^n.
    weight = radii ** rng.uniform(0.25, 0.8)
    fraction = rng.uniform(0.28, 0.48)
    cored = bool(rng.random() < 0.5)
    angular = bool(rng.random() < 0.6)
    cuts = (8, 22) if angular else (0, 6)
    gap = 0.5 * size / 128
    grains = cylinder.fill(rng, radii, fraction * weight / weight.sum(), cuts, 0.45, gap, cored)
    air = float(rng.uniform(0.005, 0.05))
    void_radii = size * np.geomspace(0.04, 0.008, 5)
    share = rng.dirichlet([0.5, 1, 1.5, 1.5, 1.5])
    voids = cylinder.fill(rng, void_radii, air * share, (0, 0), 0.8, gap / 2, True)
    fibres = _fibres(rng, cylinder, size) if rng.random() < 0.12 else []
    thickness = float(rng.uniform(0.5, 1.2) * size / 128)
    labels = _rasterise(cylinder, grains, voids, fibres, thickness)
    neutron_of, xray_of, texture_of = _lithology(rng, len(grains))
    fine_size = 2 * size
    unit = fine_size / 256
    textures = {
        "fine": Texture(rng, max(0.7, 1.6 * unit)),
        "neutron": Texture(rng, max(0.7, rng.uniform(1.0, 4.0) * unit)),
        "xray": Texture(rng, max(0.7, rng.uniform(1.0, 4.0) * unit)),
        "pores": Texture(rng, max(0.6, rng.uniform(0.7, 1.3) * unit)),
    }
    texture_of[: _COAT + 1] = rng.uniform(0.06, 0.14)
    crack = _crack(rng, labels.shape) if rng.random() < 0.3 else None
    facts: dict[str, float | int | bool] = {
        "seed": seed,
        "aggregates": len(grains),
        "aggregate_fraction": float((labels >= _FIRST_GRAIN).sum() / (labels != _OUTSIDE).sum()),
        "void_fraction": float((labels == _VOID).sum() / (labels != _OUTSIDE).sum()),
        "fibres": len(fibres),
        "cored": cored,
        "crack_width": float(rng.uniform(0.2, 1.6) * unit),
    }
    moisture = _moisture(rng, tuple(max(2, n // 4) for n in labels.shape))
    level = float(rng.uniform(1.5, 2.2))
    return Microstructure(
        labels, neutron_of, xray_of, texture_of, FIELD_OF_VIEW / size, facts, moisture, textures, level, crack
    )


def halve(volume: NDArray[np.float32]) -> Volume:
    """Return the means of 2 x 2 x 2 voxels."""
    z, y, x = (n // 2 for n in volume.shape)
    result: Volume = volume.reshape(z, 2, y, 2, x, 2).mean(axis=(1, 3, 5), dtype=np.float32)
    return result


def _rasterise(
    cylinder: Cylinder, grains: list[Grain], voids: list[Grain], fibres: list[Grain], thickness: float
) -> NDArray[np.uint16]:
    shape = tuple(2 * n for n in cylinder.shape)
    labels = np.zeros(shape, np.uint16)
    for number, grain in enumerate(grains):
        window, distance = grain.distance(shape, 2.0, thickness)  # type: ignore[arg-type]
        part = labels[window]
        part[(distance < thickness) & (part == _PASTE)] = _COAT
        part[distance < 0] = number + _FIRST_GRAIN
    for label, bodies in ((_VOID, voids), (_STEEL, fibres)):
        for body in bodies:
            window, distance = body.distance(shape, 2.0, 0.0)  # type: ignore[arg-type]
            labels[window][distance < 0] = label
    y, x = (np.arange(n) + 0.5 - n / 2 for n in shape[1:])
    labels[:, np.hypot(y[:, None], x[None, :]) >= 2 * cylinder.radius] = _OUTSIDE
    return labels


def _lithology(
    rng: np.random.Generator, count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Draw what each aggregate is made of: quartz or limestone, with its own density, porosity (water) and texture."""
    limestone = rng.random(count) < rng.uniform(0, 1)
    density = rng.normal(1.0, 0.04, count)
    water = np.abs(rng.normal(0, 0.03, count)) * np.where(limestone, 2.0, 0.6)  # volume fraction
    total = count + _FIRST_GRAIN
    neutron = np.zeros(total, np.float32)
    xray = np.zeros((len(ENERGIES), total), np.float32)
    texture = np.zeros(total, np.float32)
    quartz, calcite, wet = MATERIALS["quartz"], MATERIALS["calcite"], MATERIALS["water"]
    mineral = np.where(limestone, calcite.neutron, quartz.neutron)
    neutron[_FIRST_GRAIN:] = (mineral * density + wet.neutron * water) / 10
    neutron[_STEEL] = MATERIALS["steel"].neutron / 10
    for row in range(len(ENERGIES)):
        mineral = np.where(limestone, calcite.xray[row], quartz.xray[row])
        xray[row, _FIRST_GRAIN:] = (mineral * density + wet.xray[row] * water) / 10
        xray[row, _STEEL] = MATERIALS["steel"].xray[row] / 10
    texture[_FIRST_GRAIN:] = rng.uniform(0.02, 0.14, count)
    return neutron, xray, texture


def _moisture(rng: np.random.Generator, shape: tuple[int, int, int]) -> Field:
    """Water content, 0 dry to 1 saturated: dries from the mantle inwards, with patches."""
    y, x = (2 * (np.arange(n) + 0.5) / n - 1 for n in shape[1:])
    depth = np.maximum(0.9 - np.hypot(y[:, None], x[None, :]), 0)
    front = np.exp(-depth / rng.uniform(0.08, 0.5)) * rng.uniform(0, 0.9)
    level = rng.uniform(0.35, 1.0)
    patches = smooth_field(rng, shape, rng.uniform(0.06, 0.2)) * rng.uniform(0.02, 0.15)
    return np.clip(level - front[None] + patches, 0, 1).astype(np.float32)


def _fibres(rng: np.random.Generator, cylinder: Cylinder, size: int) -> list[Grain]:
    """Steel fibres: very long thin ellipsoids with cut ends, in the free paste."""
    fibres = []
    places = np.argwhere(~cylinder.taken & cylinder.inside) + 0.5
    for _ in range(int(rng.integers(3, 20))):
        half = size * rng.uniform(0.05, 0.15)
        thin = size * rng.uniform(0.006, 0.01)
        grain = random_grain(rng, half, (0, 0), 1.0)
        turn = grain.matrix * half
        grain = Grain(grain.centre, turn / np.array([half, thin, thin])[:, None], grain.normals, grain.offsets, half)
        laid = cylinder.place(rng, grain, places, 0.0, True, tries=30)
        if laid is not None:
            fibres.append(laid[0])
    return fibres


def _crack(rng: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """Row of the crack's middle at each (z, x): a tilted, wavy surface."""
    depth, size = shape[0], shape[2]
    wave = np.cumsum(gaussian_field(rng, (size,), 3.0)) * rng.uniform(0.1, 0.5)
    wave -= np.linspace(0, wave[-1], size)
    tilt = rng.uniform(-0.5, 0.5) * (np.arange(size) - size / 2) + rng.uniform(-0.3, 0.3) * np.arange(depth)[:, None]
    rows = size / 2 + rng.uniform(-0.25, 0.25) * size + tilt + wave + 2 * gaussian_field(rng, (depth, size), 6.0)
    reach = size * (0.5 + rng.uniform(-0.25, 0.25))
    # A crack ends inside the sample: beyond its reach it lies far outside the image.
    ends = np.arange(size) > reach if rng.random() < 0.5 else np.arange(size) < reach
    return np.where(ends[None], np.float32(-1e4), rows).astype(np.float32)
