"""Exceptions in, what may be told of them out: an exception's own message may quote the data."""

from __future__ import annotations

import builtins
import traceback
from pathlib import Path
from typing import Any


class LandingError(ValueError):
    """A landed file that is not what ingest promises. Names tables and columns, never values."""


def told(error: BaseException) -> str:
    """What may be told of `error`: our own words, or else its class and the line of code."""
    if isinstance(error, LandingError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


def gx_error(info: Any) -> str | None:
    """The class of the exception in GX's `exception_info`, which is flat or one a metric."""
    if not info:
        return None
    if "raised_exception" not in info:
        return next(filter(None, map(gx_error, info.values())), None)
    if not info["raised_exception"]:
        return None
    # A line of a traceback may be anything, also data; only names of known classes may pass.
    for line in reversed(str(info["exception_traceback"]).splitlines()):
        name = line.split(":")[0].strip().rsplit(".", 1)[-1]
        if name == "MetricResolutionError" or isinstance(getattr(builtins, name, None), type):
            return name
    return "Exception"
