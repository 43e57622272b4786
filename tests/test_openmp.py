"""Threads sleep while they wait: the command line and the worker see to it before torch is loaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fewview.openmp import POLICY, WAITING, sleeping_threads
from fewview.runs.worker.process import WorkerProcess


@pytest.fixture(autouse=True)
def _unset(monkeypatch):
    for name in WAITING:
        monkeypatch.delenv(name, raising=False)


def test_the_users_choice_stands_and_nothing_is_left_behind(monkeypatch):
    with sleeping_threads():
        assert {name: os.environ[name] for name in WAITING} == WAITING
    assert not set(WAITING) & set(os.environ)
    monkeypatch.setenv(POLICY, "ACTIVE")
    with sleeping_threads():
        assert os.environ[POLICY] == "ACTIVE" and "GOMP_SPINCOUNT" not in os.environ
    assert os.environ[POLICY] == "ACTIVE"


def test_the_command_line_says_so_before_torch_is_loaded():
    code = (
        "import os, sys, fewview.cli\n"
        "module = sys.modules['fewview.cli.main']\n"
        f"module.run = lambda words: print(os.environ.get('{POLICY}'), 'torch' in sys.modules)\n"
        "module.main(['doctor'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["PASSIVE", "False"]


def test_the_worker_is_born_with_it():
    if not Path("/proc/self/environ").exists():
        pytest.skip("this system does not show the environment of a process")
    worker = WorkerProcess()
    try:
        born_with = [b""]
        while born_with == [b""] and worker.alive:  # not yet: the system is about to show it
            born_with = Path(f"/proc/{worker.pid}/environ").read_bytes().split(b"\0")
    finally:
        worker.kill()
        worker.close()
    assert {f"{name}={value}".encode() for name, value in WAITING.items()} <= set(born_with)
    assert not set(WAITING) & set(os.environ)
