"""The collector: paused where it is said, going again after it, and in every process that is forked."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from counterflow import collector
from counterflow.forks import spread


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """What these tests freeze is a test's own."""
    yield
    gc.unfreeze()
    assert gc.isenabled()


class Node:
    """Something that only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


def test_nothing_is_collected_in_a_pause_and_all_of_it_after() -> None:
    with collector.paused():
        with collector.paused():
            node = weakref.ref(Node())
        assert not gc.isenabled()  # the outer pause goes on
    assert node() is not None
    gc.collect()
    assert node() is None


@pytest.mark.parametrize("stretch", [collector.paused, collector.loading])
def test_an_error_ends_it_too(stretch: type) -> None:
    with pytest.raises(KeyError), stretch():
        raise KeyError
    assert gc.isenabled()


def test_it_decorates_a_function_that_may_be_called_again() -> None:
    enabled = collector.paused()(gc.isenabled)
    assert [enabled(), enabled()] == [False, False]


def test_what_was_loaded_is_not_looked_at_again() -> None:
    gc.collect()
    frozen = gc.get_freeze_count()
    with collector.loading():
        loaded = [Node() for _ in range(100)]
    assert gc.get_freeze_count() >= frozen + len(loaded)
    node = weakref.ref(Node())
    gc.collect()
    assert node() is None


def test_a_forked_process_collects_though_its_parent_pauses() -> None:
    with collector.paused():
        found = dict(spread([gc.isenabled, gc.get_freeze_count], 2))
    assert found[0] is True
    assert isinstance(found[1], int)
    assert found[1] > 0
