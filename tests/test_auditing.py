"""What is locked can be listed for others, and what could not be asked is not called safe."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from counterflow import auditing


def test_the_list_holds_what_is_locked(tmp_path: Path) -> None:
    count = auditing.sbom(tmp_path / "sbom.json")
    said = json.loads((tmp_path / "sbom.json").read_text("utf-8"))
    held = sorted((one["name"], one["version"]) for one in said["components"])
    names = sorted(re.findall(r"^([a-z0-9._-]+)==([^ ;]+)", auditing.LOCK.read_text("utf-8"), re.MULTILINE))  # fmt: skip
    assert said["bomFormat"] == "CycloneDX"
    assert held == names
    assert count == len(names)
    assert count > 150
    (duckdb,) = (one for one in said["components"] if one["name"] == "duckdb")
    assert duckdb["purl"] == f"pkg:pypi/duckdb@{duckdb['version']}"
    assert f"--hash=sha256:{duckdb['hashes'][0]['content']}" in auditing.LOCK.read_text("utf-8")
    first = (tmp_path / "sbom.json").read_bytes()
    auditing.sbom(tmp_path / "sbom.json")
    assert (tmp_path / "sbom.json").read_bytes() == first


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
