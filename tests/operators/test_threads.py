"""Pieces of an application on threads of our own: all of it, the same numbers, and an end when one is wanted."""

import math
import threading
import time

import numpy as np
import pytest
import torch

from fewview.errors import Stopped
from fewview.operators import parallel_beam
from fewview.operators.threads import share


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def nothing():
    pass


def test_results_come_in_order_from_threads_that_work_alone(two_threads):
    caller = threading.get_ident()

    def work(k, pause):
        time.sleep(0.01 * (k % 2))
        pause()
        return k, torch.get_num_threads(), threading.get_ident() != caller, torch.is_grad_enabled()

    assert share(work, [(k,) for k in range(7)], nothing) == [(k, 1, True, False) for k in range(7)]
    assert torch.get_num_threads() == 2
    seen = []
    later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert seen == [2]  # nor are threads that others start later


def test_the_end_is_the_end_of_all_pieces(two_threads):
    working = threading.Semaphore(0)
    ended = []

    def work(k, pause):
        try:
            while True:
                working.release()
                time.sleep(0.001)
                pause()
        finally:
            ended.append(k)

    def stop():
        working.acquire()
        raise Stopped

    with pytest.raises(Stopped):
        share(work, [(k,) for k in range(5)], stop)
    assert len(ended) <= 2  # the others were never begun
    assert share(lambda k, pause: k, [(1,), (2,)], nothing) == [1, 2]  # the threads are still there


def test_a_fault_in_a_piece_is_the_callers(two_threads):
    def work(k, pause):
        return 1 / k

    with pytest.raises(ZeroDivisionError):
        share(work, [(1,), (0,), (2,)], nothing)


@pytest.mark.parametrize("slices", [1, 3, 70])
@pytest.mark.parametrize("budget", [0, 1 << 30])
def test_threads_change_nothing_but_rounding(two_threads, slices, budget):
    angles = np.arange(11) * math.pi / 11
    A = parallel_beam(angles, columns=150, grid=140, pixel=0.3, memory_budget=budget)
    x, y = torch.randn(slices, 140, 140), torch.randn(slices, 11, 150)
    several = A(x), A.T(y)
    assert all(torch.equal(a, b) for a, b in zip(several, (A(x), A.T(y)), strict=True))  # bit by bit, every time
    torch.set_num_threads(1)
    for ours, theirs in zip(several, (A(x), A.T(y)), strict=True):
        assert float((ours - theirs).norm() / theirs.norm()) <= 1e-6


def test_gradients_and_inference_mode(two_threads):
    A = parallel_beam(np.arange(5) * 0.6, columns=150, grid=140)
    assert len(A.engine.rows) > 1
    x = torch.randn(2, 140, 140, requires_grad=True)
    A(x).square().sum().backward()
    expected = 2 * A.T(A(x.detach()))
    assert float((x.grad - expected).norm() / expected.norm()) <= 1e-6
    with torch.inference_mode():
        assert torch.equal(A.T(A(x)), expected / 2)
