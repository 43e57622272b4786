"""What ends a command from outside, and what is kept: a terminal that closes, a notice before a kill, a lost reader."""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios

import numpy as np
import pytest

from fewview.cli.train_unrolled import carry_out
from fewview.errors import Interrupted

AXIS = 17.0
COMMAND = [sys.executable, "-c", "from fewview.cli import main; main()", "reconstruct"]


@pytest.fixture(autouse=True)
def hangups_are_heard():
    """Where the tests themselves run under `nohup`, SIGHUP is ignored, and whatever they start would ignore it, too."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def sent(monkeypatch):
    """Send a signal, twice as shells and `timeout` do, when the run shows its third estimate."""
    from fewview.cli import progress

    def at(number: int) -> None:
        shown = []

        def show(self, estimate):
            shown.append(estimate)
            if len(shown) == 3:
                signal.raise_signal(number)
                signal.raise_signal(number)

        monkeypatch.setattr(progress.Progress, "show", show)

    return at


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_machines_send_twice_ends_the_run_and_keeps_its_estimate(reconstruct, sent, tmp_path, number):
    sent(number)
    volume, report = reconstruct("--method", "sirt", "--set", "iterations=50")
    assert report["stopped"] and report["steps"] == 3 and volume.any()
    assert (tmp_path / "out.npy.checkpoint").exists()


def test_a_hangup_that_is_ignored_stays_ignored(reconstruct, sent):
    sent(signal.SIGHUP)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
    try:
        _, report = reconstruct("--method", "sirt", "--set", "iterations=5")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert report["steps"] == 5 and not report["stopped"]


def test_a_closed_terminal_ends_the_run_and_keeps_its_estimate(scan_file, tmp_path):
    ours, theirs = pty.openpty()
    arguments = [scan_file, "-o", tmp_path / "out.npy", "--axis", str(AXIS), "--method", "sirt"]
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments), "--set", "iterations=20000", "--report", str(tmp_path / "report.json")],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    said = b""
    while b"data_residual" not in said:
        said += os.read(ours, 1000)
    os.close(ours)
    assert process.wait() == 0
    assert np.load(tmp_path / "out.npy").any()
    assert (tmp_path / "report.json").exists() and (tmp_path / "out.npy.checkpoint").exists()


def test_a_run_goes_on_when_nobody_reads_what_it_says(scan_file, tmp_path):
    arguments = [scan_file, "-o", tmp_path / "out.npy", "--axis", AXIS, "--method", "sirt", "--set", "iterations=3"]
    process = subprocess.Popen([*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    process.stdout.close()  # as of `| tee log` after Ctrl-C
    assert process.wait() == 0
    assert np.load(tmp_path / "out.npy").any()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_training_keeps_its_state(tmp_path, number):
    kept = []

    def train():
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            signal.raise_signal(number)  # the second one, while the state is being written
            (tmp_path / "state.safetensors").write_text("whole")
            kept.append(number)
            raise

    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match="The training is kept"):
        carry_out(train, tmp_path, "w.safetensors", lambda folder, weights, report: None)
    assert kept == [number] and signal.getsignal(number) is before
