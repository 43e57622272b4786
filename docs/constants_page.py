"""Write docs/constants.md from the code and benchmarks/results: `python docs/constants_page.py`."""

import json
from pathlib import Path

import numpy as np
from constants_chosen import CHOSEN, NO_RESULT
from constants_in_code import constants

from fewview.methods.classical import chambolle_pock
from fewview.methods.diffusion import guide_rejection, open_settings
from fewview.methods.ensemble import simplex, stacking
from fewview.methods.selection import comparison
from fewview.registration import quality

HERE = Path(__file__).parent
PAGE = HERE / "constants.md"
RESULTS = HERE.parent / "benchmarks" / "results"


def rows_of(name):
    """Rows of a results file."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def table(head, rows):
    """A Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(str(value) for value in row)} |" for row in rows)])


def steps():
    """Of total variation's iteration."""
    rows = rows_of("tv_steps")
    shown = [
        (f"{r['balance']:g}", f"{r['least_balance']:g}", f"{r['gradient']:g}", f"{r['mean']:.3f}", f"{r['worst']:.3f}")
        for r in rows
    ]
    return f"""## Step sizes of total variation

`BALANCE` = {chambolle_pock.BALANCE:g}, `LEAST_BALANCE` = {chambolle_pock.LEAST_BALANCE:g}, `GRADIENT` =
{chambolle_pock.GRADIENT:g} (`methods/classical/chambolle_pock.py`). `python benchmarks/tv_steps.py`: one slice of 64
pixels each of a microstructure, grains and foam (validation samples 30100 to 30102), 8 and 24 views, three weights.
What is left to the least objective after 60 iterations, as a part of it; one constant at a time, the others at 40,
0.015 and 0.15.

{table(("BALANCE", "LEAST_BALANCE", "GRADIENT", "mean", "worst"), shown)}
"""


def prior():
    """Of the choice of the prior."""
    full = [r for r in rows_of("settings_search") if not r["without"]]
    of = {(r["kind"], r["volume"], r["views"], r["without"]): r["psnr"] for r in rows_of("settings_search")}
    shown = []
    for r in full:
        errors, key = r["prior_errors"], (r["kind"], r["volume"], r["views"])
        gained = 1 - (errors["materials"] / errors["generic"]) ** 0.5
        apart = of[(*key, "materials")] - of[(*key, "prior")]
        shown.append((*key, f"{gained:+.1%}", f"{apart:+.2f}", r["answers"]["prior"]))
    shown.sort(key=lambda row: float(row[3].rstrip("%")))
    return f"""## When another prior is taken

`ENOUGH` = {comparison.ENOUGH:g} (`methods/selection/comparison.py`): `{open_settings.PRIORS[1]}` takes the
place of `{open_settings.PRIORS[0]}` where it predicts held-out views better by that part, or passes the paired t-test.
`python benchmarks/settings_search.py`, see [What the settings search is worth](settings-search.md). The PSNR is that of
the whole run with `materials` less that with `generic`. Held-out views do not always tell: with microstructure 3 (16
views, not in the table) both predict them alike (-0.1%), `generic` is kept, and 0.6 dB are lost.

{table(("sample", "number", "views", "held-out views better by", "PSNR, dB", "taken"), shown)}
"""


def stacked():
    """Of the weights of an ensemble."""
    rows, rules = rows_of("stacking"), ("best", "0.25", "0.5", "0.75", "equal")
    drawn = [(r["kind"], r["volume"], r["views"], *(f"{r[rule]:+.2f}" for rule in rules)) for r in rows]
    values = [[r[rule] for r in rows] for rule in rules]
    drawn.append(("mean", "", "", *(f"{sum(v) / len(v):+.2f}" for v in values)))
    drawn.append(("worst", "", "", *(f"{min(v):+.2f}" for v in values)))
    return f"""## How an ensemble weighs its members

`TAKEN` again: half way from the weights that predict the held-out views best to equal ones.
`python benchmarks/stacking.py`: `unrolled` (fine-tuned to the scan), `d3ip-generic`, `mbir` and `tv` on validation
samples of 128 pixels. PSNR in dB of their mean less that of the better of TV and MBIR. Who errs by more than
{simplex.FAR:g} times the least squared error (`FAR`, `methods/ensemble/simplex.py`) gets no equal part; none of these
did.

{table(("sample", "number", "views", *(f"{rule} of the way" if rule[0] == "0" else rule for rule in rules)), drawn)}
"""


def share():
    """Of the share of a classical method."""
    rows = rows_of("share")
    parts = [key for key in rows[0] if key.startswith("psnr")]
    shown = [
        (r["kind"], r["volume"], r["views"], r["share"], *(f"{r[key] - r[parts[0]]:+.2f}" for key in parts[1:]))
        for r in rows
        if r["share"] > 0
    ]
    mean = [f"{np.mean([r[key] - r[parts[0]] for r in rows]):+.3f}" for key in parts[1:]]
    worst = [f"{min(r[key] - r[parts[0]] for r in rows):+.2f}" for key in parts[1:]]
    head = ("sample", "number", "views", "share found", *(key.removeprefix("psnr at ") for key in parts[1:]))
    return f"""## How much of a share is taken

`TAKEN` = {stacking.TAKEN:g} (`methods/ensemble/stacking.py`) of the share that was found is taken. `LEAST` =
{stacking.LEAST:g}: a smaller share is none. `python benchmarks/share.py`: validation samples of 128 pixels. PSNR in dB
of the mean with TV less that without it, for parts of the share. {len([r for r in rows if r["share"] == 0])} of
{len(rows)} samples wanted none and are left out of the rows, not of the means.

{table(head, [*shown, ("mean", "", "", "", *mean), ("worst", "", "", "", *worst)])}

More of large shares alone, s (1 + s) / 2 of a share s, gains 0.01 dB over half on these samples. It was tried and is
not taken: on the measured scans of wood and tooth, whose shares are 0.7 to 1, it lost 0.4 to 0.6 dB in four of six
cases and 0.1 in one, and gained 0.1 in one. The errors that all views of a detector have in common speak for what is
smooth.

The weight of TV is that of the trial which predicts the held-out views best alone. That it be the best in the mean with
the network took volumes that were hardly smoothed: on validation samples it cost up to 0.3 dB, and 0.8 dB on a measured
neutron scan of wood.
"""


