"""The rows of `fewview benchmark operators`."""

import json

import pytest

from fewview.benchmark import operators
from fewview.errors import MethodUnavailable

COLUMNS = {"backend", "size", "views", "slices", "threads", "forward_ms", "back_ms", "forward_ratio", "back_ratio"}


def test_rows_are_flat_and_written(tmp_path):
    seen = []
    path = tmp_path / "results" / "operators.json"
    rows = operators.run([(16, 3)], [1, 3], repeats=2, json_path=path, progress=seen.append)
    assert json.loads(path.read_text()) == rows == seen
    assert all(set(row) >= COLUMNS for row in rows)
    assert {(r["backend"], r["slices"]) for r in rows} >= {
        ("torch", 1),
        ("torch", 3),
        ("torch, slices innermost", 3),
        ("compiled", 3),
    }
    assert all(row["forward_ms"] > 0 and row["back_ms"] >= row["back_ms_min"] > 0 for row in rows)
    for row in rows:
        if row["backend"] == "astra":
            assert row["forward_ratio"] == row["back_ratio"] == 1


def test_without_astra_there_are_times_but_no_ratios(monkeypatch):
    whole = operators.parallel_beam

    def without(*args, backend="torch", **kwargs):
        if backend == "astra":
            raise MethodUnavailable("no astra")
        return whole(*args, **kwargs)

    monkeypatch.setattr(operators, "parallel_beam", without)
    rows = operators.run([(16, 3)], [2], repeats=1)
    assert {row["backend"] for row in rows} == {"torch", "torch, slices innermost", "compiled"}
    assert all(row["forward_ratio"] is None and row["forward_ms"] > 0 for row in rows)


def test_the_number_of_threads_is_given_back():
    import torch

    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError):
        operators.run([(16, 3)], [1], threads=before + 1, repeats=1, progress=lambda row: 1 / 0)
    assert torch.get_num_threads() == before
