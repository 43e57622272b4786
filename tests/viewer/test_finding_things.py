"""Where a newcomer looks: one menu entry, a layout that fits, help, the palette, eight clicks to a compared region."""

import pytest

pytest.importorskip("napari")
pytest.importorskip("pytestqt")

from fewview.viewer.help import PAGES, page_text


def test_every_help_topic_is_a_heading_of_the_documentation():
    for page, heading in PAGES.values():
        text = page_text(page)
        assert text.startswith("#") and f"## {heading}".rstrip() in text and "![" not in text


def test_eight_clicks_from_open_fewview_to_a_compared_region(docked):
    """With the mouse alone, from hint to hint; the sample is the measured tooth, byte for byte."""
    from qtpy.QtCore import QPoint, Qt
    from qtpy.QtWidgets import QApplication, QTabBar

    from fewview.viewer.open_widget import OpenFewview

    viewer, bench, clicks = docked.viewer, docked.bench, []
    scan, dock, compare = docked.scan, docked.reconstruct, docked.compare
    viewer.window.resize(900, 600)  # it grows to what the docks need
    viewer.window.add_dock_widget(OpenFewview(viewer), name="Open fewview (fewview)")  # as the menu entry does
    docked.until(lambda: "Open fewview (fewview)" not in viewer.window.dock_widgets)
    docked.qtbot.wait(300)
    assert (scan.window().width(), scan.window().height()) == (1280, 800)
    table = compare.table
    lines = (table.viewport().height() + 2) // table.verticalHeader().defaultSectionSize()
    assert lines >= 10 and viewer.canvas.size[0] >= 300, (lines, viewer.canvas.size)
    assert scan.isVisible() and scan.width() >= 265 and compare.isVisible()

    docked.pick(scan.sample, "Tooth")
    clicks += ["Sample", "Tooth"]
    docked.until(lambda: bench.scan.ready and not bench.finding_axis)
    docked.finish()
    assert "Next: Preview slice, in the Reconstruct tab." in scan.headline.text()
    bar = next(bar for bar in scan.window().findChildren(QTabBar) if "Reconstruct" in _tabs(bar))
    place = bar.tabRect(_tabs(bar).index("Reconstruct")).center()
    docked.qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=place)
    clicks.append("Reconstruct")
    docked.until(dock.preview_button.isVisible)
    assert "Preview slice" in dock.panel.details.text() and dock.panel.details.isVisible()
    docked.click(dock.preview_button)
    clicks.append("Preview slice")
    docked.until(lambda: bench.runs and bench.runs[-1].over)
    docked.finish()
    assert bench.runs[0].status == "done" and bench.runs[0].payload["recipe"]["method"] == "tv"
    docked.until(lambda: "choose another method in Reconstruct and preview it" in compare.words.truth.text())
    docked.select(dock.method, "CGLS")
    clicks += ["Method", "CGLS"]
    docked.click(dock.preview_button)
    clicks.append("Preview slice")
    docked.until(lambda: len(bench.runs) == 2 and bench.runs[-1].over)
    docked.finish()
    assert "A click on the picture" in compare.words.truth.text()

    canvas = next(w for w in QApplication.allWidgets() if type(w).__name__ == "CanvasBackendDesktop" and w.isVisible())
    docked.qtbot.wait(500)
    middle = QPoint(canvas.width() // 2, canvas.height() // 2)
    docked.qtbot.mouseMove(canvas, middle)
    docked.qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=middle)
    clicks.append("picture")
    docked.until(lambda: sum(row.region == "R1" for row in compare.rows) == 2)
    assert all(row.values["mean"] > 0 for row in compare.rows if row.region == "R1")
    assert len(clicks) <= 8, clicks

    docked.select(scan.reference, bench.runs[0].title)
    docked.until(lambda: any(row.values.get("psnr") for row in compare.rows))
    docked.qtbot.wait(300)
    assert not table.horizontalScrollBar().isVisible(), [table.columnWidth(k) for k in range(table.columnCount())]
    assert (table.viewport().height() + 2) // table.verticalHeader().defaultSectionSize() >= 10


def _docks(docked):
    return docked.scan, docked.reconstruct, docked.compare


def _tabs(bar):
    return [bar.tabText(k).split(" (")[0] for k in range(bar.count())]


