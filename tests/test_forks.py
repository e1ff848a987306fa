"""Jobs shared out among processes: all are done, whichever process dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import psutil
import pytest

from counterflow.forks import Died, spread


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def square(number: int) -> int:
    return number * number


def fail() -> None:
    raise ValueError("no")


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_job_is_answered_once(workers: int) -> None:
    jobs = [partial(square, number) for number in range(1500)]  # more than go into one round
    found = list(spread(jobs, workers))
    assert len(found) == len(jobs)
    assert dict(found) == {number: number * number for number in range(1500)}


def test_what_a_job_raises_is_its_answer() -> None:
    found = dict(spread([partial(square, 2), fail, partial(square, 3)], 2))
    assert (found[0], found[2]) == (4, 9)
    assert isinstance(found[1], ValueError)


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("culprits", [{0}, {4}, {0, 1, 2, 3, 4, 5, 6, 7, 8}])
def test_who_dies_takes_only_its_own_job(culprits: set[int], workers: int) -> None:
    jobs: list[Callable[[], Any]] = [
        kill if number in culprits else partial(square, number) for number in range(9)
    ]
    found = dict(spread(jobs, workers))
    assert {place for place, one in found.items() if isinstance(one, Died)} == culprits
    assert all(found[n] == n * n for n in set(range(9)) - culprits)


def test_what_cannot_be_sent_is_the_end_of_its_process_alone() -> None:
    found = dict(spread([lambda: sys.stdout, partial(square, 3)], 2))
    assert isinstance(found[0], Died)
    assert found[1] == 9


def test_other_work_is_done_beside_the_jobs() -> None:
    done: list[int] = []
    found = dict(spread([os.getpid, os.getpid], 1, meanwhile=lambda: done.append(os.getpid())))
    assert done == [os.getpid()]
    assert os.getpid() not in found.values()


def test_nothing_is_forked_for_one_worker() -> None:
    assert dict(spread([os.getpid], 1)) == {0: os.getpid()}


def test_no_process_is_left_when_nobody_listens_any_more() -> None:
    before = set(psutil.Process().children())  # of tests before this one
    jobs = [partial(square, number) for number in range(1000)]
    answers = spread(jobs, 2)
    next(answers)
    assert set(psutil.Process().children()) - before
    answers.close()  # type: ignore[attr-defined]
    assert not set(psutil.Process().children()) - before


def _beneath(pipe: Any) -> None:
    pipe.send(dict(spread([partial(square, 2), partial(square, 3)], 2)))


def test_a_daemon_may_have_such_children() -> None:
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_beneath, args=(theirs,), daemon=True)
    process.start()
    assert ours.poll(30)
    assert ours.recv() == {0: 4, 1: 9}
    process.join()
