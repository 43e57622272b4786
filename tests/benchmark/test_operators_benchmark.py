"""The rows of `fewview benchmark operators`."""

import json

import pytest

from fewview.benchmark import operators
from fewview.errors import FewviewError, MethodUnavailable

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


def test_what_was_measured_is_kept_whatever_ends_the_run(tmp_path):
    path = tmp_path / "operators.json"
    with pytest.raises(KeyboardInterrupt):  # as a signal, in the middle of the second size

        def interrupted(row):
            if row["size"] == 24:
                raise KeyboardInterrupt

        operators.run([(16, 3), (24, 3), (32, 3)], [1], repeats=1, json_path=path, progress=interrupted)
    assert {row["size"] for row in json.loads(path.read_text())} == {16, 24}
    assert list(tmp_path.iterdir()) == [path]


def test_rows_of_other_conditions_stay_and_a_stop_ends_between_two(tmp_path):
    path = tmp_path / "operators.json"
    operators.run([(16, 3), (24, 3)], [1], repeats=1, json_path=path)
    before = {row["size"]: row for row in json.loads(path.read_text()) if row["backend"] == "torch"}
    seen = []
    rows = operators.run(
        [(24, 3), (32, 3)], [1], repeats=2, json_path=path, progress=seen.append, stop=lambda: bool(seen)
    )
    assert {row["size"] for row in rows} == {24}
    after = {row["size"]: row for row in json.loads(path.read_text()) if row["backend"] == "torch"}
    assert after[16] == before[16]
    assert after[24]["repeats"] == 2
    assert set(after) == {16, 24}


def test_a_file_of_something_else_is_refused_before_the_work(tmp_path):
    path = tmp_path / "operators.json"
    path.write_text('[{"psnr": 30}]')
    with pytest.raises(FewviewError, match="holds no rows of the operators"):
        operators.run([(16, 3)], [1], repeats=1, json_path=path)


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
