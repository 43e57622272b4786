"""Make the pictures of the tutorial, so that they show the viewer as it is.

xvfb-run -a -s "-screen 0 1600x1000x24" python docs/screenshots.py [FOLDER [PART]]
"""

import subprocess
import sys
from pathlib import Path

import napari
import numpy as np
from napari.settings import get_plugin_settings
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPainter

from fewview.viewer.commands import open_all
from fewview.viewer.common.names import extra_name
from fewview.viewer.demo import wait
from fewview.viewer.layout import RIGHT

NARROW, LARGEST = 265, 2**24 - 1
OUT = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images" / "viewer"


def save(path):
    """With 256 colours of its own: a third of the size, and greys stay grey."""
    Image.open(path).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


def window(viewer, name):
    wait(lambda: False, 0.6)
    path = OUT / f"{name}.png"
    viewer.screenshot(path=str(path), canvas_only=False, flash=False)
    save(path)


def dock(widget, name, width):
    """All of a dock, also what one would scroll to, at a given width."""
    widget.setFixedWidth(width)
    wait(lambda: False, 0.5)
    path = OUT / f"{name}.png"
    column, foot = widget.column.parentWidget().grab().toImage(), widget.grab().toImage()
    foot = foot.copy(0, widget.foot.geometry().top(), foot.width(), widget.foot.geometry().height())
    whole = QImage(max(column.width(), foot.width()), column.height() + foot.height(), QImage.Format.Format_RGB32)
    whole.fill(column.pixelColor(0, 0))
    painter = QPainter(whole)
    painter.drawImage(0, 0, column)
    painter.drawImage(0, column.height(), foot)
    painter.end()
    whole.save(str(path))
    save(path)
    widget.setMinimumWidth(0)
    widget.setMaximumWidth(LARGEST)
    wait(lambda: False, 0.3)
    widget.window().resizeDocks([widget.parentWidget()], [RIGHT], Qt.Orientation.Horizontal)


def finish(bench):
    wait(lambda: not bench.queue.busy and not bench.live.showing, 600)


def reconstruct(panel, method, **options):
    panel.choose(method)
    panel.form.set_values(options)
    panel.run_button.click()
    return panel.bench.runs[-1]


def learned(viewer, panel, method, layer, name):
    """A draft of a method with a prior, and the further layer that tells of it, where the run left one."""
    viewer.open_sample("fewview", "microstructure")
    finish(panel.bench)
    panel.choose(method)
    panel.presets["Draft"].click()
    panel.run_button.click()
    finish(panel.bench)
    panel.parentWidget().raise_()
    title = panel.bench.runs[-1].title
    further = extra_name(title, layer)
    if further in viewer.layers:
        viewer.layers[title].visible, viewer.layers[further].visible = False, True
    window(viewer, name)


def opened():
    OUT.mkdir(parents=True, exist_ok=True)
    viewer = napari.Viewer()
    get_plugin_settings(path_dir=None)
    viewer.theme = "dark"
    viewer.window.resize(1400, 940)
    docks = open_all(viewer)
    docks["Scan"].bench.keeper.on = False
    wait(lambda: docks["Reconstruct"].chosen_method is not None, 600)
    return viewer, docks["Scan"], docks["Reconstruct"], docks["Compare"]


def tooth(viewer, scan, panel, compare):
    viewer.open_sample("fewview", "tooth")
    finish(scan.bench)
    scan.parentWidget().raise_()
    window(viewer, "tooth")
    dock(scan, "scan_narrow", NARROW)


def shell(viewer, scan, panel, compare):
    viewer.open_sample("fewview", "shell")
    finish(scan.bench)
    panel.holdout.setValue(10)
    reconstruct(panel, "fbp")
    finish(scan.bench)
    reconstruct(panel, "sirt", iterations=60)
    finish(scan.bench)
    compare.drop(0.47, 0.44)
    compare.drop(0.2, 0.3)
    panel.parentWidget().raise_()
    run = reconstruct(panel, "tv", weight=0.003, iterations=200)
    wait(lambda: run.step >= 60 or run.over, 300)
    window(viewer, "running")
    dock(panel, "reconstruct_narrow", NARROW)
    finish(scan.bench)

    line = compare.regions.make_line(compare.compared()[0])
    line.add_lines(np.array([[128.0, 20.0], [128.0, 250.0]]))
    compare.views.link.setChecked(True)
    compare.views.grid.setChecked(True)
    compare.refresh()
    viewer.theme = "light"
    window(viewer, "compare")
    compare.views.grid.setChecked(False)
    compare.pages.show_page("Line profile")
    viewer.theme = "dark"
    window(viewer, "profile")


def unimodal(viewer, scan, panel, compare):
    learned(viewer, panel, "d3ip", "std", "unimodal")


def crossmodal(viewer, scan, panel, compare):
    """Where the views let the guide in, what it changed; else the volume and the verdict."""
    learned(viewer, panel, "d3ip-x", "guide_change", "cross-modal")


def registration(viewer, scan, panel, compare):
    """The X-ray slice of the shell, brought onto a reconstruction of the neutron scan."""
    viewer.open_sample("fewview", "shell")
    finish(scan.bench)
    reconstruct(panel, "tv", weight=0.003, iterations=100)
    finish(scan.bench)
    frame, made = viewer.window.add_plugin_dock_widget("fewview", "Registration", tabify=True)
    made.start.click()
    wait(lambda: not made.stop.isEnabled(), 300)
    frame.raise_()
    window(viewer, "registration")
    dock(made, "registration_narrow", NARROW)


PARTS = {part.__name__: part for part in (tooth, shell, unimodal, crossmodal, registration)}


def main():
    if len(sys.argv) > 2:
        viewer, *docks = opened()
        PARTS[sys.argv[2]](viewer, *docks)
        viewer.close()
        wait(lambda: False, 0.5)
        return
    for name in PARTS:  # a viewer of its own for each: no part shows what another one left
        subprocess.run([sys.executable, __file__, str(OUT), name], check=True)


if __name__ == "__main__":
    main()
