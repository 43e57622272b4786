"""Registration of X-ray volumes: known transforms recovered, wrong samples told.

    python benchmarks/registration.py DATA

Simulated: the X-ray truth, at twice the resolution, is resampled to other voxels, another field of view and any turn
about the vertical, tilted by up to 5 degrees, scaled by up to 3 %, with 3 % noise; the neutron side is the truth or a
CGLS reconstruction of few views of 2000 counts. Measured: the registered slices of the snail shell (DATA holds
`pair_neutron_xray_shell`), the X-ray one moved by a known transform on top of the one that registers the pair: as
published it is turned by 3.4 degrees (row "as published", whose error is that against no transform at all). Control
"other": the X-ray volume of another sample under the same transform; for the shell its mirror image.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from fewview.geometry import ParallelBeam
from fewview.registration.metric import Body
from fewview.registration.register import registration_steps
from fewview.registration.transform import Grid, Similarity, resample, turn
from fewview.runs.auxiliary import quick_volume
from fewview.scan import LineIntegrals
from fewview.simulate.microstructure import microstructure
from fewview.simulate.project import project

OUT = Path(__file__).parent / "results" / "registration.json"
COUNTS, NOISE, VOXEL, FIELD = 2000, 0.03, 0.7, 1.1
SHELL_VALID = 1  # grey value from which a pixel of the neutron slice lies within its field of view


def truth_and_xray(size, seed):
    """Neutron truth, X-ray values on the fine grid, pixel in mm."""
    grown = microstructure(size, seed)
    fine = np.concatenate([grown.fine(80, z, min(z + 16, 2 * size)) for z in range(0, 2 * size, 16)])
    return grown.neutron, fine, grown.pixel


def few_views(neutron, pixel, views, seed):
    """A CGLS reconstruction as a run makes it, of noisy projections at twice the resolution of the detector."""
    angles = np.arange(views) * np.pi / views
    size = neutron.shape[-1]
    fine = project(np.repeat(np.repeat(neutron, 2, axis=1), 2, axis=2), angles) * pixel / 2
    transmission = np.exp(-fine).reshape(len(neutron), views, size, 2).mean(axis=-1)
    counted = np.random.default_rng(seed).poisson(COUNTS * transmission)
    values = -np.log(np.maximum(counted, 1) / COUNTS).swapaxes(0, 1).astype(np.float32)
    geometry = ParallelBeam(angles, rows=len(neutron), columns=size, axis=(size - 1) / 2, pixel=pixel)
    return quick_volume(LineIntegrals(values, geometry), device="cpu")


def drawn_pose(rng, grid, moving, flat=False):
    """A transform that a user's volume may have."""
    tilt = [0.0, 0.0] if flat else rng.uniform(-5, 5, 2)
    rotation = turn(rng.uniform(0, 360)) @ turn(tilt[0], 1) @ turn(tilt[1], 2)
    shift = rng.uniform(-3, 3, 3) * grid.spacing[-1]
    shift[0] *= not flat
    return Similarity.about(rotation, rng.uniform(0.97, 1.03), grid.centre, moving.centre + shift)


def error(found, true, body):
    """Largest distance in neutron voxels over the sample, and angle in degrees."""
    points = body.grid.position(np.argwhere(body.mask & (body.values > body.values.mean()))[::7])
    apart = np.linalg.norm(found(points) - true(points), axis=1) / true.scale / body.grid.spacing[-1]
    return float(apart.max()), float(np.sqrt((apart**2).mean())), found.angle_to(true)


def measured(row, neutron, xray, grid, moving_grid, true, body, **more):
    """One row of the results."""
    began = time.process_time()
    for step in registration_steps(neutron, xray, grid, moving_grid, **more):  # noqa: B007
        pass
    found = step.result
    assert found is not None
    largest, rms, angle = error(found.transform, true, body)
    quality = found.quality
    return {
        **row,
        "error_px": round(largest, 4),
        "error_rms_px": round(rms, 4),
        "error_deg": round(angle, 4),
        "error_scale": round(found.scale / true.scale - 1, 5),
        "good": quality.good,
        "distinction": round(quality.distinction, 2),
        "halves_px": round(min(quality.halves, 999.0), 3),
        "likeness": round(quality.likeness, 4),
        "chance": round(quality.chance, 4),
        "cpu_seconds": round(time.process_time() - began, 1),
    }


