"""The docs show what was measured, what they show in Python runs, and every link in them leads somewhere."""

import ast
import importlib
import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import fewview
from fewview.cli.main import run

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look there
    sys.path.insert(0, str(ROOT / "docs"))  # the scripts share parts
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "docs"))
    return module


def test_the_data_page_has_the_rows_of_its_script_and_no_picture_under_gpl():
    table = script("data_table")
    page = table.PAGE.read_text(encoding="utf-8")
    assert page.startswith(table.INTRODUCTION), "run: python docs/data_table.py"
    rows = page.splitlines()[-len(table.CASES) :]
    for case, row in zip(table.CASES, rows, strict=True):
        assert row.startswith(f"| {case.label} |")
        assert case.pictured or "![" not in row
    assert sum(not case.pictured for case in table.CASES) == 10
    shown = {Path(name).name for name in re.findall(r"\]\(images/data/([^)]+)\)", page)}
    assert shown == {picture.name for picture in table.PICTURES.iterdir()}


def test_the_benchmark_page_is_what_the_results_say():
    tables = script("benchmark_tables")
    assert tables.PAGE.read_text(encoding="utf-8") == tables.page(), "run: python docs/benchmark_tables.py"
    many = script("eight_volumes")
    assert many.PAGE.read_text(encoding="utf-8") == many.page(), "run: python docs/eight_volumes.py"
    bounds = script("bounds_page")
    rows, quality = (json.loads(path.read_text(encoding="utf-8")) for path in (bounds.RESULTS, bounds.QUALITY))
    assert bounds.PAGE.read_text(encoding="utf-8") == bounds.page(rows, quality), "run: python docs/bounds_page.py"


def test_the_page_on_two_views_is_what_the_results_say():
    drawn = script("samplers_page")
    assert drawn.PAGE.read_text(encoding="utf-8") == drawn.page(), "run: python docs/samplers_page.py"
    two = script("cls_dm_page")
    assert two.PAGE.read_text(encoding="utf-8") == two.page(), "run: python docs/cls_dm_page.py"


def test_the_page_on_views_is_what_the_results_say():
    views = script("which_method")
    rows = json.loads(views.RESULTS.read_text(encoding="utf-8"))
    assert views.PAGE.read_text(encoding="utf-8") == views.page(rows), "run: python docs/which_method.py"


def test_the_page_of_repairs_shows_what_was_measured():
    tables = script("diffnr_tables")
    assert tables.PAGE.read_text(encoding="utf-8") == tables.page(), "run: python docs/diffnr_tables.py"
    others = script("dinr_tables")
    assert others.PAGE.read_text(encoding="utf-8") == others.page(), "run: python docs/dinr_tables.py"
    fields = script("fields_table")
    assert fields.PAGE.read_text(encoding="utf-8") == fields.page(), "run: python docs/fields_table.py"
    networks = script("unrolled_tables")
    assert networks.PAGE.read_text(encoding="utf-8") == networks.page(), "run: python docs/unrolled_tables.py"
    rows = [
        {"data": "foam (test)", "views": 8, "method": method, "settings": settings, "volume": volume, "psnr": psnr}
        for volume in (0, 1)
        for method, settings, psnr in (
            ("naf", {"smoothness": 0.0, "start": "fbp", "stop": False}, 18.0),
            ("naf", {"smoothness": 0.0, "start": "fbp"}, 19.0 + volume),
            ("naf", {}, 20.0),
            ("diffnr-naf", {}, 21.0),
        )
    ]
    (line,) = tables.gains(rows).splitlines()[2:]
    assert line == "| foam, 8 views, `diffnr-naf` | 2 | 18.00 | 19.50 | 20.00 | 21.00 | +3.00 | +1.50 | +1.00 | – | – |"


def test_a_lead_within_chance_is_bracketed_and_xrays_stand_apart():
    views, few = script("which_method"), {"tv": 21.0, "d3ip": 22.0, "d3ip-x": 22.5}
    line = views.line(8, [{"tv": 20.0, "mbir": 20.5, "d3ip": 20.6, "d3ip-x": 22.0}, few])
    assert line == "| 8 | `d3ip` | 20.60 | (+0.10 over `mbir`) | +0.60 | +0.10 | `d3ip-x` +1.40 | 3 |"
    apart = views.line(8, [{"tv": 20.0, "mbir": 20.5, "d3ip": 20.6}, few])
    assert apart.endswith("+0.10 | `d3ip-x` +0.50 | 3 |"), "over the best of the same volumes"


@pytest.mark.parametrize("path", sorted([*ROOT.glob("docs/*.py"), *ROOT.glob("benchmarks/*.py")]), ids=lambda p: p.name)
def test_a_script_finds_what_it_takes_from_the_project(path):
    """Scripts that take long are not run here; names that moved are found all the same."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("fewview"):
            continue
        if node.module.startswith("fewview.viewer"):
            pytest.importorskip("napari")
        module = importlib.import_module(node.module)
        for name in node.names:
            found = hasattr(module, name.name) or importlib.util.find_spec(f"{node.module}.{name.name}")
            assert found, f"{path.name}: {node.module} has no {name.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_what_a_page_shows_in_python_runs(tmp_path, monkeypatch):
    """On a small scan under the names that the pages use; the page on adding a method is tried as a package below.

    Indented ones are for a viewer, and tried there.
    """
    monkeypatch.chdir(tmp_path)
    for name in ("scan.h5", "sample.h5"):
        assert run(["simulate", name, "--size", "24", "--views", "36", "--set", "depth=1"]) == 0
    for name in ("volume.tif", "volume.std.tif"):
        fewview.write_volume(name, np.ones((1, 4, 4), np.float32))
    pages = [page.read_text(encoding="utf-8") for page in PAGES]
    shown = [block for text in pages for block in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)]
    tried = [block for block in shown if not block.startswith("# my-package/")]
    assert len(tried) == 3
    for block in tried:
        exec(block, {})


def test_the_page_on_adding_a_method_makes_a_package_that_holds_what_it_must(landweber):
    from fewview.methods import registry
    from fewview.testing import check_method

    assert len(landweber) == 4
    exec(landweber["my-package/tests/test_landweber.py"], tests := {})
    tests["test_landweber_holds_what_a_method_must"]()
    check_method(registry.require_method("landweber-tuned"), iterations=20)
