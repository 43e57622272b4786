"""What the docks decide, without a viewer."""

import json
from types import SimpleNamespace
from typing import Literal

import numpy as np
import pytest

from fewview.errors import FewviewError
from fewview.methods import get_method
from fewview.methods.interface import Method
from fewview.options import Options, option
from fewview.quality import Region
from fewview.runs.forecast import duration
from fewview.runs.recipe import Recipe
from fewview.runs.worker.messages import Failed, Finished, Opened, Progress
from fewview.runs.worker.queued_run import QueuedRun
from fewview.samples import FOLDER, TOOTH
from fewview.viewer.common.layers import contrast, projection_layer, spatial
from fewview.viewer.common.names import common_scan, extra_name, own_name, short, short_names, unfinished, with_prefix
from fewview.viewer.common.words import number, size, without_flags
from fewview.viewer.compare.grids import grid_of
from fewview.viewer.compare.presenter import ComparePresenter
from fewview.viewer.compare.profile import line_profile
from fewview.viewer.compare.regions_file import box_region, read_regions, region_box, write_regions
from fewview.viewer.compare.report import Picture, html_report, record_of
from fewview.viewer.compare.table import Candidate, Table, Truth, as_csv
from fewview.viewer.compare.value_units import by_pixel, one_unit
from fewview.viewer.keys.table import bindings, conflicts
from fewview.viewer.reconstruct.form_entries import changed, form_entries, named
from fewview.viewer.reconstruct.modes import MODES, mode_states
from fewview.viewer.reconstruct.presets import matching_preset, preset_help, preset_values
from fewview.viewer.reconstruct.run_presenter import curves, forecast_text, run_title, run_view
from fewview.viewer.scan.axis_state import AxisState
from fewview.viewer.scan.presenter import ScanPresenter


class Knobs(Options):
    weight: float | Literal["auto"] = option("auto", "Weight", "Larger is smoother.", ge=0)
    iterations: int = option(100, "Iterations", "More are sharper.", ge=1, le=250)
    start: Literal["zeros", "fbp"] = option("zeros", "Start", "Where to begin.", advanced=True)
    window: float = option(2.0, "Window", "Wider is blurrier.", unit="px", gt=0)
    positivity: bool = option(True, "Positivity", "No negative values.")


def method(name="tv", family="classical", needs=(), missing=None):
    return Method(
        name,
        name.upper(),
        family,
        "",
        "",
        Knobs,
        lambda p, o: iter(()),
        needs=frozenset(needs),
        missing=lambda: missing,
    )


# -- form ----------------------------------------------------------------------------------------------------------


def test_fields_tell_kind_bounds_unit_and_effect():
    fields = {field.name: field for field in form_entries(Knobs)}
    assert list(fields)[-1] == "start"  # advanced ones last
    assert (fields["weight"].kind, fields["weight"].auto, fields["weight"].low) == ("float", "auto", 0)
    assert (fields["iterations"].kind, fields["iterations"].high) == ("int", 250)
    assert fields["start"].choices == ("zeros", "fbp")
    assert "Unit: px." in fields["window"].tooltip
    assert "Larger is smoother." in fields["weight"].tooltip and "Auto" in fields["weight"].tooltip


def test_a_recipe_says_only_what_differs_from_the_defaults():
    values = {"weight": "auto", "iterations": 30, "start": "zeros", "window": 2.0, "positivity": True}
    assert changed(form_entries(Knobs), values) == {"iterations": 30}


def test_a_preset_fills_the_form_and_is_recognised_in_it():
    tv, fields = method(), form_entries(Knobs)
    assert preset_values(tv, fields, "Draft")["iterations"] == 30
    assert preset_values(tv, fields, "Best")["weight"] == "auto"
    assert matching_preset(tv, fields, preset_values(tv, fields, "Standard")) == "Standard"
    assert matching_preset(tv, fields, {**preset_values(tv, fields, "Draft"), "weight": 0.1}) == "Custom"
    assert "iterations 30" in preset_help(tv, "Draft") and "Sets" not in preset_help(tv, "Standard")


def test_only_what_matters_for_what_is_chosen_is_shown_and_said():
    model = get_method("d3ip").options
    fields = {field.name: field for field in form_entries(model)}
    values = {name: field.default for name, field in fields.items()}
    shown = {name for name, field in fields.items() if field.matters(values)}
    assert {"data_step.kind", "data_step.trust", "data_step.gamma", "adaptation.kind"} <= shown
    assert not {"data_step.sweeps", "adaptation.inner"} & shown and fields["adaptation.inner"].matters(
        values | {"adaptation.kind": "lora"}
    )
    assert fields["data_step.kind"].choices == ("cg", "proximal", "tv-z")
    values |= {"data_step.kind": "cg", "data_step.trust": 0.5, "adaptation.inner": 9}
    assert changed(fields.values(), values) == {"data_step.kind": "cg"}
    assert model.parse(changed(fields.values(), values)).data_step.kind == "cg"
    assert named(model, {"trust": 0.3, "beside": "mbir", "samples": 2}) == {
        "data_step.trust": 0.3,
        "partner.kind": "mbir",
        "samples": 2,
    }


