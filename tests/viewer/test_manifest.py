"""The manifest: what `npe2 validate` does not see (references to commands, menus that do not exist, Python names)."""

import importlib
from pathlib import Path

import pytest

import fewview

npe2 = pytest.importorskip("npe2")
yaml = pytest.importorskip("yaml")
PATH = Path(fewview.__file__).parent / "napari.yaml"


@pytest.fixture(scope="module")
def manifest():
    return npe2.PluginManifest.from_file(PATH)


def test_every_reference_is_declared_and_every_name_exists(manifest):
    contributions = manifest.contributions
    declared = {command.id: command for command in contributions.commands}
    for command in declared.values():
        module, name = command.python_name.split(":")
        assert callable(getattr(importlib.import_module(module), name)), command.python_name
    used = [
        item.command
        for kind in ("readers", "writers", "widgets", "sample_data")
        for item in getattr(contributions, kind)
    ]
    used += [item.command for items in contributions.menus.values() for item in items if hasattr(item, "command")]
    assert set(used) <= set(declared)
    widgets = {widget.command for widget in contributions.widgets}
    assert len(widgets) == 5 and len(contributions.sample_data) == 4


def test_menus_and_submenus_exist(manifest):
    constants = pytest.importorskip("napari._app_model.constants")
    menus = manifest.contributions.menus
    own = {submenu.id for submenu in manifest.contributions.submenus}
    contributable = {str(menu.value) for menu in constants.MenuId.contributables()}
    assert set(menus) <= own | contributable
    assert {item.submenu for items in menus.values() for item in items if hasattr(item, "submenu")} <= own


def test_name_and_keys_agree_with_the_package(manifest):
    from fewview.viewer.keys.table import KEYS
    from fewview.viewer.scan.samples import SAMPLES

    assert manifest.name == "fewview"
    settings = yaml.safe_load(PATH.read_text())["contributions"]["configurations"]
    assert {key.action: key.default for key in KEYS} == {
        name: entry["default"] for name, entry in settings["keys"]["properties"].items()
    }
    assert {sample.key: sample.display_name for sample in manifest.contributions.sample_data} == SAMPLES


def test_the_root_has_the_same_file():
    root = Path(__file__).parents[2] / "napari.yaml"
    assert root.resolve() == PATH.resolve()


def test_what_file_opens_can_be_dropped(manifest):
    from fewview.io.registry import FORMATS

    (reader,) = manifest.contributions.readers
    endings = {ending for one in FORMATS for ending in one.extensions}
    assert {f"*{ending}" for ending in endings if not ending.endswith((".fits.fz", ".fit.fz"))} <= set(
        reader.filename_patterns
    )
    assert reader.accepts_directories


def test_reader_tells_scans_from_volumes(tmp_path):
    import numpy as np

    from fewview.io import write_volume
    from fewview.samples import TOOTH
    from fewview.viewer.files.readers import get_reader
    from fewview.viewer.files.writers import write

    data, keywords, kind = get_reader(str(TOOTH))(str(TOOTH))[0]
    assert kind == "image" and keywords["metadata"]["fewview"]["scan"] == str(TOOTH)
    volume = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    path = write_volume(tmp_path / "v.tif", volume, voxel=0.1)
    data, keywords, _ = get_reader(str(path))(str(path))[0]
    assert np.array_equal(data, volume) and keywords["units"] == ("mm",) * 3 and keywords["scale"] == (0.1,) * 3
    for ending in ("h5", "zarr", "npy", "tif"):
        attributes = {**keywords, "metadata": {"fewview": {"record": {"method": "tv"}}}}
        (written,) = write(str(tmp_path / f"w.{ending}"), data, attributes)
        again, more, _ = get_reader(written)(written)[0]
        assert np.array_equal(again, volume), ending
        assert more["scale"] == (0.1,) * 3 and more["metadata"]["fewview"]["record"]["method"] == "tv", ending
