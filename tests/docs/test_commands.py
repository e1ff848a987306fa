"""Every command of the docs is executed: `counterflow` in this process, `make` dry, the rest in bash.

Of `docker compose`, which a test machine need not have, the services and their commands are checked.

`counterflow nightly` and `generate` are not run again for each mention: what they are called with is
parsed by the real command and checked; the fixture has run them for real.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from counterflow import contracts, erasure
from counterflow.cli import app
from counterflow.release.building import Built
from counterflow.reporting import Report
from counterflow.searching import Search
from counterflow.settings import PROJECT, Settings
from counterflow.synthetic import Summary
from counterflow.warehouse.gates import GateResult
from tests.docs.conftest import NIGHT
from tests.docs.pages import Block, blocks, commands

CONSOLE = [(block, command) for block in blocks("console") for command in commands(block)]
IDS = [f"{block}-{command.split()[0]}-{n}" for n, (block, command) in enumerate(CONSOLE)]


def run_counterflow(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The command's output; fails unless it ends well."""
    called: dict[str, Any] = {}

    def night_instead(
        settings: Settings, night: date, missions: list[str] | None, full: bool, quiet: bool
    ) -> Report:
        known = {path.stem for path in contracts.contract_files(settings.missions)}
        assert set(missions or []) <= known
        assert settings.exports.is_dir()
        called.update(night=night)
        return Report(night, night, ())

    def generate_instead(out: Path, missions: int, cases: int, *rest: Any) -> Summary:
        assert missions <= 72
        assert cases > 0
        called.update(out=out)
        return Summary(out, missions, cases, [NIGHT], 0.0, {})

    def replay_instead(settings: Settings, night: date, quiet: bool) -> Report:
        return night_instead(settings, night, None, full=False, quiet=quiet)

    def erase_instead(
        settings: Settings, mission: str, number: list[str], night: date, only_if_found: bool
    ) -> erasure.Receipt:
        """The other pages still need the last build, which an erasure gives up."""
        del only_if_found
        assert mission in {path.stem for path in contracts.contract_files(settings.missions)}
        assert number == ["A-1"]
        return erasure.Receipt("E-0123456789ab", mission, night, "", "finished")

    def verify_instead(settings: Settings, receipt: str) -> erasure.Verified:
        found = erase_instead(settings, "MDA", ["A-1"], NIGHT, only_if_found=True)
        assert receipt == found.receipt
        return erasure.Verified(found, 1, 0, 0, (), Search(0, 0, ()))

    # It would serve until somebody ends it; that it does is the business of tests/serving.
    monkeypatch.setattr("counterflow.serving.server.serve", lambda *_: None)
    monkeypatch.setattr("counterflow.erasure.erase", erase_instead)
    monkeypatch.setattr("counterflow.erasure.verify", verify_instead)
    monkeypatch.setattr("counterflow.local.run_night", night_instead)
    monkeypatch.setattr("counterflow.local.replay_night", replay_instead)
    monkeypatch.setattr("counterflow.synthetic.generate", generate_instead)
    if arguments[0] == "release":
        release_instead(monkeypatch)
    # What is published already is not published again: the docs' own case is a build that was stopped.
    monkeypatch.setattr("counterflow.nightly.gates", lambda *_: [])
    result = CliRunner().invoke(app, arguments, input="A-1\n" if arguments[0] == "erase" else "")
    if arguments[0] == "score":  # whether it is 100 % is the business of the acceptance tests
        assert "compared values agree" in result.output
    elif arguments[0] == "doctor":  # what it finds is the business of tests/test_doctor.py
        assert "as locked" in result.output
    else:
        assert result.exit_code == 0, result.output
    makes = arguments[0] in ("nightly", "generate") or arguments[:2] == ["quarantine", "replay"]
    assert makes == bool(called)
    return result.output


