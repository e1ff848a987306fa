"""The steward's page: one file that needs nothing, in the mission's language, without a value of a row."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from counterflow.cli import app
from counterflow.local import run_night
from counterflow.pages import stewards
from counterflow.settings import Settings
from tests.pages.world import EVIL, MISSIONS
from tests.support import NIGHT, SECRET, Agency, case, export


def shelf(home: Settings, name: str) -> str:
    return (home.pages / "stewards" / name).read_text("utf-8")


def test_every_mission_has_a_page_and_the_list_leads_there(home: Settings) -> None:
    index = shelf(home, "index.html")
    for code in MISSIONS:
        assert f'href="{code}.html"' in index
        assert "<h1>" in shelf(home, f"{code}.html")


def test_it_is_in_the_mission_s_language(home: Settings) -> None:
    assert '<html lang="ar" dir="rtl">' in shelf(home, "SYR.html")
    assert "<h1>سوريا:" in shelf(home, "SYR.html")
    assert "ما الذي استلمناه" in shelf(home, "SYR.html")
    assert '<html lang="fr" dir="ltr">' in shelf(home, "CIV.html")
    assert '<html lang="en" dir="ltr">' in shelf(home, "MDA.html")  # there are no words in Romanian
    assert '<html lang="en" dir="ltr">' in shelf(home, "UKR.html")  # its contract cannot be read


def test_it_needs_nothing_but_itself_and_runs_nothing(home: Settings) -> None:
    for code in MISSIONS:
        page = shelf(home, f"{code}.html")
        assert "<script" not in page
        assert not re.search(r"\b(src|href|action)\s*=", re.sub(r"&lt;.*?&gt;", "", page))
        assert "url(" not in page
        assert "@import" not in page


def test_what_a_mission_wrote_is_text(home: Settings) -> None:
    for code in ("CIV", "BLR"):
        page = shelf(home, f"{code}.html")
        assert EVIL not in page
        assert "&lt;script&gt;" in page


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Agency:
    """A night through the program itself: rows that are held back, in a file with a key."""
    made = Agency(tmp_path_factory.mktemp("agency"), missions=("ALB", "BLR"))
    cases = [case(n) for n in range(30)]
    cases[6]["Sex"], cases[11]["Sex"] = SECRET, SECRET
    cases[19]["Registered"] = "soon"
    made.deliver("ALB", export(cases))
    made.deliver("BLR", b"not a zip")
    made.settings = replace(made.settings, max_failed_share=1.0, pages_built=("stewards", "dbt"))
    report = run_night(made.settings, NIGHT, quiet=True)
    assert (report.is_published, report.unshown) == (True, ()), report.text
    assert sorted(p.name for p in made.settings.pages.glob("[a-z]*")) == ["dbt", "stewards"]
    return made


def test_it_names_file_column_and_rows_and_no_value(agency: Agency, tmp_path: Path) -> None:
    page = stewards.page(agency.settings, "ALB")
    text = re.sub(r"<[^>]*>", "", page)
    assert "File or sheet: cases.csv" in text
    assert "Column: Sex" in text
    assert "Rows: 7, 12" in text
    assert "Column: Registered" in text
    assert "Rows: 20" in text
    assert SECRET not in page
    assert "soon" not in re.findall(r"\w+", text)


def test_a_refused_export_and_no_good_one_before(agency: Agency) -> None:
    page = stewards.page(agency.settings, "BLR")
    assert "Your export could not be taken" in page
    assert "No export was taken yet" in page


def test_the_command_writes_it(
    agency: Agency, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERFLOW_HOME", str(agency.settings.home))
    monkeypatch.setenv("COUNTERFLOW_MISSIONS", str(agency.settings.missions))
    out = tmp_path / "albania.html"
    done = CliRunner().invoke(app, ["pages", "steward", "--mission", "ALB", "--out", str(out)])
    assert (done.exit_code, out.exists()) == (0, True), done.output
    assert out.read_text("utf-8") == stewards.page(agency.settings, "ALB")
    refused = CliRunner().invoke(app, ["pages", "steward", "--mission", "XXX", "--out", str(out)])
    assert isinstance(refused.exception, stewards.NoSuchMission)


def test_all_sets_are_built_of_a_real_night(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERFLOW_HOME", str(agency.settings.home))
    monkeypatch.setenv("COUNTERFLOW_MISSIONS", str(agency.settings.missions))
    done = CliRunner().invoke(app, ["pages", "build", "stewards", "checks", "dbt"])
    assert done.exit_code == 0, done.output
    pages = agency.settings.pages
    dbt = (pages / "dbt" / "index.html").read_text("utf-8")
    assert "INLINE DATA" not in dbt
    assert '"model.counterflow.fct_case"' in dbt
    assert str(agency.settings.home) not in dbt
    checks = (pages / "checks" / "case.html").read_text("utf-8")
    assert "case.gender_mapped" in checks
    everything = "".join(p.read_text("utf-8") for p in pages.rglob("*.html"))
    assert SECRET not in everything
