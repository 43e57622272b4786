"""A number that does not fit is told, and the one from before stays: Qt would drop digits and take what is left."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from fewview.viewer.common.ranged import RangedBox, RangedDoubleBox


@pytest.mark.parametrize(("kind", "value"), [(RangedBox, 31), (RangedDoubleBox, 31.5)])
@pytest.mark.parametrize("typed", ["900", "-5", "40", "x"])
def test_an_entry_out_of_range_is_told_and_not_cut(qtbot, kind, value, typed):
    told = []
    box = kind(told.append)
    qtbot.addWidget(box)
    box.setRange(0, 63)
    box.setSuffix(" px")
    box.setAccessibleName("Rotation axis")
    box.setValue(value)
    box.show()
    box.selectAll()
    QTest.keyClicks(box, typed)
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert box.value() == (40 if typed == "40" else value)
    assert [typed in why and "stays 31" in why for why in told] == ([True] if typed in ("900", "-5") else [])


def test_the_axis_and_the_rows_of_a_scan_say_why_an_entry_is_not_taken(docked):
    docked.viewer.open_sample("fewview", "microstructure")
    docked.until(lambda: docked.bench.scan.ready)
    dock = docked.scan
    for box, words in ((dock.axis, dock.axis_words), (dock.last, dock.choice_words), (dock.views, dock.choice_words)):
        before = box.value()
        box.setFocus()
        box.selectAll()
        QTest.keyClicks(box, "90000")
        QTest.keyClick(box, Qt.Key.Key_Return)
        assert box.value() == before and "90000 does not" in words.text()
    dock.bin.setValue(2)
    assert not dock.choice_words.text()
