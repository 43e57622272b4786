"""The worker process under the queue: progress, stop, pause, crash, exhausted memory, hang; never a leftover."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fewview.runs.worker.queue import RunQueue
from fewview.runs.worker.queued_run import QueuedRun

HERE = Path(__file__).parent
ENGINES = "engines_for_worker"
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
PATIENCE = 60  # seconds; a loaded machine is no reason to fail, a deadlock is


@pytest.fixture(scope="module")
def shared_queue():
    """One warm process serves all tests that leave it alive: its start costs seconds."""
    sys.path.insert(0, str(HERE))
    queue = RunQueue()
    queue.warm()
    yield queue
    queue.close()
    sys.path.remove(str(HERE))


@pytest.fixture
def queue(shared_queue):
    shared_queue.silence = 20.0
    yield shared_queue
    shared_queue.release()
    assert not shared_queue.busy


def until(queue, condition):
    start = time.monotonic()
    while not condition():
        queue.pump(0.02)
        assert time.monotonic() - start < PATIENCE, queue.current and queue.current.status
    return time.monotonic() - start


def finish(queue, engine, **payload):
    run = queue.submit("test", payload, f"{ENGINES}:{engine}")
    until(queue, lambda: run.over)
    queue.release()
    return run


def test_a_run_ends_with_its_last_estimate_and_its_record(queue):
    run = finish(queue, "count", steps=5)
    assert run.status == "done"
    assert np.all(run.volume == 5)
    assert (run.step, run.total, run.stage, run.kept_step) == (5, 5, "counting", 5)
    assert run.record == {"answer": 42}
    assert run.history["objective"] == [(step, 1 / step) for step in range(1, 6)]


@pytest.mark.parametrize("engine", ["count", "spread", pytest.param("die", marks=posix)])
def test_whoever_sees_that_a_run_is_over_finds_all_that_it_left(queue, monkeypatch, engine):
    """The viewer looks from another thread, and may do so in the very moment."""
    seen = []

    class Watched(QueuedRun):
        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            if name == "status" and self.over:
                record = self.record.get("answer", self.record.get("kept"))
                seen.append((self.volume is not None, self.ended > 0, set(self.extra), record))

    monkeypatch.setattr("fewview.runs.worker.queue.QueuedRun", Watched)
    finish(queue, engine, steps=5)
    extra = {"std", "skewness"} if engine == "spread" else set()
    record = {"count": 42, "spread": None, "die": "intermediate"}[engine]  # a run that died keeps what it had
    assert seen == [(True, True, extra, record)]


def test_stop_keeps_the_last_estimate_and_is_quick(queue):
    run = queue.submit("test", {"steps": 1000, "pause": 0.02}, f"{ENGINES}:count")
    until(queue, lambda: run.step > 3)
    frame = queue.take_frame()
    assert frame is not None and np.all(frame.volume == frame.step)
    del frame
    queue.stop()
    assert run.status == "stopping"
    seconds = until(queue, lambda: run.over)
    queue.release()
    assert run.status == "stopped"
    assert np.all(run.volume == run.kept_step)
    assert seconds < 5  # the figure proper is the benchmark's; this tells a stop from a time-out


def test_further_volumes_come_with_the_last_estimate_also_of_a_stopped_run(queue):
    run = finish(queue, "spread", steps=3)
    assert run.status == "done" and list(run.extra) == ["std", "skewness"]
    np.testing.assert_allclose(run.extra["std"], np.full((2, 4, 4), 0.3))
    np.testing.assert_allclose(run.extra["skewness"], np.full((2, 4, 4), -3.0))
    run = queue.submit("test", {"steps": 1000, "pause": 0.02}, f"{ENGINES}:spread")
    until(queue, lambda: run.step > 3)
    queue.stop()
    until(queue, lambda: run.over)
    queue.release()
    assert run.status == "stopped"
    np.testing.assert_allclose(run.extra["std"] * 10, run.volume)


def test_pause_holds_and_goes_on(queue):
    run = queue.submit("test", {"steps": 60, "pause": 0.01}, f"{ENGINES}:count")
    until(queue, lambda: run.step > 3)
    queue.pause(True)
    assert run.status == "paused"
    for _ in range(10):
        queue.pump(0.02)
    held = run.step
    for _ in range(10):
        queue.pump(0.02)
    assert run.step == held < 60
    queue.pause(False)
    until(queue, lambda: run.over)
    queue.release()
    assert run.status == "done" and run.step == 60


def test_runs_wait_for_each_other_and_can_be_taken_back(queue):
    first = queue.submit("a", {"steps": 3}, f"{ENGINES}:count")
    second = queue.submit("b", {"steps": 4}, f"{ENGINES}:count")
    third = queue.submit("c", {"steps": 5}, f"{ENGINES}:count")
    queue.cancel(third)
    until(queue, lambda: first.over)
    assert second.status == "queued"  # the first is still on the screen
    queue.release()
    until(queue, lambda: second.over)
    assert (first.kept_step, second.kept_step, third.status) == (3, 4, "stopped")


def test_a_users_mistake_and_a_bug_are_messages(queue):
    run = finish(queue, "mistake")
    assert (run.status, run.error.kind) == ("failed", "user")
    assert (run.error.problem, run.error.remedy) == ("The scan is upside down.", "Turn it.")
    run = finish(queue, "bug")
    assert run.error.kind == "bug" and "ZeroDivisionError: oh" in run.error.problem
    assert "engines_for_worker.py" in run.error.details
    assert np.all(run.volume == 1)
    assert finish(queue, "count").status == "done"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit on memory is Linux's")
def test_exhausted_memory_is_a_message_and_the_next_run_works(queue):
    queue.memory_mb = 1024
    run = finish(queue, "eat")
    queue.memory_mb = None
    assert run.error.kind == "memory" and "fewer rows" in run.error.remedy
    assert np.all(run.volume == 1)
    assert finish(queue, "count").status == "done"


@posix
def test_a_killed_worker_leaves_its_last_estimate_and_the_next_run_works(queue):
    pid = queue.worker_pid
    run = finish(queue, "die")
    assert (run.status, run.error.kind) == ("failed", "crash")
    assert "killed" in run.error.problem and "last estimate is kept" in run.error.remedy
    assert np.all(run.volume == 3)
    assert finish(queue, "count").status == "done"
    assert queue.worker_pid != pid


def test_a_hang_is_noticed_and_ends_when_told_to(queue):
    queue.silence = 0.5
    run = queue.submit("test", {}, f"{ENGINES}:hang")
    until(queue, lambda: run.step == 2 and run.silent_for > 0.5)
    assert run.status == "running"  # said, not decided
    queue.stop()
    until(queue, lambda: run.over)  # it hears no stop, so its process is ended
    queue.release()
    assert run.status == "stopped" and run.error.kind == "crash"
    assert np.all(run.volume == 2)
    assert finish(queue, "count").status == "done"


@posix
def test_a_worker_whose_parent_is_killed_goes_too():
    script = (
        "import sys, time\n"
        f"sys.path.insert(0, {str(HERE)!r})\n"
        "from fewview.runs.worker.queue import RunQueue\n"
        "queue = RunQueue()\n"
        f"run = queue.submit('t', {{'steps': 10000, 'pause': 0.01}}, '{ENGINES}:count')\n"
        "while run.step < 2: queue.pump(0.02)\n"
        "print(queue.worker_pid, queue._stream, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    worker, stream = parent.stdout.readline().split()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    start = time.monotonic()
    while _exists(int(worker)) or Path("/dev/shm", stream).exists():
        assert time.monotonic() - start < PATIENCE
        time.sleep(0.05)


def _exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().split(")")[1].split()[0] == "Z")