def test_every_real_method_has_help_on_every_option():
    from fewview.methods.budget import OnePassOptions
    from fewview.viewer.reconstruct.modes import all_methods

    for real in all_methods():
        for field in form_entries(real.options):
            assert field.title and len(field.tooltip) > 15, (real.name, field.name)
        fields = form_entries(real.options)
        named = {field.name: field for field in fields}
        shared = named.get("budget")  # shown with every method that has it, after the few of its own
        assert sum(not field.advanced for field in fields) <= 4 + (shared is not None), real.name
        if shared is not None and not issubclass(real.options, OnePassOptions):
            assert not shared.advanced and shared.unit == "s" and shared.auto is None and shared.default is None
        for name in {"prior", "guide", "weights"} & set(named):  # a choice, not free text
            assert named[name].kind == "file" and named[name].default in named[name].choices, (real.name, name)


# -- modes ---------------------------------------------------------------------------------------------------------


def test_modes_without_a_method_are_greyed_and_say_why():
    states = {state.mode.name: state for state in mode_states([method()])}
    assert [mode.title for mode in MODES] == ["Unimodal", "Cross-modal", "DINR", "DiffNR", "Neural fields", "Classical"]
    assert states["classical"].enabled and states["classical"].methods[0].name == "tv"
    for name in ("unimodal", "crossmodal", "dinr", "diffnr", "fields"):
        assert not states[name].enabled and "Not in this version" in states[name].reason


def test_modes_light_up_with_their_methods_and_pass_on_what_one_lacks():
    all_there = [
        method("dds", "diffusion"),
        method("guided", "diffusion", {"aux"}),
        method("dinr", "diffusion"),
        method("dinr-paper", "diffusion"),
        method("naf", "fields"),
        method("diffnr-naf", "fields", missing="Its weights are not here: fewview train."),
    ]
    states = {state.mode.name: state for state in mode_states(all_there)}
    assert [m.name for m in states["unimodal"].methods] == ["dds"]
    assert [m.name for m in states["crossmodal"].methods] == ["guided"]
    assert [m.name for m in states["dinr"].methods] == ["dinr", "dinr-paper"]
    assert [m.name for m in states["fields"].methods] == ["naf"]
    assert "fewview train" in states["diffnr"].reason


# -- scan ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tooth():
    presenter = ScanPresenter()
    presenter.load(TOOTH)
    return presenter


def test_the_tooth_in_plain_words(tooth):
    facts = {fact.label: fact for fact in tooth.facts()}
    assert "181 views of 2 × 640 pixels" in facts["Frames"].text
    assert facts["Flats"].text == "10 open-beam frames" and facts["Darks"].text == "10 dark frames"
    # Whatever was read or assumed may be corrected at any time.
    assert {"angles", "kind", "flats", "darks", "axis", "pixel"} <= {fact.action for fact in facts.values()}
    assert "size unknown" in facts["Pixel"].text and facts["Pixel"].action == "pixel"
    assert facts["Axis"].action == "axis"
    assert tooth.ready


def test_the_record_of_a_run_says_how_its_axis_was_found_until_the_user_moves_it():
    from fewview.runs.worker import engine

    class Signals:
        stopped = staticmethod(lambda: False)
        stage = staticmethod(lambda text: None)

    def carried_out(job, presenter):
        generator = job({"recipe": presenter.recipe(method="fbp").model_dump(mode="json")}, Signals)
        while True:
            try:
                next(generator)
            except StopIteration as end:
                return end.value

    presenter = ScanPresenter()
    presenter.load(FOLDER / "shell.h5")
    assert presenter.recipe().axis_origin is None
    found = carried_out(engine.find_axis, presenter)
    presenter.set_axis(found["axis"], f"{found['how']}: {found['where']}")
    origin = carried_out(engine.run, presenter)["axis_origin"]
    assert origin == presenter.axis_how and origin.startswith("found: ") and "confidence" in origin
    presenter.set_axis(found["axis"])  # the same column, but now the user's word
    assert carried_out(engine.run, presenter)["axis_origin"] == "given: by the user"


def test_an_axis_that_the_file_tells_is_not_called_the_users(tmp_path):
    import h5py

    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file.attrs["implements"] = "exchange"
        file["exchange/data"] = np.full((8, 2, 16), 0.5, np.float32)
        file["exchange/theta"] = np.arange(8) * 22.5
        file["exchange"].attrs["axis"] = 7.25
    presenter = ScanPresenter()
    presenter.load(tmp_path / "scan.h5", kind="transmission")
    recipe = presenter.recipe()
    assert recipe.axis == 7.25 and recipe.axis_origin.startswith("read: ")


