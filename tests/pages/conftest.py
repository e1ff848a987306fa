"""One small world for all tests of the pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterflow.pages import sets
from counterflow.settings import Settings
from tests.pages import world


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Five nights, published, with the pages of stewards and the data docs."""
    made = world.settings(Path(tmp_path_factory.mktemp("pages")))
    world.publish(made)
    shelved = sets.build(made, ("stewards", "checks"))
    assert (shelved.built, shelved.failed) == (("stewards", "checks"), ())
    return made
