import pytest

from fewview.methods import get_method
from fewview.runs.kept import made_of

D3IP = get_method("d3ip")


@pytest.mark.parametrize(
    ("options", "chosen", "words"),
    [
        (
            {},
            {"prior": "generic", "trust_curve": [], "beside_share": 0.53, "beside": "tv", "adaptation": "none"},
            "53 % total variation, 47 % network (prior: plain shapes), chosen by held-out views.",
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


def test_a_classical_result_names_what_was_chosen():
    tv = get_method("tv")
    assert made_of(tv, tv.options(), {"weight": 0.001372, "weight_curve": []}, 600) == (
        "Total variation, 600 steps; chosen by held-out measurements: weight 0.00137."
    )
    assert made_of(tv, tv.options(weight=0.1), {}, 1) == "Total variation, 1 step."