def test_choices_become_a_recipe_and_travel_no_further_than_needed(tooth):
    assert tooth.recipe().compact() == {"scan": str(TOOTH), "method": "tv"}
    tooth.views, tooth.rows, tooth.axis = 45, (1, 2), 295.0
    recipe = tooth.recipe(method="fbp")
    assert (recipe.views, recipe.rows, recipe.axis, recipe.method) == (45, (1, 2), 295.0, "fbp")
    assert len(tooth.angles_used) == 45
    tooth.views, tooth.rows = 181, (0, 2)
    assert tooth.recipe().views is None and tooth.recipe().rows is None


def test_what_the_user_says_is_taken_in():
    presenter = ScanPresenter()
    presenter.load(TOOTH)
    presenter.say(pixel="0.01")
    assert presenter.pixel == 0.01 and presenter.recipe().reader.pixel == 0.01
    with pytest.raises(FewviewError, match="pixel"):
        presenter.say(pixel="a lot")
    assert presenter.pixel == 0.01


def test_a_fan_beam_says_where_its_source_is(tmp_path):
    np.save(tmp_path / "scan.npy", np.ones((12, 3, 20), np.float32))
    beam = {"type": "fanflat", "DetectorCount": 20, "DetectorWidth": 0.5}
    beam |= {"DistanceOriginSource": 40, "DistanceOriginDetector": 60}
    (tmp_path / "beam.json").write_text(json.dumps(beam))
    presenter = ScanPresenter()
    presenter.load(tmp_path / "scan.npy", geometry=str(tmp_path / "beam.json"), angles="0:360", kind="attenuation")
    fact = next(fact for fact in presenter.facts() if fact.label == "Beam")
    assert "source 40 mm from the axis" in fact.text and "below the slice" in fact.text
    assert fact.action == "geometry" and fact.now.endswith("beam.json")
    presenter.bin = 2
    assert presenter.voxel == pytest.approx(0.4)
    assert grid_of(presenter).place.step == pytest.approx((0.2,) * 3)  # not the 0.5 mm of the detector


def test_what_is_not_possible_is_refused_and_changes_nothing():
    presenter = ScanPresenter()
    presenter.load(TOOTH)
    before = presenter.reader, presenter.info
    for said in ({"angles": "0:ninety"}, {"kind": "colours"}, {"flats": "/nowhere/at/all"}):
        with pytest.raises(FewviewError):
            presenter.say(**said)
        assert (presenter.reader, presenter.info) == before and presenter.ready
    presenter.say(angles="0:360")  # also what the file says may be corrected, and taken back
    assert presenter.angles[-1] > 350 and presenter.facts()[2].now == "0:360"
    presenter.say(angles=None)
    assert presenter.angles[-1] < 200


def test_the_found_axis_and_the_one_in_use_are_both_known():
    state = AxisState()
    assert state.fact().state == "note" and not state.can_undo
    search = {"axis": 295.2, "how": "found", "where": "Fourier, confidence 0.99", "curve": [[1.0], [0.0]], "tilt": {}}
    state.take(search)
    assert state.fact().state == "good" and state.column == 295.2 and not state.can_undo  # from nothing
    state.choose(300.0)
    state.choose(301.0)  # further moves of the slider are one choice
    fact = state.fact()
    assert fact.state == "warning" and "295.20" in fact.text and "301.00" in fact.text
    assert "5.8 columns off" in state.words() and "Found in the data: column 295.20" in state.words()
    state.undo()
    assert (state.column, state.how) == (295.2, "found: Fourier, confidence 0.99")
    state.take({**search, "tilt": {"degrees": 4.0, "matters": True, "words": "The axis is tilted by 4.00 degrees."}})
    assert state.fact().state == "warning" and "tilted by 4.00°" in state.fact().text
    state.take({"axis": 319.5, "how": "assumed", "where": "middle of the detector", "curve": [[], []]})
    assert state.fact().state == "assumed" and state.found is None


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Give open-beam frames with --flats FILE.", "Give open-beam frames under “Flats”."),
        (
            "Reconstruct fewer rows (--rows A:B) or bin (--bin 2).",
            "Reconstruct fewer rows (“Rows”) or bin (“Binning” 2).",
        ),
        ("Only these rows come out right (--rows 3:8).", "Only these rows come out right (“Rows” 3 to 7)."),
        ("Bin by a larger factor (--bin K).", "Bin by a larger factor (“Binning”)."),
        ("Leave them out with --exclude 3:8,11.", "Leave them out under “Left out” 3:8,11."),
        ("Correct it with --prepare tilt=4.03.", "Correct it with “tilt” 4.03 under Preparation."),
        ("See `fewview train prior --set task=postnet`.", "See `fewview train prior --set task=postnet`."),
    ],
)
def test_the_viewer_speaks_of_fields_and_not_of_flags(said, shown):
    assert without_flags(said) == shown


