"""DiffNR by name: each field, repaired by the slice fixer."""

from __future__ import annotations

from functools import partial
from typing import Any

from ...options import with_defaults
from ..fields.methods import INR, NAF, R2_GAUSSIAN
from ..fields.solve import PACING, effort, solve, tune
from ..fields.start import Make, gaussians, pyramid, siren
from ..interface import Method
from ..missing import missing_weights
from ..size import Size
from .fixer_cost import repair_bytes, repair_volumes, repair_work
from .options import GaussiansRepairOptions, NafRepairOptions, RepairOptions, SirenRepairOptions
from .repair import Repair

TRAINED_BY = {"unrolled-general": "`fewview train unrolled --kind general`", "fixer": "`fewview train fixer`"}
"""Weights that are the default of a method, and what trains them."""


def _method(
    name: str,
    title: str,
    backbone: Method[Any],
    options: type[RepairOptions],
    make: Make,
    summary: str = "",
    published: bool = False,
) -> Method[Any]:
    def buffers(chosen: RepairOptions) -> tuple[float, float]:
        volumes, sinograms = backbone.held(chosen)
        # While slices are repaired the vectors of the data step are free, and the field is neither asked nor fitted.
        return volumes + max(0.0, repair_volumes(chosen) - backbone.apart(chosen)), sinograms

    def beside(chosen: RepairOptions, size: Size) -> int:
        return max(backbone.beside(chosen, size), repair_bytes(chosen, size))

    return Method(
        name=name,
        title=title,
        family="fields",
        summary=summary
        or f"{backbone.title}, whose slices a network repairs in the end, or on the way as well; repairs by which "
        "held-out pixels are not predicted better are refused.",
        source="After DiffNR, 2025: single-step slice repair, 3D structural similarity; data-consistent repairs",
        options=options,
        solve=partial(solve, make=make, repair=Repair, repairing=repair_work),
        tune=tune,
        effort=lambda problem, options: effort(problem, options, repair_work(problem, options)),
        pacing=PACING,
        needs=frozenset({"weights"}),
        missing=missing_weights(options().fixer, TRAINED_BY[options().fixer]),
        buffers=buffers,
        beside=beside,
        halo=None,  # one field for all slices
        for_comparison=published,
        presets=backbone.presets,
    )


DIFFNR_NAF = _method("diffnr-naf", "DiffNR (NAF)", NAF, NafRepairOptions, pyramid)
DIFFNR_GAUSSIAN = _method("diffnr-gaussian", "DiffNR (Gaussians)", R2_GAUSSIAN, GaussiansRepairOptions, gaussians)
DIFFNR_INR = _method("diffnr-inr", "DiffNR (SIREN)", INR, SirenRepairOptions, siren)
# The released schedule: Gaussians fitted to the data alone, one repair at step 10000 of 12000, which is never held
# against the data, and from then on its likeness, weighted 1, at every tenth gradient step.
DIFFNR_PAPER = _method(
    "diffnr-paper",
    "DiffNR (as published)",
    R2_GAUSSIAN,
    with_defaults(
        "DiffnrPaperOptions",
        GaussiansRepairOptions,
        start="fbp",
        smoothness=0.0,
        stop=False,
        inner=10,
        fixer="fixer",
        warm_up=10 / 12,
        repairs=1,
        last_repair=False,
        likeness=1.0,
        likeness_every=10,
        consistent=False,
        refuse=False,
        enlarge=2,
    ),
    gaussians,
    "Gaussians fitted to the data alone, repaired once, late, and drawn towards the repair by its likeness; nothing is "
    "held against the measurement.",
    published=True,
)
