"""What is locked can be listed for others, and what could not be asked is not called safe."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from counterflow import auditing


def test_the_list_holds_what_is_locked(tmp_path: Path) -> None:
    count = auditing.sbom(tmp_path / "sbom.json")
    said = json.loads((tmp_path / "sbom.json").read_text("utf-8"))
    held = {c["name"].lower().replace("_", "-"): c["version"] for c in said["components"]}
    names = {name.lower().replace("_", "-"): version for name, version in auditing.locked().items()}
    assert said["bomFormat"] == "CycloneDX"
    assert held == names
    assert count > 150


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("", auditing.UNKNOWN),
        ('{"dependencies": [{"name": "a", "skip_reason": "offline"}]}', auditing.UNKNOWN),
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1"}]}]}', auditing.FOUND),
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}', 0),
    ],
)  # fmt: skip
def test_only_an_answer_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    def run(*_arguments: object, **_named: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, answer, "no route to host")

    monkeypatch.setattr(auditing.subprocess, "run", run)
    found, said = auditing.vulnerabilities()
    assert found == code
    assert ("NOT KNOWN" in said) == (code == auditing.UNKNOWN)