def test_help_palette_and_what_auto_chose(docked):
    """Help opens at what is on top; every action is a command; beside "auto" stands what it came to."""
    from napari._app_model import get_app_model
    from npe2 import PluginManager
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QPushButton, QTabBar

    from fewview.viewer import commands
    from fewview.viewer.help import NAME

    manifest = PluginManager.instance().get_manifest("fewview")
    ids = {command.id for command in manifest.contributions.commands}
    known = {name for name, _ in get_app_model().commands}
    assert {"fewview.save_result", "fewview.undo_regions", "fewview.preview"} <= ids
    assert ids <= known | {f"fewview.{name}" for name in ("read", "write")} | {i for i in ids if "sample" in i}
    _, registration = docked.viewer.window.add_plugin_dock_widget("fewview", "Registration", tabify=True)
    buttons = [made for dock in (*_docks(docked), registration) for made in dock.findChildren(QPushButton)]
    named = {made.property("action") for made in buttons if made.property("action")}
    assert {f"fewview.{action}" for action in named} <= ids and len(named) > 35
    without = {made.text() for made in buttons if not made.property("action")}
    answers = {"Sample"}  # a menu, whose entries are in File > Open Sample
    answers |= {"Beside", "Instead", "It is a volume", "Browse…", "Apply", "Cancel", "Help"}
    without -= answers | {
        made.text() for made in (*docked.reconstruct.modes.buttons(), *docked.reconstruct.presets.values())
    }
    assert not {text for text in without if text[:1] not in ("▾", "▸", "?", "")}, without  # heads of sections, help

    frame = commands.show_help(docked.viewer)
    assert NAME in docked.viewer.window.dock_widgets
    page = docked.viewer.window.dock_widgets[NAME]
    assert "Drop a file or a folder" in page.text.toPlainText()
    docked.qtbot.wait(200)
    bar = next(bar for bar in docked.scan.window().findChildren(QTabBar) if bar.count() == 4)
    texts = [bar.tabText(k) for k in range(4)]
    assert sorted(texts) == ["Help", "Reconstruct", "Registration", "Scan"]
    assert all(bar.fontMetrics().horizontalAdvance(text) <= bar.tabRect(k).width() for k, text in enumerate(texts))
    assert bar.tabRect(3).right() <= bar.width()  # none is cut
    docked.viewer.window.remove_dock_widget(page)
    assert frame is None

    docked.viewer.open_sample("fewview", "microstructure")
    docked.until(lambda: docked.bench.scan.ready and not docked.bench.finding_axis)
    docked.finish()
    dock = docked.reconstruct
    dock.choose("fbp")
    assert not any(made.isVisible() for made in dock.presets.values()) or dock.presets["Draft"].isHidden()
    dock.choose("tv")
    assert [name for name in ("Draft", "Standard", "Best") if not dock.presets[name].isHidden()] == [
        "Draft",
        "Standard",
        "Best",
    ]
    budget = dock.form.input_of("budget")  # left to "none": one click, and one types
    docked.qtbot.mouseClick(budget, Qt.MouseButton.LeftButton)
    assert dock.form.changes() == {} and "budget" not in dock.forecast.text()  # no reproach before one has typed
    docked.type(budget, "300")
    assert dock.form.changes() == {"budget": 300}
    dock.form.set_values({})
    docked.type(dock.form.input_of("iterations"), "30")
    dock.parentWidget().raise_()
    dock.run()  # a preview does not search
    docked.until(lambda: docked.bench.runs and docked.bench.runs[-1].over)
    docked.finish()
    chosen = docked.bench.runs[-1].record["chosen"]["weight"]
    told = dock.form._rows["weight"]._told
    assert told.text() == f"chose {chosen:.3g}" and not told.isHidden()

    get_app_model().commands.execute_command("fewview.draw_regions").result()  # as the palette does
    docked.until(lambda: docked.compare.tools.state == "draw")
    get_app_model().commands.execute_command("fewview.drop_regions").result()
    docked.until(lambda: docked.compare.tools.state == "drop")


def test_docks_that_were_opened_one_by_one_become_tabs(docked):
    """By the entries of the menu, in any order; then all of them by its first one."""
    from napari._app_model import get_app_model

    from fewview.viewer.commands import open_all

    window, commands = docked.viewer.window, get_app_model().commands
    assert "Open fewview (fewview)" in [action.text() for action in _entries(docked)]
    for name in list(window.dock_widgets):
        window.remove_dock_widget(window.dock_widgets[name])
    for name in ("reconstruct", "compare", "scan"):
        commands.execute_command(f"fewview.{name}_dock").result()
    open_all(docked.viewer)
    docked.qtbot.wait(300)
    names = ("Scan", "Reconstruct", "Compare")
    frames = {name: window.dock_widgets[f"{name} (fewview)"].parentWidget() for name in names}
    main = frames["Scan"].window()
    assert main.tabifiedDockWidgets(frames["Scan"]) == [frames["Reconstruct"]]
    assert frames["Compare"].isVisible() and not main.tabifiedDockWidgets(frames["Compare"])
    assert not frames["Scan"].visibleRegion().isEmpty() and frames["Reconstruct"].visibleRegion().isEmpty()
    assert frames["Compare"].geometry().top() > frames["Scan"].geometry().top() + 200


