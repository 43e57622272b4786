"""Paired comparisons: by measurement and not by means, and only of what was measured."""

import sys
from pathlib import Path

import numpy as np
import pytest

from fewview.benchmark.quality.rows import summed_up

sys.path.append(str(Path(__file__).parents[2] / "docs"))  # the page's scripts are no package
from quality_compare import against_best, best_of, controls, guided, minus_others

BASE = {"data": "microstructure", "size": 128, "views": 8, "counts": 2000.0, "device": "cpu", "slices": 2}


def row(method, psnr, control="none", settings=None, label="", views=8, ssim=0.5):
    condition = {**BASE, "views": views, "method": method, "control": control, "settings": settings or {}}
    cells = [
        {"volume": v, "seed": 0, "psnr": value, "ssim": ssim, "heldout_error": 0.1, "seconds": 1.0}
        | {"peak_memory_mb": None, "network_calls": None}
        for v, value in enumerate(psnr)
    ]
    return summed_up({**condition, "label": label or method}, cells)


def test_the_best_is_another_one_at_each_measurement():
    tv, mbir, d3ip = row("tv", [20, 24]), row("mbir", [22, 21]), row("d3ip", [23, 24, 90], ssim=0.6)
    assert best_of([tv, mbir]) == {(0, 0): 22, (1, 0): 24}
    (found,) = against_best([tv, mbir, d3ip])
    assert found.row is d3ip
    assert (found.psnr.mean, found.psnr.n) == (0.5, 2)  # the third volume was not measured by all
    assert found.ssim.mean == pytest.approx(0.1)
    assert against_best([tv, d3ip]) == []
    assert against_best([tv, mbir]) == []
    draft = row("d3ip", [10, 10], settings={"steps": 1}, label="d3ip draft")
    assert [one.row["label"] for one in against_best([tv, mbir, d3ip, draft])] == ["d3ip", "d3ip draft"]
    other = row("mbir", [99, 99], settings={"sharpness": 1.0}, label="mbir sharp")
    assert against_best([tv, mbir, d3ip, other]) == [found]


def test_with_and_without_xrays():
    plain, quick = row("d3ip", [20, 20]), row("d3ip", [18, 18], settings={"inner": 5}, label="d3ip inner=5")
    right = row("d3ip-x", [22, 23], ssim=0.7)
    short = row("d3ip-x", [21, 21], settings={"inner": 5}, label="d3ip-x inner=5")
    zeroed, other = row("d3ip-x", [21, 21], "zeroed"), row("d3ip-x", [19, 20], "other")
    once = row("guide", [21, 22])
    rows = [plain, quick, right, short, zeroed, other, once, row("d3ip-x", [9, 9], views=16)]
    first, second = guided(rows)
    assert first.row is right and first.unimodal.psnr.mean == 2.5
    assert first.unimodal.ssim.mean == pytest.approx(0.2)
    assert first.zeroed.mean == 1.5
    assert first.rivals["guide"].mean == 1.0 and first.rivals["dtv"] is None
    assert second.row is short and second.unimodal.psnr.mean == 3  # against the same settings
    assert second.zeroed is None
    wrong = controls(rows)
    assert [(one.row["control"], one.psnr.mean) for one in wrong] == [("none", 2.5), ("zeroed", 1.0), ("other", -0.5)]


def test_our_method_against_the_other_learned_ones():
    ours, dds = row("d3ip", [20, 21]), row("dds", [19, 19])
    without = row("d3ip", [19.5, 21], settings={"adaptation": "none"}, label="d3ip adaptation=none")
    found = minus_others([ours, dds, without, row("tv", [30, 30]), row("d3ip-x", [30, 30])])
    assert [(one.other["label"], one.psnr.mean) for one in found] == [("dds", 1.5), ("d3ip adaptation=none", 0.25)]
    assert np.isfinite(found[0].psnr.low)
    assert minus_others([dds, without]) == []
