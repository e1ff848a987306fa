"""Three missions over a folder, SFTP, S3 and HTTPS: the same is landed, byte for byte, and nothing twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from counterflow import nightly
from tests.servers.nginx import nginx
from tests.servers.running import needs
from tests.servers.s3 import s3
from tests.servers.sshd import sshd
from tests.sources.linked import agency, define, landed, night, over_https, over_s3, over_sftp
from tests.support import NIGHT, case, export

EXPORTS = {
    "ALB": export(),
    "BLR": export([case(n, Sex="M") for n in range(30)]),
    "CIV": export([case(n) for n in range(40)]),
}
NAME = f"outgoing/cases_{NIGHT:%Y%m%d}.zip"


@pytest.fixture(scope="module")
def by_folder(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    made = agency(tmp_path_factory.mktemp("folder"))
    for mission, data in EXPORTS.items():
        made.deliver(mission, data)
    assert {status for status, _ in night(made).values()} == {"loaded"}
    return landed(made.settings)


def deliver(server: Any) -> None:
    for mission, data in EXPORTS.items():
        server.put(f"{mission}/{NAME}", data)
        server.put(f"{mission}/outgoing/cases_{NIGHT:%Y%m%d}.zip.part", b"half")
        server.put(f"{mission}/outgoing/cases_{NIGHT + timedelta(days=1):%Y%m%d}.zip", b"tomorrow")


def loads_the_same(
    by_folder: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = agency(tmp_path)
    assert {status for status, _ in night(made).values()} == {"loaded"}
    assert landed(made.settings) == by_folder
    monkeypatch.setattr("counterflow.sources.remote.RemoteTransport._read", None)  # no byte twice
    assert nightly.plan(made.settings, NIGHT).changed == []


@needs("sshd")
def test_sftp(by_folder: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sshd() as server:
        deliver(server)
        define(monkeypatch, over_sftp(server))
        loads_the_same(by_folder, tmp_path, monkeypatch)


def test_s3(by_folder: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3() as server:
        deliver(server)
        define(monkeypatch, over_s3(server))
        loads_the_same(by_folder, tmp_path, monkeypatch)


@needs("nginx")
@pytest.mark.parametrize("kind", ["html", "json", "dav", "plain"])
def test_https(
    kind: str, by_folder: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nginx() as server:
        deliver(server)
        define(monkeypatch, over_https(server, kind))
        loads_the_same(by_folder, tmp_path, monkeypatch)


def test_a_mounted_folder(
    by_folder: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    for mission, data in EXPORTS.items():
        path = tmp_path / "mounted" / mission / NAME
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        os.utime(path, (1, 1))
    said = {"conn_type": "fs", "extra": {"path": f"{tmp_path}/mounted/{{mission}}"}}
    define(monkeypatch, said)
    loads_the_same(by_folder, tmp_path, monkeypatch)