def test_a_scan_without_angles_names_its_remedy(tmp_path):
    np.save(tmp_path / "frames.npy", np.random.default_rng(0).random((7, 20, 24)).astype(np.float32))
    presenter = ScanPresenter()
    presenter.load(tmp_path / "frames.npy")
    missing = [fact for fact in presenter.facts() if fact.state == "missing"]
    assert not presenter.ready and missing[0].action == "angles"
    with pytest.raises(FewviewError, match="Scan dock"):
        presenter.recipe()
    presenter.say(angles="0:180", kind="attenuation")
    assert presenter.ready


def test_a_preview_takes_whole_bins(tooth):
    tooth.bin = 2
    assert tooth.one_row(1) == (0, 2)
    tooth.bin = 1
    assert tooth.one_row(1) == (1, 2)


# -- layers --------------------------------------------------------------------------------------------------------


def test_layers_carry_scale_units_and_place():
    whole = spatial((4, 8, 8), 0.1)
    assert whole["units"] == ("mm",) * 3 and whole["scale"] == (0.1,) * 3 and whole["translate"] == (0, 0, 0)
    slab = spatial((1, 4, 4), 0.2, first_row=6, bin=2)
    np.testing.assert_allclose(slab["translate"], (0.65, 0.05, 0.05))  # between pixels 6 and 7, 0 and 1
    assert spatial((4, 8, 8), None)["units"] == ("pixel",) * 3


def test_a_detector_of_few_rows_is_shown_as_sinograms():
    data, keywords, _ = projection_layer(np.random.default_rng(0).random((30, 2, 40)).astype(np.float32), "a/b.h5", 0.1)
    assert data.shape == (2, 30, 40) and keywords["axis_labels"] == ("v", "angle", "u")
    data, keywords, _ = projection_layer(np.ones((30, 20, 40), np.float32), "b.h5", None)
    assert data.shape == (30, 20, 40) and keywords["axis_labels"] == ("angle", "v", "u")
    assert contrast(np.ones((2, 3, 3)))[0] < contrast(np.ones((2, 3, 3)))[1]


@pytest.mark.parametrize(
    ("kept", "holds", "state", "more"),
    [
        ("start", "starting image: CGLS, 56 steps", "Starting image", "CGLS, 56 steps"),
        ("intermediate", "while its weight was being chosen: weight 0.001", "While choosing", "weight 0.001)"),
        ("intermediate", "stopped at step 80 of 200", "Stopped", "at step 80 of 200"),
    ],
)
@pytest.mark.parametrize("title", ["TV, 45 views #3", "Directional total variation, 180 views, weight 0.0014 #12"])
def test_what_a_layer_is_is_never_cut_off_its_name(kept, holds, state, more, title):
    name = with_prefix("a_rather_long_name_of_a_scan: ", unfinished(title, kept, holds))
    number = title[title.index("#") :]
    for length in (24, 28, 30):
        cut = short(name, length)
        assert cut.startswith(f"{state}: ") and cut.endswith(number) and len(cut) <= length
    assert more in name and name.startswith(f"{state}: a_rather_long_name_of_a_scan: {title}")
    assert own_name(f"{name} [2]", {"fewview": {"prefix": "a_rather_long_name_of_a_scan: "}}) == unfinished(
        title, kept, holds
    )
    assert common_scan([name, f"a_rather_long_name_of_a_scan: {title}"]) == "a_rather_long_name_of_a_scan: "


@pytest.mark.parametrize("prefix", ["", "wood: "])
def test_what_a_closing_window_leaves_is_named_and_recorded_as_what_it_is(prefix):
    from fewview.viewer.reconstruct.live_view import Shown
    from fewview.viewer.reconstruct.run_end import left_layer

    run = QueuedRun(3, f"{prefix}TV, 32 views #3", {})
    run.start()
    run.hear(Opened(3, (2, 3, 4)))
    run.hear(Progress(3, 1, 7, 20, "iterating", done=0.35, place=(1, 1)))
    run.volume, run.kept_step = np.ones((2, 3, 4), np.float32), 7
    run.hear(Failed(3, "crash", "It was killed.", "Use fewer rows."))
    place = {"scale": (0.2,) * 3, "translate": (0.4, 0, 0), "units": ("mm",) * 3, "axis_labels": ("z", "y", "x")}
    shown = Shown(run.title, place, {"of": "wood.h5", "prefix": prefix})
    never_painted = left_layer(run, shown)
    again = left_layer(run, shown, never_painted)
    assert never_painted.name == again.name == f"Stopped: {prefix}TV, 32 views #3 (at step 7 of 20)"
    for layer in (never_painted, again):
        about = layer.metadata["fewview"]
        assert (about["of"], about["run"], about["status"]) == ("wood.h5", 3, "failed")
        record = about["record"]
        assert (record["kept"], record["stage"], record["steps"], record["stopped"]) == (
            "intermediate",
            "iterating",
            7,
            True,
        )
        assert tuple(layer.translate) == (0.4, 0, 0) and str(layer.units[0]) == "millimeter"