def test_docks_that_are_opened_one_by_one_are_not_squeezed(docked):
    """Each by a click on its own entry, in the smallest window; the table below the picture, unless it was moved."""
    from napari.settings import get_settings

    window, main = docked.viewer.window, docked.scan.window()

    def anew():
        for name in list(window.dock_widgets):
            window.remove_dock_widget(window.dock_widgets[name])
        docked.qtbot.wait(100)

    def open_one(name):
        _click_entry(docked, f"{name} (fewview)")
        docked.until(lambda: f"{name} (fewview)" in window.dock_widgets)
        docks[name] = window.dock_widgets[f"{name} (fewview)"]
        docked.qtbot.wait(300)
        docked.until(lambda: not docks[name].visibleRegion().isEmpty())
        sides = [dock for other, dock in docks.items() if other != "Compare" and not dock.visibleRegion().isEmpty()]
        assert all(dock.height() >= 600 and dock.width() >= 265 for dock in sides), (name, [d.size() for d in sides])

    anew()
    window.resize(1280, 800)
    get_settings().application.plugin_widget_positions.clear()  # as for a new user
    docks = {}
    for name in ("Scan", "Reconstruct", "Compare", "Registration"):
        open_one(name)
    frames = {name: dock.parentWidget() for name, dock in docks.items()}
    assert set(main.tabifiedDockWidgets(frames["Scan"])) == {frames["Reconstruct"], frames["Registration"]}
    table = docks["Compare"].table
    assert (table.viewport().height() + 2) // table.verticalHeader().defaultSectionSize() >= 10
    assert frames["Compare"].geometry().right() < frames["Registration"].geometry().left()

    anew()
    get_settings().application.plugin_widget_positions["Compare (fewview)"] = "right"  # napari: as its user left it
    docks = {}
    for name in ("Scan", "Compare"):
        open_one(name)
    assert main.tabifiedDockWidgets(docks["Scan"].parentWidget()) == [docks["Compare"].parentWidget()]


def _click_entry(docked, text):
    """Click on an entry of the plugin's menu."""
    from qtpy.QtCore import Qt

    menu = _menu(docked)
    action = next(action for action in menu.actions() if action.text() == text)
    menu.popup(docked.bench.window.geometry().center())
    docked.until(menu.isVisible)
    docked.qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())


def _entries(docked):
    """Of the menu of the plugin."""
    return _menu(docked).actions()


def _menu(docked):
    bar = docked.bench.window.menuBar()
    plugins = next(one.menu() for one in bar.actions() if one.text().replace("&", "") == "Plugins")
    return next(one.menu() for one in plugins.actions() if one.menu() and one.text() == "fewview")


def test_what_cannot_be_pressed_says_why(docked, disk):
    """In its tooltip, and to whom calls it by the palette: no dialog asks where to save what is not there."""
    from napari._app_model import get_app_model
    from napari.utils.notifications import notification_manager
    from qtpy.QtWidgets import QPushButton

    told, commands = [], get_app_model().commands
    notification_manager.notification_ready.connect(lambda event: told.append(event.message))

    def lacking():
        made = [one for dock in _docks(docked) for one in dock.findChildren(QPushButton) if one.property("action")]
        return {one.property("action"): one.toolTip() for one in made if not one.isEnabled()}

    saving = {"save_table", "save_picture", "save_report", "save_regions", "load_regions"}
    assert saving | {"several_scans", "time_series", "run", "find_axis", "undo_regions"} <= lacking().keys()
    for action in (*saving, "several_scans", "time_series", "find_axis"):
        commands.execute_command(f"fewview.{action}").result()
        assert "is not possible now." in told[-1] and told[-1].endswith(lacking()[action])
    docked.reconstruct_scan(disk)
    docked.until(lambda: saving & lacking().keys() == {"save_regions"})
    docked.compare.drop(0.5, 0.5)
    assert not saving & lacking().keys() and "undo_regions" not in lacking()
    docked.compare.regions.remove("R1")
    docked.click(docked.compare.tools.whole)
    docked.until(lambda: saving & lacking().keys() == {"save_regions", "save_table"})
    assert "press Slice" in lacking()["save_table"]