def prepare(
    arguments: list[str],
    environment: dict[str, str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a page takes for granted: the export that came by hand; a backup, and an empty home with its keys."""
    home = Path(environment["COUNTERFLOW_HOME"])
    own = Path(os.environ["COUNTERFLOW_MISSIONS"])
    if folder in own.parents:  # what `counterflow init` made on the line before
        run_counterflow(["init", str(own.parent)], monkeypatch)
    if arguments[0] == "drop":
        for found in (home / "exports" / "MDA").rglob(Path(arguments[1]).name):
            shutil.copy(found, arguments[1])
    if arguments[0] in ("backup", "restore"):
        Path(arguments[1]).mkdir(parents=True)
    if arguments[0] in ("drop", "restore"):  # the other pages still need the home as it was
        if arguments[0] == "restore":
            run_counterflow(["backup", arguments[1]], monkeypatch)
        shutil.copytree(home / "keys", folder / "home" / "keys")
        monkeypatch.setenv("COUNTERFLOW_HOME", str(folder / "home"))


def release_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    """The docs' world has too few cases for a release; that one comes about is the business of tests/release."""
    passed = [GateResult("k_anonymity", True, "passed")]
    built = Built("001", str(NIGHT), "0" * 64, {"accepted cases": 1}, tuple(passed))
    monkeypatch.setattr("counterflow.release.building.build", lambda *_: built)
    monkeypatch.setattr("counterflow.release.deciding.approve", lambda *_: "001")
    monkeypatch.setattr("counterflow.release.verification.numbers", lambda *_: ["001"])
    for name in ("verify", "verify_folder"):
        monkeypatch.setattr(f"counterflow.release.verification.{name}", lambda *_: passed)


def in_bash(command: str, environment: dict[str, str], folder: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env={**os.environ, **environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def dry_make(arguments: list[str]) -> str:
    """What `make` would run; a target that does not exist is an error."""
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_compose(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`up` with the options it has, or `exec` in a service that the compose file has."""
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text("utf-8"))["services"]
    profiles = {name for service in services.values() for name in service.get("profiles", ())}
    while arguments[0] in ("--env-file", "--profile"):
        option, value, *arguments = arguments
        assert value in profiles if option == "--profile" else (PROJECT / value).is_file()
    verb, *rest = arguments
    if verb == "up":
        assert set(rest) <= {"--build", "--wait", "--detach"}
        return
    assert verb in ("exec", "run")
    service, *command = [word for word in rest if word != "--rm"]
    assert service in services
    if not command:
        return
    if command[0] == "counterflow":
        run_counterflow(command[1:], monkeypatch)


@pytest.mark.parametrize(("block", "command"), CONSOLE, ids=IDS)
def test_command_runs(
    block: Block,
    command: str,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    ours = re.sub(r"(?<=[ =])/tmp/", f"{tmp_path}/", command).replace(" /mnt/", f" {tmp_path}/mnt/")
    words = shlex.split(os.path.expandvars(ours))
    while "=" in words[0]:
        monkeypatch.setenv(*words.pop(0).split("=", 1))
    if words[0] == "counterflow":
        prepare(words[1:], environment, tmp_path, monkeypatch)
        run_counterflow(words[1:], monkeypatch)
    elif words[:2] == ["docker", "compose"]:
        check_compose(words[2:], monkeypatch)
    elif words[0] == "make":
        done = dry_make(words[1:])
        for word in words[2:]:
            name, _, value = word.partition("=")
            assert name in (PROJECT / "Makefile").read_text("utf-8")
            assert value in done, "the Makefile does not use it"
    else:
        in_bash(command.replace("/tmp/", f"{tmp_path}/"), environment, tmp_path)


@pytest.mark.parametrize("block", blocks("bash"), ids=str)
def test_script_runs(block: Block, environment: dict[str, str], tmp_path: Path) -> None:
    in_bash(block.text, environment, tmp_path)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_runs(block: Block, environment: dict[str, str]) -> None:
    exec(compile(block.text, str(block), "exec"), {})


@pytest.mark.parametrize(
    "wrong",
    [
        ["nightly", "--night", str(NIGHT), "--missions", "MDA"],
        ["nightly", "--night", "yesterday"],
        ["nightlies"],
        ["sql", "select nothing"],
    ],
)
def test_a_wrong_command_fails(
    wrong: list[str], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test can fail."""
    with pytest.raises(AssertionError):
        run_counterflow(wrong, monkeypatch)


def test_a_wrong_target_or_service_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        dry_make(["demonstration"])
    with pytest.raises(AssertionError):
        check_compose(["exec", "webserver", "true"], monkeypatch)
    with pytest.raises(AssertionError):
        check_compose(["--profile", "clusters", "up"], monkeypatch)


def test_every_command_of_the_command_line_is_documented() -> None:
    """A verb that no page shows is a verb that nobody finds."""
    shown = {" ".join(shlex.split(command)[:3]) for _, command in CONSOLE}
    verbs = [c.name or c.callback.__name__ for c in app.registered_commands if c.callback]
    prose = "".join(p.read_text("utf-8") for p in sorted((PROJECT / "docs").glob("*.md")))
    missing = [
        v
        for v in verbs
        if not any(s.startswith(f"counterflow {v}") for s in shown)
        and f"`counterflow {v}`" not in prose
    ]
    assert missing == []


def test_every_block_says_what_it_is() -> None:
    """No block escapes its test by having another language, or none."""
    known = {"sql", "console", "bash", "python", "yaml", "mermaid", "text"}
    assert [str(b) for b in blocks() if b.language not in known] == []
    assert [str(b) for b in blocks("console") if not commands(b)] == []