def test_a_result_is_called_by_its_method_and_number_and_other_names_lose_their_middle():
    assert short("Total variation, 45 views, weight 0.0014 #3") == "Total variation #3"
    assert short("Implicit representation (SIREN), 45 views #14") == "Implicit rep…(SIREN) #14"
    assert short("abcdefghijklmnopqrstuvwxyz") == "abcdefghijkl…pqrstuvwxyz"


def test_layers_whose_short_names_are_the_same_are_told_apart():
    names = [
        "Total variation, 45 views, weight 0.0014 #3",
        "Total variation, 45 views, weight 0.002 #3",  # of another session
        "Total variation, 60 views, weight 0.002 #3",
        "Filtered back-projection, 45 views #1",
        "what the user called the first of both layers of lead",
        "what the user called the other of both layers of lead",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ]
    told = short_names(names)
    assert list(told) == names and len(set(told.values())) == len(names)
    assert told[names[0]] == "Total variation…45 views, weight 0.0014…"
    assert told[names[3]] == short(names[3])
    assert told[names[4]] == "what the user c…first of both layers…"


# -- runs ----------------------------------------------------------------------------------------------------------


def test_a_layer_is_named_after_what_made_it():
    recipe = Recipe(scan="a.h5", options={"weight": 0.01, "iterations": 50}, bin=2, rows=(4, 6))
    assert run_title(recipe, method(), 32, 3) == "TV, 32 views, weight 0.01, iterations 50, bin 2, row 4 #3"
    stopped = with_prefix("wood: ", unfinished("TV, 32 views, bin 2 #3", "intermediate", "stopped at step 5 of 20"))
    assert stopped == "Stopped: wood: TV, 32 views, bin 2 #3 (at step 5 of 20)"
    assert extra_name(stopped, "refused") == "Stopped: wood: TV #3 refused repairs"
    assert extra_name("my sample", "std") == "my sample standard deviation"


def test_a_run_in_words_from_queue_to_end():
    run = QueuedRun(1, "TV", {})
    assert run_view(None).headline == "Nothing is running." and "Preview slice" in run_view(None).details
    run.start()
    run.hear(Opened(1, (1, 2, 2)))
    run.hear(Progress(1, 1, 0, 20, "iterating", shows="FBP", kept="start"))
    assert run_view(run).details.endswith("Shown: starting image (FBP).")
    run.hear(Progress(1, 2, 5, 20, "iterating", {"heldout_error": 0.5, "objective": 3.0}, 0.25))
    view = run_view(run)
    assert view.headline == "Iterating" and view.percent == 25 and view.can_pause and view.can_stop
    assert "Step 5 of 20" in view.details and "left" in view.details and "Shown" not in view.details
    assert "queue" not in view.details and run_view(run, waiting=2).details.endswith("; 2 more in the queue")
    run.pause(True)
    assert run_view(run).can_resume and not run_view(run).can_pause
    run.pause(False)
    run.silent_for = 30.0
    assert run_view(run).can_kill and "Wait, or end it" in run_view(run).details
    run.silent_for = 0.0
    run.record = {}
    run.hear(Finished(1, False, {"heldout_error": 0.123}))
    assert run_view(run).tone == "good" and "Held-out error 0.123." in run_view(run).details
    assert list(curves(run)) == ["held-out error", "objective"]


def test_a_crash_says_what_happened_and_what_was_kept():
    run = QueuedRun(1, "TV", {})
    run.start()
    run.hear(Progress(1, 1, 7, 20, "iterating"))
    run.volume, run.kept_step = np.zeros((1, 2, 2), np.float32), 7
    run.hear(Failed(1, "crash", "The process was killed.", "Use fewer rows."))
    view = run_view(run)
    assert view.headline == "The process was killed." and view.tone == "bad"
    assert "Use fewer rows." in view.details and "Kept: the volume stopped at step 7 of 20." in view.details


def test_one_bar_and_one_time_left_for_all_stages(monkeypatch):
    now = [1.0]
    monkeypatch.setattr("fewview.runs.worker.queued_run.time.monotonic", lambda: now[0])
    run = QueuedRun(1, "TV", {})
    run.start()
    run.hear(Opened(1, (1, 2, 2)))
    trial = "while its weight was being chosen: weight 0.01"
    for second, step in ((10, 0), (11, 1), (12, 2)):
        now[0] = second
        error = {"heldout_error": 0.9 - step / 10}
        run.hear(Progress(1, 1, step, 4, "choosing the weight", error, step / 8, (1, 2), "intermediate", trial))
    assert run.seconds_left == pytest.approx(6.0)  # a second per eighth, six to go
    assert run.history["heldout_error"] == [(0, 0.9), (1, 0.8), (2, 0.7)]
    view = run_view(run)
    assert view.headline == "Stage 1 of 2: choosing the weight" and view.percent == 25
    assert view.details.endswith(f"Shown: the volume {trial}.")
    now[0] = 15
    run.hear(Progress(1, 1, 1, 5, "iterating", {"data_residual": 0.7}, 0.5, (2, 2)))
    assert run.seconds_left == pytest.approx(5.0) and "heldout_error" not in run.history
    assert run_view(run).headline == "Stage 2 of 2: iterating" and run_view(run).percent == 50
    now[0] = 35  # slower than it was: what was said is not taken back by much
    run.hear(Progress(1, 1, 2, 5, "iterating", {"data_residual": 0.6}, 0.6, (2, 2)))
    assert run.seconds_left == pytest.approx(5.0 * 1.05)


