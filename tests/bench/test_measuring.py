"""What the harness says of a run is what the run took."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from counterflow.bench.measuring import Run, Series, alternate, command, percentile

# Two children side by side, each with 60 MB of its own, for a second.
TWO_CHILDREN = """
import subprocess, sys
code = "import time; held = bytearray(60_000_000); held[::4096] = b'1' * len(held[::4096]); time.sleep(1.5)"
for child in [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]:
    child.wait()
"""
CPU = "import time; ends = time.process_time() + 0.3\nwhile time.process_time() < ends: pass"


def test_a_percentile_is_one_of_the_values() -> None:
    values = list(range(1, 101))
    assert percentile(values, 0.95) == 95
    assert percentile(values, 0.5) == 50
    assert percentile([3.0], 0.95) == 3.0
    assert percentile([9, 1, 5], 0.5) == 5
    assert percentile([1, 2], 0.95) == 2


def test_a_series_reports_median_deviation_and_highest_memory() -> None:
    series = Series("x", "x", [Run(1, 2, 30), Run(2, 4, 10), Run(9, 3, 20)])
    assert (series.seconds, series.cpu, series.memory) == (2, 3, 30)
    assert series.deviation == pytest.approx(4.36, abs=0.01)
    assert Series("x", "x", [Run(1)]).deviation == 0


def test_memory_is_of_all_children_at_once() -> None:
    done = command([sys.executable, "-c", TWO_CHILDREN])
    assert 120 < done.run.memory < 250


def test_cpu_is_of_children_too() -> None:
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CPU!r}])"
    assert command([sys.executable, "-c", nested]).run.cpu >= 0.3


def test_a_command_that_fails_says_what_it_said_last() -> None:
    wrong = "import sys; print('out'); print('why', file=sys.stderr); sys.exit(3)"
    with pytest.raises(subprocess.CalledProcessError) as failed:
        command([sys.executable, "-c", wrong])
    assert failed.value.returncode == 3
    assert "why" in failed.value.__notes__[0]
    assert command([sys.executable, "-c", wrong], check=False).stdout == "out\n"


def test_works_take_turns_and_a_warm_up_does_not_count() -> None:
    order: list[str] = []

    def work(name: str) -> Callable[[], Run]:
        def run() -> Run:
            order.append(name)
            return Run(len(order))

        return run

    runs = alternate({"a": work("a"), "b": work("b")}, repeat=2, warm_up=1)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert [run.seconds for run in runs["a"]] == [4, 5]
    assert [run.seconds for run in runs["b"]] == [3, 6]
