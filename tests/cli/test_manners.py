"""The manners of the command line, over every verb that there is."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from counterflow.cli import app

COMMAND = Path(sys.executable).with_name("counterflow")
BARE = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
# What prints a table.
TABLES = {
    "status",
    "verify",
    "score",
    "sql",
    "doctor",
    "contracts check",
    "quarantine list",
    "quarantine show",
    "release list",
    "release verify",
    "serve tokens list",
}


def verbs(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield " ".join((*words, name)), command
            yield from verbs(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


VERBS = dict(verbs(typer.main.get_command(app)))


def at_a_terminal(*arguments: str, typed: bytes = b"", **environment: str) -> str:
    """What a person sees."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=BARE | {"TERM": "xterm-256color"} | environment,
        start_new_session=True,
    )
    os.close(theirs)
    if typed:
        os.write(ours, typed)
    seen = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # its end is closed
            break
        if not part:
            break
        seen += part
    process.wait(60)
    os.close(ours)
    return seen.decode()


@pytest.mark.parametrize("verb", VERBS)
def test_help_says_what_it_does_and_shows_an_example(verb: str) -> None:
    done = CliRunner().invoke(app, [*verb.split(), "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    assert f"Example: counterflow {verb}" in " ".join(done.output.split())
    for parameter in VERBS[verb].params:
        assert parameter.name != "as_json" or "--json" in parameter.opts


@pytest.mark.parametrize("verb", VERBS)
def test_a_wrong_option_is_2_and_no_traceback(verb: str) -> None:
    done = CliRunner().invoke(app, [*verb.split(), "--no-such-option"])
    assert done.exit_code == 2
    assert "No such option" in done.output


def test_where_a_table_is_printed_there_is_json() -> None:
    assert set(VERBS) >= TABLES
    without = [verb for verb in TABLES if "as_json" not in {one.name for one in VERBS[verb].params}]
    assert without == []


def test_colours_are_for_terminals_and_for_who_wants_them(tmp_path: Path) -> None:
    home = {"COUNTERFLOW_HOME": str(tmp_path), "COUNTERFLOW_EXPORTS": str(tmp_path)}
    home["COUNTERFLOW_MISSIONS"] = str(tmp_path)
    piped = subprocess.run(
        [COMMAND, "doctor"], env={**BARE, **home}, capture_output=True, text=True, check=False
    )
    assert piped.returncode == 1, "there is no key"
    assert "\x1b" not in piped.stdout + piped.stderr
    assert "\x1b[" in at_a_terminal("doctor", **home)
    assert "\x1b[1;31m" not in at_a_terminal("doctor", **home, NO_COLOR="1")


def test_the_shell_completes_verbs() -> None:
    asked = {
        "_COUNTERFLOW_COMPLETE": "complete_bash",
        "COMP_WORDS": "counterflow do",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [COMMAND], env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    assert "doctor" in done.stdout.split()
    shown = subprocess.run(
        [COMMAND, "--show-completion", "bash"], capture_output=True, text=True, check=False
    )
    assert "_COUNTERFLOW_COMPLETE" in shown.stdout