@pytest.mark.parametrize(
    ("kept", "shows", "words"),
    [
        ("start", "CGLS, 56 steps", "starting image: CGLS, 56 steps"),
        ("intermediate", "while its weight was being chosen: weight 0.0014", "while its weight was being chosen: weig"),
        ("intermediate", "", "stopped at step 3 of 20"),
    ],
)
def test_a_stopped_run_says_what_it_kept(kept, shows, words):
    run = QueuedRun(1, "TV", {})
    run.start()
    run.hear(Progress(1, 1, 3, 20, "iterating", kept=kept, shows=shows))
    run.volume, run.kept_step = np.zeros((1, 2, 2), np.float32), 3
    run.hear(Finished(1, True, {}))
    of_a_volume = "" if kept == "start" else "the volume "
    assert run.holds.startswith(words) and f"Kept: {of_a_volume}{words}" in run_view(run).details


def test_the_forecast_grows_with_the_slices_and_warns():
    small, fits = forecast_text(Recipe(scan="a", rows=(0, 1)), method(), (32, 100, 256))
    assert fits and "1 × 256 × 256 voxels" in small
    _, fits = forecast_text(Recipe(scan="a"), method(), (3000, 40000, 40000))
    assert not fits


# -- compare -------------------------------------------------------------------------------------------------------


def image(noise=0.0, seed=0):
    truth = np.zeros((64, 64), np.float32)
    truth[20:44, 20:44] = 1
    return truth + noise * np.random.default_rng(seed).standard_normal((64, 64)).astype(np.float32)


def box(y, x):
    return region_box(Region(y, x))


def test_the_table_marks_the_best_by_a_star():
    table = Table()
    good, poor = (Candidate(name, image(noise), truth=image()) for name, noise in (("good", 0.05), ("poor", 0.3)))
    rows = table.rows([("R1", box((10, 42), (10, 42)))], [good, poor], Truth("truth", image(), 1.0))
    columns = {column.key: column for column in table.columns(True)}
    assert "psnr" in rows[0].best and "psnr" not in rows[1].best
    assert rows[0].text(columns["psnr"]).startswith("★ ") and not rows[1].text(columns["psnr"]).startswith("★")
    assert abs(rows[0].values["psnr"] - 26.0) < 0.7  # noise of 0.05 on a range of 1
    text = as_csv(list(columns.values()), rows)
    assert text.splitlines()[0].startswith("region,layer,psnr,ssim") and len(text.splitlines()) == 3


def test_without_a_reference_nothing_pretends_to_be_a_psnr():
    table = Table()
    keys = [column.key for column in table.columns(False)]
    assert "psnr" not in keys and "ssim" not in keys and "difference" not in keys
    assert {"mean", "std", "cnr", "edge_width", "heldout_error", "data_residual"} <= set(keys)
    row = table.rows([("R1", box((8, 40), (8, 40)))], [Candidate("a", image(0.1), scores={"heldout_error": 0.2})])[0]
    assert row.values["psnr"] is None and row.values["heldout_error"] == 0.2


def test_a_region_is_the_same_place_on_layers_of_other_pixel_sizes():
    fine = Candidate("fine", np.kron(image(), np.ones((2, 2))), (-0.25, -0.25), (0.5, 0.5))
    coarse = Candidate("coarse", image())
    corners = box((22, 30), (22, 30))
    assert coarse.region(corners) == Region((22, 30), (22, 30))
    assert fine.region(corners) == Region((44, 60), (44, 60))
    assert coarse.region(corners + 1000) is None


def test_only_what_changed_is_measured_again(monkeypatch):
    from fewview.viewer.compare import table as module

    calls = []
    monkeypatch.setattr(module, "measure", lambda *a, **k: calls.append(1) or ({"mean": 1.0}, ""))
    table = Table()
    regions = [("R1", box((8, 40), (8, 40)))]
    table.rows(regions, [Candidate("a", image()), Candidate("b", image())])
    table.rows(regions, [Candidate("a", image()), Candidate("b", image(), version=1)])
    assert len(calls) == 3


def layer(name, data, **more):
    return SimpleNamespace(
        name=name,
        data=data,
        ndim=data.ndim,
        scale=np.ones(data.ndim),
        translate=np.zeros(data.ndim),
        metadata={},
        **more,
    )


