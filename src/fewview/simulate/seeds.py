"""Who may draw which seed: training, validation and test never share a phantom."""

from __future__ import annotations

from typing import Literal

Split = Literal["test", "validation", "train"]

# Small numbers are test seeds, so that `--seed 0` of a user or a benchmark was certainly never trained on.
TEST = range(100_000)
VALIDATION = range(100_000, 200_000)
TRAIN = range(1_000_000, 2**31)


def split_of(seed: int) -> Split:
    """Return which split a seed belongs to.

    Raises
    ------
    ValueError
        The seed lies in no range (negative, between validation and training, or beyond 2**31).
    """
    for name, seeds in (("test", TEST), ("validation", VALIDATION), ("train", TRAIN)):
        if seed in seeds:
            return name  # type: ignore[return-value]
    raise ValueError(f"seed {seed} lies in no split: test {TEST}, validation {VALIDATION}, train {TRAIN}")


def nth(split: Split, index: int) -> int:
    """Return the ``index``-th seed of a split."""
    return {"test": TEST, "validation": VALIDATION, "train": TRAIN}[split][index]