def simulated(size, seeds, views, poses):
    """Rows of the microstructure."""
    for seed in seeds:
        neutron, fine, pixel = truth_and_xray(size, seed)
        grid = Grid.cubic(neutron.shape, pixel)
        samples = {"right": fine, "other": truth_and_xray(size, seed + 100)[1]}
        fine_grid = Grid(fine.shape, (pixel / 2,) * 3, (-pixel / 4,) * 3)
        side = int(size * FIELD / VOXEL)
        moving_grid = Grid.cubic((side,) * 3, pixel * VOXEL)
        body = Body.of(neutron, grid)
        for count in views:
            seen = neutron if count is None else few_views(neutron, pixel, count, seed)
            for number in range(poses):
                rng = np.random.default_rng([seed, number])
                true = drawn_pose(rng, grid, moving_grid)
                for control in ("right", "other") if number == 0 else ("right",):
                    xray, _ = resample(samples[control], fine_grid, true.inverse(), moving_grid, order=1)
                    xray += rng.normal(0, NOISE * np.percentile(xray, 99), xray.shape).astype(np.float32)
                    row = {"data": "microstructure", "size": size, "views": count, "seed": seed, "pose": number}
                    yield measured({**row, "control": control}, seen, xray, grid, moving_grid, true, body)


def correlation(neutron, xray, mask, grid, pose):
    """Pearson's r over what both slices show."""
    seen, inside = resample(xray, grid, pose, grid)
    both = mask & inside
    return round(float(np.corrcoef(neutron[both], seen[both])[0, 1]), 4)


def shell(folder, poses):
    """Rows of the measured pair; the transform of the pair itself is taken to be none."""
    neutron = np.load(folder / "shellN.npy").astype(np.float32)[None]
    xray = np.load(folder / "shellX.npy").astype(np.float32)[None]
    grid, mask = Grid.cubic(neutron.shape), neutron >= SHELL_VALID
    moving_grid = Grid.cubic((1, 900, 900), 0.8)
    body = Body.of(neutron, grid, mask)
    none = Similarity.of(np.eye(3), 1.0, np.zeros(3))
    row = {"data": "shell", "size": 600, "views": None, "seed": None}
    for step in registration_steps(neutron, xray, grid, grid, mask=mask):
        own = step.transform
    published = measured(
        {**row, "pose": None, "control": "as published"}, neutron, xray, grid, grid, none, body, mask=mask
    )
    yield {
        **published,
        "r_before": correlation(neutron, xray, mask, grid, none),
        "r_after": correlation(neutron, xray, mask, grid, own),
    }
    for number in range(poses):
        rng = np.random.default_rng([7, number])
        known = drawn_pose(rng, grid, moving_grid, flat=True)
        true = known.after(own)
        moved, inside = resample(xray, grid, known.inverse(), moving_grid, order=3)
        moved = np.where(inside, moved, np.nan)
        row |= {"pose": number}
        yield measured({**row, "control": "right"}, neutron, moved, grid, moving_grid, true, body, mask=mask)
        mirrored = moved[:, ::-1]  # no turn makes a mirror image fit
        yield measured({**row, "control": "other"}, neutron, mirrored, grid, moving_grid, true, body, mask=mask)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 21, 31, 41])
    parser.add_argument("--views", type=int, nargs="+", default=[0, 64, 32, 16], help="0: the truth itself")
    parser.add_argument("--poses", type=int, default=2)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    rows = []
    views = [count or None for count in given.views]
    sources = [shell(given.data / "pair_neutron_xray_shell", 3)]
    sources.append(simulated(given.size, given.seeds, views, given.poses))
    for source in sources:
        for row in source:
            rows.append(row)
            print(row, flush=True)
            given.out.write_text("[\n" + ",\n".join(json.dumps(one) for one in rows) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
