"""Which run the words are of, and what the form shows while runs that it did not start last go on."""

import numpy as np
import pytest

from fewview.runs.recipe import Recipe
from fewview.runs.worker.queued_run import QueuedRun
from fewview.viewer.reconstruct.following import FollowedRuns

pytest.importorskip("napari")
pytest.importorskip("pytestqt")


def recipe(method, scan="a.h5", **options):
    return Recipe.parse({"scan": scan, "method": method, "options": options})


def queued(number, asked, status="queued"):
    run = QueuedRun(number, asked.method, {"recipe": asked.model_dump(mode="json")})
    run.status = status
    return run


def test_the_form_goes_with_a_run_only_where_what_it_shows_has_begun():
    followed, tv, sirt = FollowedRuns(), recipe("tv", weight=0.1), recipe("sirt", iterations=9)
    first, second, third = queued(1, tv, "done"), queued(2, sirt, "running"), queued(3, recipe("fbp"))
    runs = [first, second, third]
    assert followed.begins(second, runs) and not followed.begins(second, runs)
    assert not followed.begins(None, runs) and not followed.begins(first, runs)
    assert followed.wanted(second, tv, runs).method == "sirt"
    assert followed.wanted(second, sirt, runs) is None  # it is shown
    assert followed.wanted(second, recipe("fbp"), runs) is None  # it waits: the last thing that was asked for
    assert followed.wanted(second, recipe("tv", weight=0.2), runs) is None  # nobody has run that yet
    assert followed.wanted(second, recipe("tv", scan="b.h5", weight=0.1), runs) is None  # the docks mean another scan


def test_a_preview_changes_nothing_in_the_form_that_it_was_asked_from():
    followed, tv = FollowedRuns(), recipe("tv", weight="auto")
    first, preview = queued(1, tv, "done"), queued(2, recipe("tv", weight=0.003), "running")
    followed.queued(preview, tv)
    assert followed.wanted(preview, tv, [first, preview]) is None


def test_the_form_follows_the_runs_and_the_words_say_which_run_it_is(docked, disk):
    from fewview.viewer.common.words import NO_SCAN

    dock, panel, scan = docked.reconstruct, docked.reconstruct.panel, docked.scan
    buttons = (dock.preview_button, dock.run_button, panel.pause, panel.stop)

    def places():
        return [dock.height() - button.mapTo(dock, button.rect().topLeft()).y() for button in buttons]

    def ask(method, **options):
        dock.choose(method)
        dock.form.set_values(options)
        docked.click(dock.run_button)
        return docked.bench.runs[-1]

    def goes(run):
        return run.step > 2 and panel.title.toolTip() == run.title

    assert scan.axis_words.text() == NO_SCAN and not panel.title.text()
    docked.bench.open(disk)
    dock.parentWidget().raise_()
    docked.qtbot.wait(300)
    before = places()
    first, second = ask("sirt", iterations=100000), ask("cgls", iterations=99999)
    dock.choose("sirt")  # as the demo does: what the dock shows is what runs
    dock.form.set_values({"iterations": 100000})
    docked.until(lambda: goes(first))
    assert panel.title.text().endswith(" #1") and "40 views" not in panel.title.text()
    docked.qtbot.wait(300)
    moved = np.abs(np.subtract(places(), before))
    assert moved.max() <= 2, moved  # the words have grown by a line, and no button moved; styles differ by a pixel
    docked.click(panel.stop)
    docked.until(lambda: goes(second) and dock.chosen_method.name == "cgls")
    assert dock.form.values()["iterations"] == 99999 and panel.title.text().endswith(" #2")

    dock.choose("tv")
    dock.form.set_values({"weight": 0.125})  # not run yet: it stays, whatever begins
    docked.click(panel.runs_section.head)
    panel.runs.setCurrentRow(docked.bench.runs[::-1].index(first))
    docked.click(panel.again_button)
    third = docked.bench.runs[-1]
    docked.click(panel.stop)
    docked.until(lambda: goes(third))
    docked.qtbot.wait(600)
    assert dock.chosen_method.name == "tv" and dock.form.values()["weight"] == 0.125
    assert panel.runs.horizontalScrollBar().maximum() == 0
    docked.click(panel.stop)
    docked.finish()
    assert np.isfinite(third.volume).all()
