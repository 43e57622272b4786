"""Names that are too long for their place are cut once, in the middle, and pointing at them tells all."""

import os
import sys

import pytest

pytest.importorskip("napari")
pytest.importorskip("pytestqt")
pytestmark = pytest.mark.skipif(
    sys.platform.startswith("linux") and not os.environ.get("DISPLAY"), reason="no display: run under xvfb-run"
)
LONG = "While choosing: Cross-modal D3IP, 40 views, steps 4, samples 2 #2 (while its settings were being chosen)"


def test_a_box_of_choices_shows_both_ends_of_a_name_and_tells_all_of_it(qtbot):
    from qtpy.QtCore import QEvent, QPoint
    from qtpy.QtGui import QHelpEvent
    from qtpy.QtWidgets import QApplication, QToolTip

    from fewview.viewer.common.choice import Choice

    box = Choice("Layer to the left of the line.", "Layer on the left")
    qtbot.addWidget(box)
    box.addItems(["TV #1", LONG])
    box.resize(170, 28)
    box.show()
    qtbot.waitExposed(box)
    assert box.shown() == "TV #1" and box.told() == "Layer to the left of the line."
    box.setCurrentIndex(1)
    shown = box.shown()
    assert shown.startswith("While") and shown.endswith(LONG[-5:]) and shown.count("…") == 1
    assert box.fontMetrics().horizontalAdvance(shown) < box.width() - 20  # the arrow
    QApplication.sendEvent(box, QHelpEvent(QEvent.Type.ToolTip, QPoint(5, 5), box.mapToGlobal(QPoint(5, 5))))
    assert QToolTip.text() == f"{LONG}\nLayer to the left of the line."


def test_the_table_cuts_names_once_and_every_number_tells_of_what_it_is(qtbot):
    from fewview.viewer.compare.table import COLUMNS, Row
    from fewview.viewer.compare.table_widget import CompareTable

    table = CompareTable()
    qtbot.addWidget(table)
    table.resize(300, 200)
    table.show_rows(COLUMNS[:1], [Row("R1", LONG, {"psnr": 24.5}), Row("R1", "Reference", {"psnr": 30.0})])
    name, number = table.item(0, 1), table.item(0, 2)
    assert name.text() == "While choosing: Cross-modal D3IP #2" and name.toolTip() == LONG  # the column cuts the rest
    assert number.text() == "24.50" and number.toolTip() == f"R1, {LONG}: PSNR / dB 24.50"
