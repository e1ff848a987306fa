"""The command as its users meet it: exit codes, one clear line, tables for people, JSON for programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import NIGHT, SECRET, Agency, case, export

COMMAND = Path(sys.executable).with_name("counterflow")


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Agency:
    """Three missions of which one has a row in quarantine; loaded through the command."""
    made = Agency(tmp_path_factory.mktemp("agency"))
    rows = [case(n, Sex=SECRET if n == 3 else "F") for n in range(30)]
    for mission in made.missions:
        made.deliver(mission, export(rows if mission == "BLR" else None))
    done = run(made, "nightly", "--night", str(NIGHT))
    assert done.returncode == 0, done.stderr
    assert "published. 3 missions: 3 loaded." in done.stdout
    return made


def run(agency: Agency, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "COUNTERFLOW_HOME": str(agency.settings.home),
        "COUNTERFLOW_EXPORTS": str(agency.settings.exports),
        "COUNTERFLOW_MISSIONS": str(agency.settings.missions),
    }
    return subprocess.run(
        [COMMAND, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        input=stdin,
        check=False,
    )


def test_status_is_the_published_night(agency: Agency) -> None:
    found = json.loads(run(agency, "status", "--json").stdout)
    assert (found["night"], found["published"]) == (str(NIGHT), str(NIGHT))
    assert [m["rows_accepted"] for m in found["missions"]] == [60, 58, 60]
    assert "BLR" in run(agency, "status").stdout


def test_quarantine_says_where_why_and_what_to_do_but_not_what(agency: Agency) -> None:
    listed = json.loads(run(agency, "quarantine", "list", "--json").stdout)
    assert listed == [
        {
            "mission": "BLR",
            "rule_id": "case.gender_mapped",
            "source": "case",
            "rows": 1,
            "places": [4],
        }
    ]
    shown = run(agency, "quarantine", "show", "BLR").stdout
    assert "rows 4" in shown
    assert "dags/missions" in shown
    assert SECRET not in shown
    assert "nothing is quarantined" in run(agency, "quarantine", "show", "ALB").stdout


def test_sql_answers_as_table_and_json_and_keeps_brackets(agency: Agency) -> None:
    query = "select '[rows 15]' as said, count(*) as cases from core.fct_case"
    assert json.loads(run(agency, "sql", query, "--json").stdout) == [
        {"said": "[rows 15]", "cases": 89}
    ]
    assert "[rows 15]" in run(agency, "sql", query).stdout
    piped = run(agency, "sql", "--json", stdin="select 1 as a; select 2 as b;")
    assert piped.stdout.replace("\n", "").replace(" ", "") == '[{"a":1}][{"b":2}]'


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("sql", "delete from core.fct_case"), 1, "read-only"),
        (("sql", "select * from nowhere"), 1, "nowhere"),
        (("nightly", "--night", "2010-11-25", "--mission", "XXX"), 1, "no contract for XXX"),
        (("nightly", "--night", "yesterday"), 2, "2010-11-25"),
        (("score", "--truth", "/nowhere"), 1, "truth folder"),
        (("frobnicate",), 2, "No such command"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    agency: Agency, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = run(agency, *arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert code == 2 or len(done.stderr.strip().splitlines()) <= 5


def test_publishing_twice_and_verifying(agency: Agency) -> None:
    assert "published already" in run(agency, "publish").stdout
    assert run(agency, "verify").returncode == 0


def test_a_lost_key_is_one_clear_line_and_no_new_key(agency: Agency) -> None:
    key = agency.settings.keys / "master.key"
    content = key.read_bytes()
    key.unlink()
    try:
        for arguments in (("nightly", "--night", str(NIGHT)), ("keys", "init")):
            done = run(agency, *arguments)
            assert (done.returncode, key.exists()) == (1, False)
            assert "backup" in done.stderr
    finally:
        key.write_bytes(content)
        key.chmod(0o600)


def test_help_of_every_verb(agency: Agency) -> None:
    for verb in (
        "generate",
        "nightly",
        "status",
        "score",
        "sql",
        "publish",
        "verify",
        "contracts",
        "keys",
    ):
        done = run(agency, verb, "--help")
        assert done.returncode == 0
        assert "Usage" in done.stdout


def test_contracts_check_names_file_line_and_nearest_key(agency: Agency, tmp_path: Path) -> None:
    other = Agency(tmp_path)
    assert run(other, "contracts", "check").returncode == 0
    other.contract("BLR", "gender:", "gendr:")
    done = run(other, "contracts", "check")
    assert done.returncode == 1
    assert "BLR.yml:" in done.stdout
    assert "`gender`" in done.stdout
