"""One site, made once, that tests read and open."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterflow import site
from tests.site.world import installation, publish


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site")
    settings = installation(root)
    site.build(publish(settings), root / "out", settings)
    return root / "out"
