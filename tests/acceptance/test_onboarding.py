"""A 73rd mission, in a mixture of dialects that none of the 72 uses, is onboarded by adding one YAML file.

Lithuanian headers over the standard's value names, pipes, cp1257, names of months, decimal commas, a
list of cases and a child table: drafted by `counterflow onboard`, decided as a person would, put beside
the committed contracts, and loaded by a night with other missions. Nothing else is changed.
"""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from counterflow.cli import app
from counterflow.contracts.check import check_folder
from counterflow.local import run_night
from counterflow.sealing import Seal
from counterflow.settings import PROJECT, Settings
from counterflow.synthetic import generate
from tests.onboarding import lithuania
from tests.support import everything

OTHERS = 3  # synthetic missions that load in the same night
ACCEPTED = [n for n in range(1, lithuania.CASES + 1) if lithuania.consent(n) == "Taip"]
# what the decisions of the draft become, as the mission's steward would answer them
DECIDED = (
    ('path: "bylos_', 'path: "iskelti/bylos_'),
    ("yes: [to be decided]", "yes: [Taip]"),
    (
        "from: Išnaudojimo šalis, codes: countries_lt",
        "from: Išnaudojimo šalis, codes: countries_lt, basis: last_exploitation",
    ),
    ('Kabinetas: "to be decided: codes, 3 values"', "Kabinetas: the room of the interview"),
)


