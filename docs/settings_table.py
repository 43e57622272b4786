"""Write docs/settings-search.md from benchmarks/results/settings_search.json: `python docs/settings_table.py`."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
RESULTS = HERE.parent / "benchmarks" / "results" / "settings_search.json"
QUESTIONS = {
    "prior": "Which prior",
    "trust": "How far the network is believed",
    "adaptation": "Whether the network adapts",
    "beside_share": "What share of TV or MBIR the result takes",
    "all": "All of them",
}
STAGES = {"prior": "prior and trust", "adaptation": "adaptation", "beside_share": "classical share"}
LEAST_MEAN, LEAST_WORST = 0.1, 0.3  # dB: a question that is worth less than both is not worth asking


def page(rows):
    """The page as text."""
    full = {(r["kind"], r["volume"], r["views"]): r for r in rows if not r["without"]}
    gains = defaultdict(list)
    for row in rows:
        if row["without"]:
            gains[row["without"]].append(full[row["kind"], row["volume"], row["views"]]["psnr"] - row["psnr"])
    tuning = defaultdict(float)
    for row in full.values():
        for stage, seconds in row["tuning"].items():
            tuning[stage] += seconds / len(full)
    solving = float(np.mean([row["solving"] for row in full.values()]))
    spent = sum(tuning.values())
    rest = spent - sum(seconds for stage, seconds in tuning.items() if "adaptation" in stage)
    table = [
        "| question | mean gain, dB | asking loses at most | not asking loses at most | CPU s |",
        "|---|---|---|---|---|",
    ]
    for name, title in QUESTIONS.items():
        values = np.array(gains[name])
        stage = STAGES.get(name)
        price = spent if name == "all" else sum(s for key, s in tuning.items() if stage and f": {stage}" in key)
        cost = f"{price:.1f}" if price else "with the prior"
        table.append(
            f"| {title} | {values.mean():+.2f} | {max(0.0, -values.min()):.2f} | {values.max():.2f} | {cost} |"
        )
    kinds = ", ".join(sorted({kind for kind, _, _ in full}))
    return f"""# What the settings search is worth

Written by `python docs/settings_table.py` from `benchmarks/results/settings_search.json`, which
`python benchmarks/settings_search.py --volumes 3` measures.

`d3ip` leaves some options to held-out views. Each question was answered as a run answers it, and then left at its
default while those after it were asked again: {len(full)} cases ({kinds}; 64 pixels, two slices, 8 and 16 views;
simulated volumes from validation seeds, and a measured scan of a dendritic alloy that is in no benchmark). The gain is
the difference in PSNR.

{chr(10).join(table)}

Searching took {spent:.1f} CPU seconds in the mean, the run itself {solving:.1f}: {spent / (spent + solving):.0%} of the
whole. Without the question about adaptation it is {rest:.1f}.

A question that is worth under {LEAST_MEAN} dB in the mean and under {LEAST_WORST} dB in its worst case is not worth
asking. The share of a classical method is; whether to adapt is not, and is not asked any more: the network adapts
where one asks for it. By the same rule the trust and the prior would go; they are still asked, since these cases are
small (64 pixels) and the committed figures at 128 pixels were measured with them.
"""


if __name__ == "__main__":
    (HERE / "settings-search.md").write_text(page(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8")