def test_a_reference_without_a_range_is_told_each_time():
    presenter, flat = ComparePresenter(), layer("flat", np.ones((3, 64, 64), np.float32))
    run = layer("run", np.stack([image()] * 3))
    told = [presenter.compare([run], flat, z).notes for z in (0.0, 1.0)]
    assert told[0] == told[1] and "constant" in " ".join(told[0])
    truth = layer("truth", np.stack([image()] * 3))  # of the same number, perhaps: the other one is gone
    assert presenter.compare([run], truth, 0.0).truth.value_range == 1.0


def test_slices_are_read_at_the_position_that_is_shown():
    volume = np.stack([image(0.1), image(0.2), image(0.3)])
    presenter = ComparePresenter()
    whole = layer("run", volume)
    slab = layer("slab", volume[2:])
    slab.translate = np.array([2.0, 0, 0])
    truth = layer("truth", np.stack([image()] * 3))
    found = presenter.compare([whole, slab], truth, 2.0)
    rows = presenter.rows(found, [("R1", box((10, 42), (10, 42)))], 2.0)
    assert found.truth.value_range == 1.0 and not found.notes
    assert rows[0].values["std"] == rows[1].values["std"]
    found = presenter.compare([whole, slab], truth, 0.0)
    rows = presenter.rows(found, [("R1", box((10, 42), (10, 42)))], 0.0, whole=True)
    assert [(row.region, row.layer) for row in rows] == [("R1", "run"), ("slice", "run")]  # the slab ends above
    assert rows[1].values["mean"] == pytest.approx(float(volume[0].mean()), rel=1e-5)
    curve = presenter.scale_curves(found, (32.0, 32.0))["run"]
    assert len(curve[0]) == len(curve[1]) > 4


def test_layers_of_other_units_are_not_compared_in_silence():
    run = layer("run", image())
    run.metadata = {"fewview": {"record": {"unit": "per pixel"}}}
    file = layer("file", image() / 0.2)
    file.metadata = {"fewview": {"file": "f.tif", "unit": "mm^-1"}}
    kept, unit, notes = one_unit([run, file])
    assert (kept, unit) == ([file], "mm^-1") and "“run” is in per pixel" in notes[0]
    foreign = layer("foreign", image() / 0.2)
    assert "5 times those of “run”" in one_unit([foreign, run])[2][0]
    foreign.data = image() * 1.2
    assert one_unit([foreign, run]) == ([foreign, run], "per pixel", [])
    assert one_unit([foreign]) == ([foreign], "", [])
    live = layer("live", image(), units=("mm", "mm"))
    live.metadata = {"fewview": {"recipe": {}, "unit": "mm^-1"}}
    assert one_unit([live, file])[2] == [] and one_unit([live, run])[0] == [live]


def test_values_hold_for_the_pixel_with_which_they_were_reconstructed():
    made = by_pixel("mm^-1", 0.3, 0.2)
    assert made == "mm^-1 of a pixel of 0.3 mm" == by_pixel(made, 0.2, 0.15) == by_pixel("mm^-1", 0.3, None)
    assert by_pixel(made, 0.15, 0.3) == by_pixel(made, None, 0.3) == "mm^-1"
    assert by_pixel("per pixel", None, 0.3) == by_pixel("per pixel", 0.3, 0.2) == "per pixel"
    old, new = layer("old", image()), layer("new", image())
    old.metadata, new.metadata = ({"fewview": {"record": {"unit": "mm^-1"}, "unit": unit}} for unit in (made, "mm^-1"))
    kept, unit, notes = one_unit([old, new])
    assert (kept, unit) == ([new], "mm^-1") and "“old” is in mm^-1 of a pixel of 0.3 mm, others" in notes[0]
    kept, unit, notes = one_unit([old])
    assert (kept, unit) == ([old], made) and "another one by now" in notes[0]


def test_a_profile_follows_the_line():
    ramp = np.tile(np.arange(10.0), (10, 1))
    distance, values = line_profile(ramp, (5, 2), (5, 8))
    np.testing.assert_allclose(values, np.arange(2.0, 9.0))
    assert distance[-1] == 6
    assert np.isnan(line_profile(ramp, (5, 5), (5, 20))[1][-1])


# -- files ---------------------------------------------------------------------------------------------------------


def test_regions_survive_the_round_trip(tmp_path):
    regions = [("void", Region((3, 11), (4, 20))), ("wall", Region((30, 62), (0, 32)))]
    write_regions(tmp_path / "r.csv", regions)
    assert read_regions(tmp_path / "r.csv") == regions
    assert box_region(region_box(regions[0][1])) == regions[0][1]


def test_naparis_own_shapes_are_read(tmp_path):
    lines = ["index,shape-type,vertex-index,axis-0,axis-1"]
    for corner, (y, x) in enumerate(region_box(Region((3, 11), (4, 20)))):
        lines.append(f"0,rectangle,{corner},{y},{x}")
    (tmp_path / "n.csv").write_text("\n".join(lines))
    assert read_regions(tmp_path / "n.csv") == [("R1", Region((3, 11), (4, 20)))]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "name,y_start,y_stop,x_start,x_stop\nr,5,5,1,2\n"])
