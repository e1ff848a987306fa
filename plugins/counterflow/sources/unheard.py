"""What a reader outside Python prints is not heard: a panic writes its message, which may quote a cell,
straight to the process's standard error, and that is a task's log.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2


@contextmanager
def unheard() -> Iterator[None]:
    """Within the block the process's standard error leads nowhere.

    The whole process is meant: a task reads one export, and nothing else runs beside it.
    """
    try:
        kept = os.dup(STDERR)
    except OSError:  # there is none
        yield
        return
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, STDERR)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)
