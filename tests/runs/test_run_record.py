"""The record: plain, complete, and digests that tell files apart."""

import hashlib
import importlib.util
import json
from pathlib import Path

import numpy as np
import torch

from fewview.runs.record import files_of, peak_memory_mb, plain, sha256, versions


def test_plain_values_are_strict_json():
    value = {
        "array": np.arange(3),
        "tensor": torch.tensor(0.5),
        "scalar": np.float32(1.5),
        "bad": [float("nan"), float("inf"), np.float64("-inf")],
        "path": Path("a") / "b",
        "tuple": (1, "x", None, True),
        1: {"deep": {"set": frozenset()}},
    }
    found = json.loads(json.dumps(plain(value), allow_nan=False))
    assert found["array"] == [0, 1, 2]
    assert found["tensor"] == 0.5
    assert found["scalar"] == 1.5
    assert found["bad"] == [None, None, None]
    assert found["path"] == str(Path("a") / "b")
    assert found["tuple"] == [1, "x", None, True]


def test_digest_of_one_file_is_its_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    assert sha256([tmp_path / "a"]) == hashlib.sha256(b"x" * 3_000_000).hexdigest()


def test_digest_of_several_files(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder / "deep").mkdir(parents=True)
        (tmp_path / folder / "b.tif").write_bytes(b"b")
        (tmp_path / folder / "deep" / "a.tif").write_bytes(b"a")
    first, second = (files_of([tmp_path / folder]) for folder in ("one", "two"))
    assert len(first) == 2
    assert sha256(first) == sha256(second)  # a copy elsewhere is the same scan
    (tmp_path / "two" / "b.tif").write_bytes(b"c")
    assert sha256(first) != sha256(second)
    assert sha256(first) != sha256(first[::-1])


def test_files_are_counted_once(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    assert files_of([tmp_path / "a", tmp_path, tmp_path / "a"]) == [tmp_path / "a"]


def test_versions_and_memory():
    found = versions()
    assert found["torch"] == torch.__version__
    assert all(isinstance(value, str) and value for value in found.values())
    assert ("astra-toolbox" in found) == (importlib.util.find_spec("astra") is not None)
    before = peak_memory_mb("cpu")
    assert before is None or before > 20
    if before is not None:
        block = np.ones(40_000_000)
        assert peak_memory_mb("cpu") >= before
        assert peak_memory_mb("cpu") > block.nbytes / 1e6
