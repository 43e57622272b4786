"""Speed of a step of a field of Gaussians: its sum on a lattice, and the projection of that, beside RTK's projector.

Part of `python benchmarks/fields.py speed`. RTK, which fewview does not use, is timed where itk-rtk is installed.
"""

import time
from importlib.util import find_spec

import numpy as np
import torch

from fewview.methods.fields.gaussians import Gaussians
from fewview.methods.fields.voxelise import voxelise
from fewview.operators import parallel_beam

SIZES, COUNTS, VIEWS = (64, 128), (3_000, 10_000, 50_000), 64
ROUNDS = 3


def speed():
    """Milliseconds of processor time on one thread, there and back; best of three rounds."""
    for size in SIZES:
        for count in COUNTS:
            yield {"what": "sum of Gaussians", "size": size, "gaussians": count} | _gaussians(size, count)
    for size in SIZES:
        projectors = {"fewview": _ours, **({"RTK Joseph": _rtk} if find_spec("itk") else {})}
        for name, projector in projectors.items():
            yield {"what": f"projector, {name}", "size": size, "views": VIEWS} | projector(size)


def _best(forward, back):
    """Of both in turns."""
    times = []
    for _ in range(ROUNDS):
        a = time.process_time()
        made = forward()
        b = time.process_time()
        back(made)
        times.append((b - a, time.process_time() - b))
    there, and_back = (round(1e3 * float(t), 1) for t in np.min(times, axis=0))
    return {"forward_ms": there, "back_ms": and_back, "threads": 1}


def _gaussians(size, count):
    rng = torch.Generator().manual_seed(0)
    numbers, reach = Gaussians(torch.rand(size, size, size, generator=rng), count, rng)._rows(torch.ones(3))
    numbers = numbers.detach().requires_grad_()
    found = _best(lambda: voxelise(numbers, reach, (size, size, size)), lambda volume: volume.sum().backward())
    return {"width": round(float(reach[0, 0]) / 3.8, 2)} | found


def _ours(size):
    A = parallel_beam(np.arange(VIEWS) * np.pi / VIEWS, columns=size)
    x = torch.rand(size, size, size, generator=torch.Generator().manual_seed(0))
    A.T(A(x))  # builds the matrix
    return _best(lambda: A(x), A.T)


def _rtk(size):
    import itk
    from itk import RTK as rtk

    itk.MultiThreaderBase.SetGlobalMaximumNumberOfThreads(1)
    itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(1)
    image, middle = itk.Image[itk.F, 3], (size - 1) / 2
    geometry = rtk.ThreeDCircularProjectionGeometry.New()
    for view in range(VIEWS):
        geometry.AddProjection(1000.0, 0.0, view * 180 / VIEWS)  # no distance to the detector: a parallel beam
    volume = np.random.default_rng(0).random((size,) * 3).astype(np.float32)

    def placed(values):
        made = itk.image_from_array(values)
        made.SetOrigin([-middle, -middle, -middle if values.shape[0] == size and values is volume else 0.0])
        return made

    def applied(kind, onto, of):
        filtering = kind[image, image].New()
        filtering.SetInput(0, onto)
        filtering.SetInput(1, of)
        filtering.SetGeometry(geometry)
        filtering.Update()
        return itk.array_from_image(filtering.GetOutput())

    def forward():
        empty = placed(np.zeros((VIEWS, size, size), np.float32))
        return applied(rtk.JosephForwardProjectionImageFilter, empty, placed(volume))

    def back(projections):
        empty = itk.image_from_array(np.zeros_like(volume))
        empty.SetOrigin([-middle] * 3)
        return applied(rtk.JosephBackProjectionImageFilter, empty, placed(projections))

    return _best(forward, back)