def guide():
    """Of the X-ray guide."""
    rows = rows_of("guide_rejection")
    shown, lost, harmed = [], [0.0], [0.0]
    for r in sorted(rows, key=lambda r: (r["size"], r["views"], -r["heldout_gain"])):
        least = guide_rejection.least_gain(r["views"])
        used = r["heldout_gain"] >= least
        told = (f"{r['heldout_gain']:+.1%}", f"{least:.1%}", f"{r['psnr_gain']:+.2f}", "yes" if used else "")
        shown.append((r["size"], r["views"], r["sample"], r["control"], *told))
        (harmed if used else lost).append(-r["psnr_gain"] if used else r["psnr_gain"])
    right = [r for r in rows if r["control"] == "none"]
    heard = [r for r in right if r["heldout_gain"] >= guide_rejection.least_gain(r["views"])]
    return f"""## When an X-ray volume is rejected

`GAIN` = {guide_rejection.GAIN:g} over the root of the number of views, `MOST` = {guide_rejection.MOST:g}
(`methods/diffusion/guide_rejection.py`): by so much held-out views must be predicted better. `python
benchmarks/guide_rejection.py` (`--size 128` as well) measures validation samples 30400 and 30401 with the right X-ray
volume ("none"), one of another sample, and turned or moved ones; PSNR of the run that listens to it whatever it is,
less that of the run without.

{table(("pixels", "views", "sample", "X-ray volume", "held-out gain", "limit", "PSNR, dB", "used"), shown)}

{len(heard)} of the {len(right)} right X-ray volumes are used. None that is used does harm of over {max(harmed):.2f} dB;
one that is not would have gained up to {max(lost):.2f} dB. `GAIN` decides from 36 views on and is of earlier validation
samples, whose rows were not kept. `ALLOWED` = {guide_rejection.ALLOWED} takes the certainty of the guide down by
region, and is of earlier samples, too.
"""


def registration():
    """Of what a registration is believed by."""
    rows = [r for r in rows_of("registration") if r["data"] == "microstructure"]
    right = [r for r in rows if r["control"] == "right"]
    found, lost = [r for r in right if r["error_px"] < 1], [r for r in right if r["error_px"] >= 1]
    other = [r for r in rows if r["control"] == "other"]

    def span(some, key):
        values = sorted(r[key] for r in some)
        return f"{values[0]:.2f} to {values[-1]:.2f}"

    named = (("right, found to a pixel", found), ("right, but not found", lost), ("of another sample", other))
    shown = [(name, len(some), span(some, "distinction"), span(some, "halves_px")) for name, some in named]
    return f"""## When a registration is believed

`LEAST_DISTINCTION` = {quality.LEAST_DISTINCTION:g} and `MOST_DISAGREEMENT` = {quality.MOST_DISAGREEMENT:g} voxels
(`registration/quality.py`). `python benchmarks/registration.py DATA`, its simulated samples alone (seeds 11, 21, 31 and
41; 64 pixels, the truth and few views): the limit of the distinction lies in the middle of the gap. The measured shell,
which the limits were once chosen on as well, is no part of this table. Benchmark and limits share their samples here.

{table(("X-ray volume", "registrations", "distinction", "halves apart, px"), shown)}
"""


ROOMS = {
    "methods": "Methods",
    "prepare": "Preparation of a scan",
    "registration": "Registration",
    "quality": "Measures of quality",
}


def without_effect(constant):
    """Whether a constant changes no result."""
    return any(constant.name in places.get(constant.place, []) for places in NO_RESULT.values())


def cells(constant):
    """Name, value and place in a row of the page."""
    names = ", ".join(f"`{name}`" for name in constant.name.split(", "))
    return names, f"`{constant.value}`", constant.place


def all_of(room):
    """Constants of a room that change a result, and what is known of them."""
    shown = []
    for constant in constants(room):
        if not without_effect(constant):
            known = CHOSEN.get(constant.place, {}).get(constant.name, "not measured")
            shown.append((*cells(constant), constant.meaning, known))
    return f"""### {ROOMS[room]}

{table(("constant", "value", "where", "what it is, in the words of the code", "chosen on"), shown)}
"""


def page():
    """The page as text."""
    rooms = "\n".join(all_of(room) for room in ROOMS)
    return f"""# Tuned constants

Written by `python docs/constants_page.py` from the code and from `benchmarks/results`. What was chosen by trying stands
here with the samples and the table that chose it. But for the registration, none of them is in a benchmark: simulated
samples are grown from validation seeds, and the measured scan of a dendritic alloy is used for nothing else.

{steps()}
{prior()}
{share()}
{stacked()}
{guide()}
{registration()}
## All constants

Every number that the code gives a name to and that changes a result. "Not measured" means that the value is a middling
one that nobody has compared with others.

{rooms}
Left out is what changes no result: {"; ".join(NO_RESULT)}. What a network was trained with is in its card.
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
