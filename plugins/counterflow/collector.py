"""Python's collector of reference cycles, kept from what it could only look at.

In: a stretch of the program. Out: the same, without the collector.

Great Expectations, dbt and the project that dbt has parsed are a million objects that live until their process ends;
each full collection looks at all of them, and loading them sets off many. That was a sixth of a small night
(docs/adr/0057-the-collector-looks-at-what-can-end.md). What is counted by references, as every table of Arrow is, is freed as ever.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Collect nothing in here: for work whose cycles are few, however many cases there are. Also a decorator."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def loading() -> Iterator[None]:
    """Load libraries in here: what they made is never looked at again."""
    with paused():
        yield
        gc.freeze()


def go_on_in_a_fork() -> None:
    """Collect in a process that was just forked, even if its parent does not, and only what is its own.

    Looking at what the parent had would also copy the memory that both share.
    """
    gc.freeze()
    gc.enable()
