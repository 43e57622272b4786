"""The stream of estimates: newest wins, never torn, never left behind."""

import multiprocessing
import threading
from multiprocessing.shared_memory import SharedMemory

import numpy as np
import pytest

from fewview.errors import NotEnoughMemory
from fewview.runs.worker import stream
from fewview.runs.worker.stream import Reader, Writer, new_name, remove_stream

SHAPE = (3, 5, 7)


@pytest.fixture
def ends():
    lock = multiprocessing.get_context("spawn").Lock()
    name = new_name()
    writer = Writer(name, SHAPE, lock)
    reader = Reader(name, SHAPE, lock)
    yield writer, reader
    writer.close()
    reader.remove()
    with pytest.raises(FileNotFoundError):
        SharedMemory(name=name)


def test_the_newest_estimate_is_taken_once_and_older_ones_are_dropped(ends):
    writer, reader = ends
    assert reader.take() is None
    for step in range(1, 8):
        writer.publish(np.full(SHAPE, step), step)
    frame = reader.take()
    assert (frame.step, frame.sequence, reader.produced) == (7, 7, 7)
    assert np.all(frame.volume == 7)
    assert reader.take() is None
    del frame


def test_a_frame_stays_as_it_is_until_the_next_but_one_take(ends):
    writer, reader = ends
    writer.publish(np.full(SHAPE, 1), 1)
    shown = reader.take().volume
    writer.publish(np.full(SHAPE, 2), 2)
    following = reader.take().volume
    for step in range(3, 40):
        writer.publish(np.full(SHAPE, step), step)
    assert np.all(shown == 1)
    assert np.all(following == 2)
    assert not shown.flags.writeable
    del shown, following


def test_no_torn_frame_is_ever_seen(ends):
    writer, reader = ends
    done = threading.Event()

    def publish():
        for step in range(1, 2001):
            writer.publish(np.full(SHAPE, step), step)
        done.set()

    thread = threading.Thread(target=publish)
    thread.start()
    seen = []
    while not done.is_set():
        frame = reader.take()
        if frame is not None:
            assert frame.volume.min() == frame.volume.max() == frame.step
            seen.append(frame.sequence)
            del frame
    thread.join()
    assert seen == sorted(set(seen))


def test_a_lock_left_behind_by_a_killed_writer_does_not_hold_the_reader(ends):
    writer, reader = ends
    writer.publish(np.full(SHAPE, 1), 1)
    writer._lock.acquire()
    frame = reader.keep()
    assert frame.step == 1
    writer._lock.release()


def test_keep_is_a_copy(ends):
    writer, reader = ends
    assert reader.keep() is None
    writer.publish(np.full(SHAPE, 4), 4)
    first = reader.take().volume
    kept = reader.keep()
    assert kept.step == 4
    assert not np.shares_memory(kept.volume, first)
    del first


def test_a_view_held_too_long_does_not_break_the_removal(recwarn):
    lock = multiprocessing.get_context("spawn").Lock()
    name = new_name()
    writer, reader = Writer(name, SHAPE, lock), Reader(name, SHAPE, lock)
    writer.publish(np.full(SHAPE, 3), 3)
    held = reader.take().volume
    writer.close()
    reader.remove()
    assert np.all(held == 3)
    with pytest.raises(FileNotFoundError):
        SharedMemory(name=name)
    remove_stream(name)  # twice is no mistake


def test_too_little_shared_memory_is_said_before_it_kills(monkeypatch):
    class Usage:
        free = 100

    monkeypatch.setattr(stream.shutil, "disk_usage", lambda path: Usage)
    with pytest.raises(NotEnoughMemory, match=r"shared memory.*bin the scan"):
        Writer(new_name(), SHAPE, multiprocessing.get_context("spawn").Lock())