def test_a_file_that_is_no_list_of_regions_is_refused(tmp_path, text):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(FewviewError):
        read_regions(tmp_path / "x.csv")


def test_the_report_is_one_file_with_pictures_table_and_records():
    table = Table()
    rows = table.rows([("<R1>", box((8, 40), (8, 40)))], [Candidate("a & b", image(0.1))])
    text = html_report(
        "T", [Picture("slice", b"png")], table.columns(False), rows, {"a & b": {"command": "fewview <x>"}}
    )
    assert "data:image/png;base64,cG5n" in text and "&lt;R1&gt;" in text and "fewview &lt;x&gt;" in text
    assert "src='http" not in text and "PSNR" not in text


def test_the_report_tells_of_a_run_that_was_stopped_and_of_a_layer_from_elsewhere():
    about = {"recipe": Recipe(scan="a.h5", method="sirt").compact(), "status": "stopped", "step": 7, "record": {}}
    records = {"mine": record_of(about), "theirs": record_of({}), "whole": record_of({"record": {"seconds": 1}})}
    assert records["whole"] == {"seconds": 1}
    text = html_report("T", [], Table().columns(False), [], records)
    assert text.count("Stopped by the user; the estimate of step 7 was kept.") == 1
    assert "fewview reconstruct a.h5" in text and text.count("Not of a run of fewview.") == 1


# -- words and keys ------------------------------------------------------------------------------------------------


def test_words():
    assert [duration(s) for s in (8, 125, 4320)] == ["8 s", "2 min 5 s", "1 h 12 min"]
    assert [size(n) for n in (2000, 5 * 2**20, 3 * 2**30)] == ["2 kB", "5 MB", "3.0 GB"]
    assert [number(v) for v in (None, float("inf"), 0.123456)] == ["n/a", "∞", "0.1235"]


def test_cells_of_a_column_have_as_many_digits():
    from fewview.viewer.common.words import cell

    assert [cell(value) for value in (23.0, 22.714, 9.5, 1234.2, 0.0)] == ["23.00", "22.71", "9.500", "1234", "0.000"]
    assert [cell(value, 3) for value in (0.9, 0.858, -5.9e-05)] == ["0.900", "0.858", "-5.90e-05"]
    assert [cell(None), cell(float("nan")), cell(float("inf"))] == ["n/a", "n/a", "∞"]


def test_keys_clash_with_each_other_and_with_the_viewer():
    keys = bindings({"stop": "Shift-R", "preview": ""})
    found = conflicts(keys, ["Shift-P"])
    assert "toggle_run" in found["stop"] and found["toggle_pause"] == "used by the viewer" and "preview" not in found


def test_the_samples_open_as_ready_scans():
    for name in ("tooth", "shell", "microstructure"):
        presenter = ScanPresenter()
        presenter.load(FOLDER / f"{name}.h5")
        assert presenter.ready, name


# -- layers --------------------------------------------------------------------------------------------------------


def test_a_finer_volume_fills_the_same_space():
    from fewview.viewer.common.layers import finer_place

    place = {"scale": [0.2, 0.1, 0.1], "translate": [1.0, 0.0, 0.5], "blending": "additive"}
    fine = finer_place(place, (3, 8, 8), (6, 16, 16))
    assert fine["scale"] == pytest.approx([0.1, 0.05, 0.05]) and fine["blending"] == "additive"
    for axis, (n, m) in enumerate(((3, 6), (8, 16), (8, 16))):
        ends = [place["translate"][axis] + place["scale"][axis] * (k - 0.5) for k in (0, n)]
        assert [fine["translate"][axis] + fine["scale"][axis] * (k - 0.5) for k in (0, m)] == pytest.approx(ends)
    assert finer_place(place, (3, 8, 8), (3, 8, 8))["translate"] == pytest.approx(place["translate"])


def test_the_facts_of_a_scan_advise_no_preparation_that_is_chosen(tmp_path):
    frames = np.full((12, 2, 32), 500.0, np.float32)
    frames[..., 12:20] = 300
    np.savez(
        tmp_path / "scan.npz", projections=frames, flats=np.full((2, 2, 32), 1000.0), angles_deg=np.arange(0, 180, 15)
    )
    np.savez(tmp_path / "bare.npz", projections=frames.astype(np.uint16), angles_deg=np.arange(0, 180, 15))
    scan = ScanPresenter()
    for name, label, advice in (
        ("scan", "Note", "“dose” edges"),
        ("bare", "Missing", "transmission with “dose” edges"),
    ):
        scan.load(tmp_path / f"{name}.npz")
        assert any(advice in fact.text for fact in scan.facts() if fact.label == label)
        scan.prepare = {"dose": "edges"}
        assert not any("dose" in fact.text for fact in scan.facts())
    assert any("“Values” transmission: the open beam" in fact.text for fact in scan.facts())
