"""A small published warehouse that the docs' queries and commands run on.

Six synthetic missions and two nights, the second with refused and late exports. Only the second is built.
The files are those of `counterflow generate` and of the committed contracts; nothing is made for the docs.
"""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from counterflow import nightly
from counterflow.local import run_night
from counterflow.settings import PROJECT, Settings
from counterflow.synthetic import generate

FIRST = date(2010, 11, 25)
NIGHT = FIRST + timedelta(days=1)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a home in which the second night is published."""
    home = tmp_path_factory.mktemp("docs")
    generate(home, 6, 300, 7, 2, FIRST)
    contracts = home / "missions"
    source = PROJECT / "dags" / "missions"
    for folder in ("codes", "dialects"):
        shutil.copytree(source / folder, contracts / folder)
    for mission in (home / "exports").iterdir():
        shutil.copy(source / f"{mission.name}.yml", contracts)
    settings = Settings(
        home=home, exports=home / "exports", missions=contracts, max_failed_share=1.0, workers=1
    )
    for mission in nightly.plan(settings, FIRST).changed:
        nightly.ingest(settings, FIRST, mission)
    nightly.validate(settings, FIRST)
    report = run_night(settings, NIGHT, quiet=True)
    assert report.published == NIGHT, report.text
    return settings


@pytest.fixture
def environment(
    published: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> dict[str, str]:
    """The variables under which the docs' commands find that home; what they write goes to `tmp_path`."""
    values = {
        "COUNTERFLOW_HOME": str(published.home),
        "COUNTERFLOW_EXPORTS": str(published.exports),
        "COUNTERFLOW_MISSIONS": str(published.missions),
        "COUNTERFLOW_WORKERS": "1",
        "TMPDIR": str(tmp_path),
        "COLUMNS": "200",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values
