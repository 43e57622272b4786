import pytest

from fewview.methods import get_method
from fewview.runs.kept import made_of, remarks

D3IP = get_method("d3ip")


@pytest.mark.parametrize(
    ("options", "chosen", "words"),
    [
        (
            {},
            {"prior": "generic", "prior_curve": [], "beside_share": 0.53, "beside": "tv", "adaptation": "none"},
            "53 % total variation, 47 % network (prior: plain shapes), chosen by held-out views.",
        ),
        (
            {"beside_share": 0.25, "beside": "tv"},
            {"prior": "materials", "prior_curve": [], "adaptation": "none"},
            "25 % total variation, 75 % network (prior: materials), the prior chosen by held-out views.",
        ),
        (
            {"prior": "generic"},
            {"prior": "generic", "beside_share": 0.25, "beside": "tv", "adaptation": "none"},
            "25 % total variation, 75 % network (prior: plain shapes), the shares chosen by held-out views.",
        ),
        (
            {"prior": "a/mine.safetensors", "beside_share": 0.0},
            {"adaptation": "lora+biases"},
            "100 % network (prior: mine, adapted to this scan), as set.",
        ),
        (
            {"prior": "materials", "beside_share": 0.25, "beside": "mbir", "adaptation": "none"},
            {},
            "25 % MBIR, 75 % network (prior: materials), as set.",
        ),
    ],
)
def test_a_mixture_in_one_sentence(options, chosen, words):
    assert made_of(D3IP, D3IP.options(**options), chosen, 16) == words


def test_an_ensemble_names_its_members():
    ensemble = get_method("ensemble")
    found = {"shares": "unrolled=0.6,mbir=0.2", "settings": '{"mbir": {"weight": 0.01}}'}
    assert made_of(ensemble, ensemble.options(), found, 1) == (
        f"Average: 75 % {get_method('unrolled').title}, 25 % {get_method('mbir').title}, chosen by held-out views."
    )


def test_a_classical_result_names_what_was_chosen():
    tv = get_method("tv")
    assert made_of(tv, tv.options(), {"weight": 0.001372, "weight_curve": []}, 600) == (
        "Total variation, 600 steps; chosen by held-out measurements: weight 0.00137."
    )
    assert made_of(tv, tv.options(weight=0.1), {}, 1) == "Total variation, 1 step."
    guided = get_method("unrolled-x")
    told = made_of(guided, guided.options(), {"xray": False}, 6)
    assert told.endswith("chosen by held-out measurements: use the X-ray volume: no.")


def test_what_was_settled_by_a_rule_or_by_the_user_is_not_said_to_be_chosen_by_measurements():
    diffpir, unrolled = get_method("diffpir"), get_method("unrolled")
    assert made_of(diffpir, diffpir.options(), {"scale": 0.0123}, 50) == (
        f"{diffpir.title}, 50 steps; scale 0.0123 from a first reconstruction."
    )
    assert made_of(diffpir, diffpir.options(scale=0.5), {"scale": 0.5}, 50) == f"{diffpir.title}, 50 steps."
    chosen = {"scale": 0.0123, "weights": "unrolled-general", "weights_curve": []}
    told = made_of(unrolled, unrolled.options(), chosen, 6)
    assert told.endswith(
        "; chosen by held-out measurements: network unrolled-general; scale 0.0123 from a first reconstruction."
    )
    told = made_of(unrolled, unrolled.options(), {"weights": "mine", "weights_rule": "without a comparison"}, 6)
    assert told.endswith("steps; network mine without a comparison.")


def test_what_became_of_the_xray_volume_is_said_first_wherever_a_result_is_told():
    said = "The X-ray volume was used: with it, held-out views are predicted 9.2% better."
    outside = "The slices are 48 pixels wide; the network was trained for 64 or more."
    assert remarks({"guided": said, "outside_training": [outside]}) == [said, outside]
