"""Write docs/settings-search.md from benchmarks/results/settings_search.json: `python docs/settings_table.py`."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
RESULTS = HERE.parent / "benchmarks" / "results" / "settings_search.json"
SHARE = RESULTS.with_name("share.json")
QUESTIONS = {
    "prior": "Which prior (else `generic`)",
    "materials": "The same (else `materials`)",
    "trust": "How far the network is believed (else `trust` 0.7)",
    "beside_share": "What share of TV the result takes",
    "all": "All of them",
}
STAGES = {"prior": "prior", "trust": "trust", "beside_share": "classical share"}
LEAST_MEAN, LEAST_WORST = 0.1, 0.3  # dB: a question that is worth less than both is not worth asking
STANDARD = 4  # slices of a run in the quality benchmark


def page(rows):
    """The page as text."""
    full = {(r["kind"], r["volume"], r["views"]): r for r in rows if not r["without"]}
    gains: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row["without"]:
            gains[row["without"]].append(full[row["kind"], row["volume"], row["views"]]["psnr"] - row["psnr"])
    whole = [row for row in full.values() if row["slices"] > 1]  # the measured scan has one slice
    tuning: dict[str, float] = defaultdict(float)
    for row in whole:
        for stage, seconds in row["tuning"].items():
            tuning[stage] += seconds / len(whole)
    spent = sum(tuning.values())
    standard = STANDARD * float(np.mean([row["solving"] / row["slices"] for row in whole]))
    table = [
        "| question | mean gain, dB | asking loses at most | not asking loses at most | CPU s |",
        "|---|---|---|---|---|",
    ]
    for name, title in QUESTIONS.items():
        values = np.array(gains[name])
        stage = STAGES.get(name)
        price = spent if name == "all" else sum(s for key, s in tuning.items() if stage and f": {stage}" in key)
        cost = f"{price:.1f}" if price else "as above"
        asking, leaving = max(0.0, -values.min()), max(0.0, values.max())
        table.append(f"| {title} | {values.mean():+.2f} | {asking:.2f} | {leaving:.2f} | {cost} |")
    shares = json.loads(SHARE.read_text(encoding="utf-8"))
    taken = np.array([row["psnr at 0.5 of it"] - row["psnr at 0 of it"] for row in shares])
    kinds = ", ".join(sorted({kind for kind, _, _ in full}))
    *few, most = (str(v) for v in sorted({views for _, _, views in full}))
    views = f"{', '.join(few)} and {most}"
    return f"""# What the settings search is worth

Written by `python docs/settings_table.py` from `benchmarks/results/settings_search.json`, which
`python benchmarks/settings_search.py` measures.

`d3ip` leaves three things to held-out views. Each was answered as a run answers it, and then left at its default while
those after it were asked again: {len(full)} cases ({kinds}; 128 pixels, {views} views; two slices of simulated
volumes from validation seeds, and one of a measured scan of a dendritic alloy that is in no benchmark). The gain is
the difference in PSNR.

{chr(10).join(table)}

Searching took {spent:.1f} CPU seconds in the mean, on two slices, however many a run has; the run itself, of
{STANDARD} slices as in the quality benchmark, {standard:.1f} (from the time that a slice took): searching is
{spent / (spent + standard):.0%} of the whole.

A question that is worth under {LEAST_MEAN} dB in the mean and under {LEAST_WORST} dB in its worst case is not asked.
By this rule all stay. Half of a share that was found is taken, here as in every run. On {len(shares)} further samples
(`python benchmarks/share.py`, [Tuned constants](constants.md)) half of it gains {taken.mean():.2f} dB in the mean,
{max(0.0, taken.max()):.2f} dB at most, where a sample is unlike what the network knows, and loses
{max(0.0, -taken.min()):.2f} dB at most.
Two have gone by this rule, measured in the same way on 18 cases of 64 pixels with 8 and 16 views:

| question | mean gain, dB | asking loses at most | not asking loses at most | now |
|---|---|---|---|---|
| Whether the network adapts | 0.00 | 0.00 | 0.00 | where one asks for it |
| TV or MBIR beside the network | 0.00 | 0.02 | 0.04 | TV (four cases; 2.5 s of 5.5) |

How far the network is believed had gone as well: on those cases it was worth -0.04 dB in the mean and nowhere gained.
What it is for showed with 32 views and on other samples, where less trust leaves the noise of the data in the image.
The reference of the alloy is the FBP of all its views and noisy itself, so that less noise counts against a result.

The prior that is kept where held-out views do not clearly speak for another is `generic`: on samples unlike any that
were seen in training it loses least. `materials` takes its place where held-out views are predicted at least 2% better
with it, or better in a paired t-test; see [Tuned constants](constants.md). The mean of the samples of both priors was
compared, too: on microstructures 0.1 to 0.4 dB below `materials`, on plain shapes 0.1 to 0.2 dB below `generic`, on the
alloy 0.0 to 0.1 dB above the better.
"""


if __name__ == "__main__":
    (HERE / "settings-search.md").write_text(page(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8")