@pytest.fixture(scope="module")
def onboarded(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home in which a night was run with the new mission beside three others."""
    root = tmp_path_factory.mktemp("onboarded")
    generate(root, OTHERS, 150, 7, 1, lithuania.NIGHT)
    missions = root / "missions"
    shutil.copytree(PROJECT / "dags" / "missions", missions)
    before = {p.relative_to(missions): p.read_bytes() for p in missions.rglob("*") if p.is_file()}

    sample = root / "sample" / "bylos_20101125.zip"
    sample.parent.mkdir()
    sample.write_bytes(lithuania.export())
    draft = _drafted(sample, missions)
    for old, new in DECIDED:
        assert draft.count(old) == 1, old
        draft = draft.replace(old, new)
    assert "to be decided" not in draft
    (missions / "LTU.yml").write_text(draft, "utf-8")

    after = {p.relative_to(missions): p.read_bytes() for p in missions.rglob("*") if p.is_file()}
    assert {p for p in after if after[p] != before.get(p)} == {Path("LTU.yml")}
    assert set(before) <= set(after)

    delivered = root / "exports" / "LTU" / "iskelti" / sample.name
    delivered.parent.mkdir(parents=True)
    delivered.write_bytes(sample.read_bytes())
    settings = Settings(
        home=root, exports=root / "exports", missions=missions, max_failed_share=1.0, workers=1
    )
    loaded = ["LTU", *(p.name for p in (root / "exports").iterdir() if p.name != "LTU")]
    report = run_night(settings, lithuania.NIGHT, sorted(loaded), quiet=True)
    assert report.published == lithuania.NIGHT, report.text
    return settings


def _drafted(sample: Path, missions: Path) -> str:
    """What the command writes."""
    target = sample.parent / "LTU.yml"
    environment = {
        "COUNTERFLOW_MISSIONS": str(missions),
        "COUNTERFLOW_HOME": str(sample.parent / "no"),
    }
    done = CliRunner().invoke(
        app, ["onboard", str(sample), "--mission", "LTU", "--out", str(target)], env=environment
    )
    assert done.exit_code == 0, done.output
    return target.read_text("utf-8")


def rows(settings: Settings, query: str) -> list[Any]:
    with duckdb.connect(str(settings.warehouse / "warehouse.duckdb"), read_only=True) as opened:
        return opened.execute(query).fetchall()


def test_the_contract_is_sound_beside_the_others(onboarded: Settings) -> None:
    report = check_folder(onboarded.missions)
    assert [e for e in report.errors if e.file.name == "LTU.yml"] == []
    assert "LTU" in report.contracts
    contract = yaml.load((onboarded.missions / "LTU.yml").read_text("utf-8"), yaml.BaseLoader)
    assert "extends" not in contract  # no dialect of the 72 fits


def test_every_row_is_accounted_for(onboarded: Settings) -> None:
    [(status, *counts)] = rows(
        onboarded,
        "select status, rows_read, rows_accepted, rows_quarantined, rows_withheld, rows_blank "
        "from quality.load where mission_code = 'LTU'",
    )
    refused = lithuania.CASES - len(ACCEPTED)
    assert status == "loaded"
    assert counts == [3 * lithuania.CASES, 3 * len(ACCEPTED), 0, 3 * refused, 0]


def test_the_others_load_as_ever(onboarded: Settings) -> None:
    found = rows(onboarded, "select mission_code, count(*) from core.fct_case group by 1")
    assert len(found) == OTHERS + 1
    assert all(count > 0 for _, count in found)


def age_band(born: date, at: date) -> str:
    """The band of full years at a date."""
    years = at.year - born.year - ((at.month, at.day) < (born.month, born.day))
    lowest = [0, 9, 18, 21, 24, 27, 30, 39, 48]
    names = ["0-8", "9-17", "18-20", "21-23", "24-26", "27-29", "30-38", "39-47", "48+"]
    return names[max(i for i, low in enumerate(lowest) if years >= low)]


def duration(number: int) -> str:
    """The band of `n,5` months, rounded down."""
    months = number % 30
    if months < 3:
        return "under_3_months"
    return (
        "3_to_11_months"
        if months < 12
        else "12_to_23_months"
        if months < 24
        else "24_months_and_over"
    )


def test_the_facts_of_every_case(onboarded: Settings) -> None:
    expected = Counter(
        (
            lithuania.registered(n).replace(day=1),
            {"Feminine": "feminine", "Masculine": "masculine"}[lithuania.GENDERS[n % 3]],
            age_band(lithuania.born(n), lithuania.registered(n)),
            "LTU",
            lithuania.COUNTRIES[lithuania.country(n)],
            "last_exploitation",
            "yes",
            duration(n),
            {"Single": "single", "Married": "married", "Divorced": "divorced"}[
                lithuania.STATUSES[n % 4]
            ],
            "yes" if n % 3 == 0 else "unknown",
            "yes" if n % 3 else "unknown",
        )
        for n in ACCEPTED
    )
    found = rows(
        onboarded,
        "select registered_month, gender, age_band, citizenship, country_of_exploitation, "
        "country_of_exploitation_basis, is_cross_border, duration_band, marital_status, "
        "is_sexual_exploitation, is_forced_labour from core.fct_case where mission_code = 'LTU'",
    )
    assert Counter(found) == expected


def test_the_facts_of_lists_and_of_the_child_table(onboarded: Settings) -> None:
    exploitations = Counter(
        name for n in ACCEPTED for name in lithuania.EXPLOITATIONS[n % 3].split("; ")
    )
    found = rows(
        onboarded,
        "select exploitation_type, count(*) from core.fct_exploitation "
        "join core.fct_case using (case_key) where mission_code = 'LTU' group by 1",
    )
    snake = {
        "SexualExploitation": "sexual_exploitation",
        "ForcedLabour": "forced_labour",
        "ForcedBegging": "forced_begging",
    }
    assert dict(found) == {snake[name]: count for name, count in exploitations.items()}

    chosen = Counter(one for n in ACCEPTED for one in lithuania.means(n))
    found = rows(
        onboarded,
        "select means_of_control, count(*) from core.fct_control join core.fct_case using (case_key) "
        "where mission_code = 'LTU' and answer = 'yes' group by 1",
    )
    assert dict(found) == {
        "debt_bondage": chosen["DebtBondage"],
        "false_promises": chosen["FalsePromises"],
        "withholds_documents": chosen["WithholdsDocuments"],
        "psychological_abuse": chosen["PsychologicalAbuse"],
    }


def test_nothing_personal_is_left_anywhere(onboarded: Settings) -> None:
    for folder in (onboarded.landing / "LTU", onboarded.warehouse, onboarded.build):
        text = everything(folder, Seal.of(onboarded))
        for secret in (*lithuania.FIRST, *lithuania.LAST, "LT-0007", "Pastaba apie"):
            assert secret not in text
