"""Register the shell's slices in the viewer: live checkerboard, quality, pairs, and over to the Scan dock."""

import shutil

import numpy as np
import pytest
from scipy.ndimage import rotate

from fewview.errors import FewviewError
from fewview.io import read_volume
from fewview.registration import Grid, RegistrationOptions
from fewview.samples import FOLDER


@pytest.fixture
def shell():
    neutron, xray = (read_volume(FOLDER / f"shell_{name}.tif").values for name in ("neutron", "xray"))
    return neutron, rotate(xray, 3.4, axes=(1, 2), reshape=False, order=1)


def presenter_of(neutron, xray):
    from fewview.viewer.registration.presenter import RegistrationPresenter

    grids = Grid.cubic(neutron.shape), Grid.cubic(xray.shape)
    options = RegistrationOptions(turns="none")
    return RegistrationPresenter(neutron, grids[0], xray, grids[1], in_mm=False, options=options)


def test_presenter_registers_shows_and_applies(shell):
    presenter = presenter_of(*shell)
    assert presenter.checkerboard(0) is None
    with pytest.raises(FewviewError, match="no good registration"):
        presenter.apply()
    for step in presenter.steps():
        presenter.take(step)
    assert presenter.words.startswith("Registered: turned by 3.")
    board = presenter.checkerboard(0)
    assert board.shape == shell[0].shape[1:] and board.min() >= 0 and board.max() <= 1
    assert presenter.checkerboard(1) is None
    values, path, record = presenter.apply()
    assert np.array_equal(read_volume(path).values, values)
    assert read_volume(path).attrs["record"] == record == {"registration": presenter.result.to_json()}


def test_presenter_does_not_use_what_failed(shell):
    presenter = presenter_of(shell[0], shell[1][:, ::-1].copy())
    for step in presenter.steps():
        presenter.take(step)
    assert presenter.words.startswith("Failed, and not used")
    with pytest.raises(FewviewError):
        presenter.apply()


def test_dock_registers_live_and_hands_over(docked, shell, disk):
    from napari.utils.notifications import notification_manager

    from fewview.viewer.registration.dock import BOARD, PAIRS, REGISTERED

    viewer = docked.viewer
    _, dock = viewer.window.add_plugin_dock_widget("fewview", "Registration")
    viewer.add_image(shell[0], name="FBP", metadata={"fewview": {"run": 1}})
    viewer.add_image(shell[1], name="X-ray")
    viewer.add_image(shell[0], name="Truth")
    assert (dock.neutron.currentText(), dock.xray.currentText()) == ("FBP", "X-ray")
    assert not dock.use.isEnabled()
    docked.click(dock.start)
    assert dock.stop.isEnabled()
    docked.until(lambda: BOARD in viewer.layers)  # while it runs
    docked.until(lambda: dock._worker is None)
    assert dock.words.text().startswith("Registered")
    told = []
    notification_manager.notification_ready.connect(lambda event: told.append(event.message))
    docked.bench.open(disk)
    docked.click(dock.use)  # another scan is meant by now
    assert "was made for another scan" in told[-1] and docked.bench.scan.auxiliary is None
    docked.bench.forget_scan()
    docked.click(dock.use)
    layer = viewer.layers[REGISTERED]
    assert layer.data.shape == shell[0].shape
    assert docked.bench.scan.auxiliary == layer.metadata["fewview"]["file"]
    assert docked.scan.auxiliary.currentText() == REGISTERED
    docked.click(dock.pick)
    assert all(name in viewer.layers for name in PAIRS) and dock.use_pairs.isChecked()
    viewer.layers[PAIRS[0]].data = [[0, 60, 60]]
    docked.click(dock.start)
    docked.until(lambda: dock._worker is None)
    assert "same features" in dock.words.text()  # one point here, none there
    assert not dock.use.isEnabled()


def test_each_scan_has_its_own_pairs_whatever_they_are_called(docked, disk, shell, tmp_path):
    from fewview.viewer.registration.dock import PAIRS

    viewer, bench = docked.viewer, docked.bench
    other = shutil.copy(disk, tmp_path / "other.h5")
    bench.open(disk)
    _, dock = viewer.window.add_plugin_dock_widget("fewview", "Registration")
    for name in ("FBP", "X-ray"):
        viewer.add_image(shell[0], name=name)
    docked.click(dock.pick)
    first = viewer.layers[PAIRS[0]]
    first.data, first.name = [[0, 60, 60]], "mine"
    docked.click(dock.pick)
    assert PAIRS[0] not in viewer.layers  # it is there, by another name
    bench.open(str(other))
    docked.click(dock.pick)
    second = viewer.layers[f"other: {PAIRS[0]}"]
    assert second.visible and not first.visible and not len(second.data)
    bench.mean(bench.scans.all[0])
    assert first.visible and not second.visible
    bench.forget_scan()
    assert first not in viewer.layers and second in viewer.layers
