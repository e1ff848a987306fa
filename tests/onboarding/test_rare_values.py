"""What fewer than five cases hold is seen nowhere: not in the profile, the draft, the decisions or the dry run.

A unique string is planted in every column of a sample in turn; and columns that look personal show
nothing, however often a value stands in them.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from counterflow.cli import app
from counterflow.onboarding import onboard
from counterflow.onboarding.show import page
from counterflow.settings import Settings
from tests.onboarding import lithuania
from tests.support import everything

PLANTED = "Zxqvella"


def everything_said(sample: Path, settings: Settings, capsys: pytest.CaptureFixture[str]) -> str:
    """All that onboarding prints, writes or hands to a program."""
    found = onboard(sample, "LTU", settings, lithuania.NIGHT)
    page(found, Console(width=300))
    printed = capsys.readouterr()
    return (
        printed.out
        + printed.err
        + found.draft.text
        + json.dumps(found.to_dict(), ensure_ascii=False)
    )


def planted_everywhere() -> bytes:
    """Four cases hold a unique string of their column, in every column; two rows of the child table too."""
    rows = [lithuania.row(n) for n in range(1, lithuania.CASES + 1)]
    for number in range(4):
        rows[10 + number] = [f"{PLANTED}{place}" for place in range(len(rows[0]))]
    return lithuania.export(rows, extra=[f"LT-0001|{PLANTED}18", f"{PLANTED}19|{PLANTED}18"])


def test_a_value_of_four_cases_is_said_nowhere(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = tmp_path / "bylos_20101125.zip"
    sample.write_bytes(planted_everywhere())
    said = everything_said(sample, settings, capsys)
    assert "Lytis" in said
    assert "Feminine" in said
    assert PLANTED.casefold() not in said.casefold()
    assert not settings.home.exists(), "a dry run leaves nothing in the home"


def test_a_value_of_five_cases_is_shown_where_it_may(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """The positive control of the test above: the fifth case makes the code visible, the name never."""
    rows = [lithuania.row(n) for n in range(1, lithuania.CASES + 1)]
    columns = lithuania.HEADER.split("|")
    for number in range(5):
        rows[10 + number][columns.index("Lytis")] = "Kitaip"
        rows[10 + number][columns.index("Vardas")] = PLANTED
        rows[10 + number][columns.index("Pastabos")] = f"{PLANTED} pasakojo"
    sample = tmp_path / "bylos_20101125.zip"
    sample.write_bytes(lithuania.export(rows))
    said = everything_said(sample, settings, capsys)
    assert "Kitaip" in said
    assert PLANTED.casefold() not in said.casefold()


def test_five_rows_of_one_case_are_one_case(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    extra = [f"LT-0001|{PLANTED}"] * 9
    sample = tmp_path / "bylos_20101125.zip"
    sample.write_bytes(lithuania.export(extra=extra))
    assert PLANTED not in everything_said(sample, settings, capsys)


def test_names_are_not_shown_under_a_header_that_nobody_knows(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = tmp_path / "people.csv"
    lines = ["Case ID;Qwrtz;Gender;Consent"]
    lines += [f"A-{n};{('Zxqvella', 'Austėja', 'Eglė')[n % 3]};Feminine;Yes" for n in range(60)]
    sample.write_text("\n".join(lines), "utf-8")
    said = everything_said(sample, settings, capsys)
    assert "Qwrtz" in said
    assert PLANTED not in said
    assert "Austėja" not in said


def test_the_command_writes_one_file_and_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = tmp_path / "in" / "bylos_20101125.zip"
    sample.parent.mkdir()
    sample.write_bytes(planted_everywhere())
    home = tmp_path / "home"
    monkeypatch.setenv("COUNTERFLOW_HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    target = tmp_path / "out" / "LTU.yml"
    arguments = ["onboard", str(sample), "--mission", "LTU", "--out", str(target)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert PLANTED not in done.output
    assert not home.exists()
    assert everything(tmp_path / "out").count("LTU.yml") == 1
    assert PLANTED not in everything(tmp_path / "out")
    assert everything(tmp_path / "scratch") == ""

    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 1
    assert "--force" in str(again.exception)
    assert CliRunner().invoke(app, [*arguments, "--force"]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nothing.csv", "--mission", "LTU"], 2),
        (["{empty}", "--mission", "LTU"], 1),
        (["{good}", "--mission", "XQZ"], 1),
    ],
)
def test_what_cannot_be_onboarded_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COUNTERFLOW_HOME", str(tmp_path / "home"))
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "good.csv").write_bytes(b"Case ID;Gender\nA1;F\nA2;M\n")
    filled = [a.format(empty="empty.csv", good="good.csv") for a in arguments]
    done = CliRunner().invoke(app, ["onboard", *filled])
    assert done.exit_code == code
    assert list(tmp_path.glob("*.yml")) == []
