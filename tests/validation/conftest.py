"""Where the repository's own suites are."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterflow.settings import PROJECT


@pytest.fixture(scope="session")
def suites() -> Path:
    """The suites that judge every mission."""
    return PROJECT / "expectations"
