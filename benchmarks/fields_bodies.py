"""Fields on a disk and on ellipsoids, whose line integrals are known exactly; a part of `fields.py`."""

import itertools

import numpy as np
import torch

from fewview.geometry import FanBeam, ParallelBeam
from fewview.methods import Problem, get_method
from fewview.operators import projector
from fewview.quality import psnr

# Middle (x, y, z), half axes, both in voxels of a slice of 64, and value.
FLAT = float("inf")
BODIES = {
    "disk": (
        (6.0, -4.0, 0.0, 17.0, 17.0, FLAT, 1.0),
        (-9.0, 12.0, 0.0, 6.0, 6.0, FLAT, 0.5),
        (12.0, -10.0, 0.0, 4.0, 4.0, FLAT, -0.4),
    ),
    "ellipsoids": (
        (6.0, -4.0, 0.0, 17.0, 13.0, 11.0, 1.0),
        (-11.0, 14.0, 1.0, 9.0, 6.0, 5.0, 0.5),
        (12.0, -8.0, -1.0, 4.0, 4.0, 4.0, -0.4),
    ),
}
INSIDE = {"disk": ((6.0, -4.0, 13.0), (12.0, -10.0, 8.0)), "ellipsoids": ((6.0, -4.0, 8.0), (12.0, -8.0, 7.0))}
"""Where the mean is taken: in the first circle (x, y, radius), outside of the second; there the value is 1."""
DEPTHS = {"disk": 1, "ellipsoids": 6}
PARTS = 8
"""Of a pixel and of a voxel, whose values are means over them."""
BEAMS = {
    "parallel": lambda size, views, rows: ParallelBeam(
        np.arange(views) * np.pi / views, rows, size, (size - 1) / 2, 3.2 / size
    ),
    "fan": lambda size, views, rows: FanBeam(
        np.arange(views) * 2 * np.pi / views, rows, size, (size - 1) / 2, 4.8 / size, sod=60.0, sdd=90.0
    ),
}


def bodies(sizes=(64, 128), views=64):
    """Each field, and TV, on a disk and on ellipsoids with others in and beside: both beams, exact line integrals."""
    for name, size, beam, method in itertools.product(BODIES, sizes, BEAMS, ("naf", "r2gaussian", "inr", "tv")):
        depth = DEPTHS[name]
        geometry = BEAMS[beam](size, views, depth)
        A = projector(geometry)
        heights = [(row - (depth - 1) / 2 + part) * 64 / size for row in range(depth) for part in parts()]
        # Rows go down as z does: the first is the one at the least z.
        data = np.stack([exact(name, height, geometry, size / 64 * A.volume.voxel) for height in heights])
        fine = (np.arange(PARTS * A.grid) - (PARTS * A.grid - 1) / 2) / PARTS * 64 / size
        truth = np.stack([truth_of(name, height, fine) for height in heights])
        data, truth = (array.reshape(depth, PARTS, *array.shape[1:]).mean(axis=1) for array in (data, truth))
        problem = Problem(A, torch.tensor(data, dtype=torch.float32))
        for last in get_method(method).run(problem, get_method(method).options()):  # noqa: B007
            pass
        volume = last.array
        x, y = fine.reshape(-1, PARTS).mean(axis=1), -fine.reshape(-1, PARTS).mean(axis=1)[:, None]
        (x1, y1, r1), (x2, y2, r2) = INSIDE[name]
        inside = (np.hypot(x - x1, y - y1) < r1) & (np.hypot(x - x2, y - y2) > r2)
        row = {"body": name, "size": size, "beam": beam, "views": views, "method": method}
        row |= {"mean": round(float(volume[:, inside].mean()), 4), "psnr": round(psnr(volume, truth), 2)}
        print(row, flush=True)
        yield row


def parts():
    """Middles of the parts of a pixel, from its own middle."""
    return (np.arange(PARTS) - (PARTS - 1) / 2) / PARTS


def exact(name, height, geometry, unit):
    """Line integrals through the ellipses in which a plane cuts the bodies, mean over a pixel's width."""
    lines = np.zeros((geometry.views, geometry.columns))
    for part in parts():
        shifted = geometry.with_axis(geometry.centre - part)
        for view in range(geometry.views):
            start, along = shifted.rays(view)
            for x, y, z, a, b, c, value in BODIES[name]:
                cut = 1 - ((height - z) / c) ** 2
                if cut <= 0:
                    continue
                axes = unit * np.sqrt(cut) * np.array([a, b])
                start_, along_ = (start - unit * np.array([x, y])) / axes, along / axes
                square, dot = (along_**2).sum(axis=1), (start_ * along_).sum(axis=1)
                root = np.sqrt(np.clip(dot**2 - square * ((start_**2).sum(axis=1) - 1), 0, None))
                lines[view] += 2 * value * root / square / PARTS
    return lines


def truth_of(name, height, fine):
    """The slice at a height, in voxels of the problem."""
    slab = np.zeros((fine.size, fine.size))
    for x, y, z, a, b, c, value in BODIES[name]:
        cut = 1 - ((height - z) / c) ** 2
        slab += value * (((fine - x) / a) ** 2 + ((-fine[:, None] - y) / b) ** 2 < cut)
    middle = slab.reshape(fine.size // PARTS, PARTS, fine.size // PARTS, PARTS)
    return middle.mean(axis=(1, 3)).astype(np.float32)
