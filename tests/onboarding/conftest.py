"""What every test of onboarding needs: the dictionary of the committed contracts, learnt once."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterflow.onboarding.lexicon import Lexicon
from counterflow.settings import PROJECT, Settings

MISSIONS = PROJECT / "dags" / "missions"


@pytest.fixture(scope="session")
def lexicon() -> Lexicon:
    """The dictionary."""
    return Lexicon.learn(MISSIONS)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home that must stay empty, and the committed contracts."""
    home = tmp_path / "home"
    return Settings(home=home, exports=home / "exports", missions=MISSIONS, workers=1)
