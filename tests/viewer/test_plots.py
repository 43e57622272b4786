"""Plots in a window: what the legend says and covers."""

import os
import sys

import numpy as np
import pytest

pytest.importorskip("pyqtgraph")
pytest.importorskip("pytestqt")
pytestmark = pytest.mark.skipif(
    sys.platform.startswith("linux") and not os.environ.get("DISPLAY"), reason="no display: run under xvfb-run"
)


@pytest.mark.parametrize("log", [False, True])
def test_the_curves_end_below_the_legend_which_lives_while_it_is_seen(qtbot, log):
    from fewview.viewer.common.plots import LEGEND_LINE, Plot

    plot = Plot("Values", "step", "value")
    qtbot.addWidget(plot)
    if log:
        plot.logarithmic()
    plot.resize(265, 200)
    plot.show()
    qtbot.waitExposed(plot)
    steps = np.arange(1.0, 20.0)
    plot.draw({"rising": (steps, steps), "falling": (steps, 20 - steps)})
    plot.plotItem.vb.updateAutoRange()
    low, high = plot.plotItem.vb.viewRange()[1]
    end = np.log10(19) if log else 19
    assert (high - end) / (high - low) * plot.plotItem.vb.height() > 2 * LEGEND_LINE
    plot.draw({"rising": (steps, steps), "third": (steps, 20 - steps)})
    assert [label.text for _, label in plot._legend.items] == ["rising", "third"]
    plot.hide()
    assert not plot._legend.items
    plot.show()
    assert len(plot._legend.items) == 2


def test_a_logarithmic_axis_writes_few_numbers(qtbot):
    from fewview.viewer.common.plots import SparseTicks

    axis = SparseTicks("left")
    assert axis.logTickStrings(np.log10([0.05, 0.08, 0.09, 0.1, 0.2]), 1, 1) == ["0.05", "", "", "0.1", "0.2"]


def test_an_empty_plot_has_no_numbers_and_no_step_lies_between_two_steps(qtbot):
    from fewview.viewer.common.plots import AxisPlot, Plot

    plot, axis = Plot("Progress", "step", "relative error", from_zero=True), AxisPlot()
    qtbot.addWidget(plot)
    qtbot.addWidget(axis)
    sides = [plot.plotItem.getAxis(side) for side in ("bottom", "left")]
    assert not any(side.style["showValues"] for side in sides)
    plot.draw({"error": ([0, 1, 2], [0.3, 0.2, 0.1])})
    assert all(side.style["showValues"] for side in sides)
    assert sides[0].tickSpacing(0, 2, 250)[0][0] == 1 and min(gap for gap, _ in sides[0].tickSpacing(0, 2, 250)) == 1
    plot.draw({"error": ([0, 0.25, 0.5], [0.3, 0.2, 0.1])})
    assert min(gap for gap, _ in sides[0].tickSpacing(0, 0.5, 250)) < 1
    plot.draw({})
    assert not any(side.style["showValues"] for side in sides)
    axis.show_axis(([40.0, 41.0], [0.1, 0.2]), 40.5)
    assert [axis.plotItem.getAxis(side).style["showValues"] for side in ("bottom", "left")] == [True, False]


@pytest.mark.parametrize("legend", [True, False])
@pytest.mark.parametrize("time", [0.0, 12.0])
def test_the_first_point_of_a_course_lies_where_the_others_go_on_from(qtbot, time, legend):
    """A marker, whole, right of 0; a second point makes the line, and the axis still begins at 0."""
    from fewview.viewer.common.plots import Plot

    plot = Plot("Progress", "time / s", "PSNR / dB", legend=legend, from_zero=True)
    qtbot.addWidget(plot)
    plot.resize(265, 200)
    plot.show()
    qtbot.waitExposed(plot)
    for points in (1, 2):
        x = time + 3 * np.arange(points)
        plot.draw({"PSNR": (x, 23.4 + x)}, symbols=True)
        plot.plotItem.vb.updateAutoRange()
        (left, right), (low, high) = plot.plotItem.vb.viewRange()
        per_pixel = (right - left) / plot.plotItem.vb.width()
        assert left < -3 * per_pixel and left > -0.1 * right  # half a marker of 6 pixels
        assert x[-1] + 3 * per_pixel < right < 1.2 * max(1, x[-1])
        assert low < 23.4 + x[0] <= 23.4 + x[-1] < high
        assert plot._curves["PSNR"].opts["symbol"] == "o"
