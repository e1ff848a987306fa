"""What every test shares: no timed assertion (Hypothesis has no deadline), the same examples each run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from counterflow import connections

settings.register_profile("counterflow", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("counterflow")


# Commands that tests run in processes of their own draw no pages, which takes as long as a small night; tests that look
# at pages build them.
os.environ.setdefault("COUNTERFLOW_PAGES", "none")


@pytest.fixture(autouse=True)
def no_connection_of_another_test() -> Iterator[None]:
    """A connection is remembered for a minute, which is longer than most tests take."""
    yield
    connections.forget()
