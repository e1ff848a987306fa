"""Libraries that write names of files, hosts and headers into logs are told not to."""

from __future__ import annotations

import logging


def quiet(*names: str) -> None:
    """Let these loggers, and all below them, write nothing, whatever level Airflow is set to."""
    known = list(logging.Logger.manager.loggerDict)
    for name in names:
        for one in (name, *(other for other in known if other.startswith(f"{name}."))):
            logging.getLogger(one).setLevel(logging.CRITICAL + 1)
