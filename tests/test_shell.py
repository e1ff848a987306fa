"""`counterflow sql`: one query, a script, a person at a prompt."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.test_manners import at_a_terminal
from tests.serving.world import Home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("shell") / "home")
    made.publish(3)
    return made


QUERY = "select case_key, 'a, b' as said from core.fct_case order by 1 limit 2"


def test_an_answer_is_a_table_json_or_csv(home: Home) -> None:
    assert "a, b" in home.run("sql", QUERY).stdout
    assert json.loads(home.run("sql", QUERY, "--json").stdout)[1] == {"case_key": 1, "said": "a, b"}
    assert home.run("sql", QUERY, "--csv").stdout == 'case_key,said\n0,"a, b"\n1,"a, b"\n'
    assert home.run("sql", QUERY, "--csv", "--json").returncode == 2


def environment(home: Home, state: Path) -> dict[str, str]:
    return {"COUNTERFLOW_HOME": str(home.path), "XDG_STATE_HOME": str(state), "NO_COLOR": "1"}


def test_a_person_types_over_several_lines_and_is_helped(home: Home, tmp_path: Path) -> None:
    typed = b".help\n.tables core\nselect count(*)\n  as cases from core.fct_case;\nselct;\n.quit\n"
    seen = at_a_terminal("sql", "--plain", typed=typed, **environment(home, tmp_path))
    assert ".columns SCHEMA.TABLE" in seen
    assert "fct_case" in seen
    assert "cases" in seen
    assert "syntax error" in seen
    kept = tmp_path / "counterflow" / "sql"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "select count(*)" in kept.read_text("utf-8")


def test_harlequin_is_given_the_file_where_it_is_installed(home: Home, tmp_path: Path) -> None:
    script = tmp_path / "harlequin"
    script.write_text('#!/bin/sh\necho "harlequin got $*"\n', "utf-8")
    script.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    seen = at_a_terminal("sql", PATH=path, **environment(home, tmp_path))
    assert "harlequin got -a duckdb --read-only" in seen
    assert "warehouse.duckdb" in seen
    plain = at_a_terminal(
        "sql", "--plain", typed=b".quit\n", PATH=path, **environment(home, tmp_path)
    )
    assert "harlequin got" not in plain
