"""An agency whose missions' exports lie on real servers: connections in the environment, as an operator writes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from counterflow import connections, keys, nightly
from counterflow.sealing import Seal
from counterflow.settings import Settings
from tests.servers.nginx import Nginx
from tests.servers.s3 import REGION, S3
from tests.servers.sshd import Sshd
from tests.support import KEYRING, NIGHT, Agency

NAME = "mission_test"  # of the contracts of tests/support.py


def define(monkeypatch: pytest.MonkeyPatch, said: Mapping[str, Any], name: str = NAME) -> None:
    """A connection in the environment, in place of what was known of it."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(said))
    connections.forget()


def asking(settings: Settings) -> Settings:
    """Settings under which Airflow's chain is asked for connections."""
    return replace(settings, connections="airflow")


def over_sftp(server: Sshd, port: int | None = None, **extra: Any) -> dict[str, Any]:
    """A connection with the private key; `password=` among the extra takes its place."""
    said = {"host_key": server.host_key, "path": "{mission}", **extra}
    password = said.pop("password", None)
    if password is None:
        said.setdefault("private_key", server.private_key)
    return {
        "conn_type": "sftp",
        "host": server.host,
        "port": port or server.port,
        "login": server.user,
        "password": password,
        "extra": {key: value for key, value in said.items() if value is not None},
    }


def over_s3(server: S3, **extra: Any) -> dict[str, Any]:
    """A connection with the server's key."""
    told = {"endpoint_url": server.endpoint, "bucket": server.bucket, "region_name": REGION}
    return {
        "conn_type": "aws",
        "login": server.access_key,
        "password": extra.pop("password", server.secret_key),
        "extra": {**told, "path": "{mission}", **extra},
    }


def over_https(server: Nginx, kind: str = "html", **extra: Any) -> dict[str, Any]:
    """A connection with the token, to one of the server's ways to list."""
    listing = {"html": "index", "json": "index", "dav": "webdav", "plain": "dated"}[kind]
    told = {"ca": server.ca.read_text(), "path": f"{kind}/{{mission}}", "listing": listing}
    return {
        "conn_type": "http",
        "host": f"https://{server.host}",
        "port": extra.pop("port", server.port),
        "login": extra.pop("login", None),
        "password": extra.pop("password", server.token),
        "extra": {key: value for key, value in {**told, **extra}.items() if value is not None},
    }


def agency(folder: Path, **changes: Any) -> Agency:
    """The small agency, with the keys that make case keys comparable."""
    made = Agency(folder, **changes)
    keys_folder = made.settings.keys
    keys_folder.mkdir(parents=True, mode=0o700)
    for name, key in ((keys.MASTER, KEYRING.master), (keys.LINKING, KEYRING.linking)):
        (keys_folder / name).touch(0o600)
        (keys_folder / name).write_text(key.hex())
    made.settings = asking(made.settings)
    return made


def night(made: Agency, on: date = NIGHT) -> dict[str, tuple[str, str]]:
    """Plan, ingest and validate a night; mission → status and message."""
    plan = nightly.plan(made.settings, on)
    for mission in plan.changed:
        nightly.ingest(made.settings, on, mission)
    nightly.validate(made.settings, on)
    report = nightly.report(made.settings, on, plan.statuses)
    return {line.mission: (line.status, line.message) for line in report.lines}


def landed(settings: Settings) -> dict[str, str]:
    """Landed Parquet by path → hash of its rows in their order."""
    seal, root = Seal.of(settings), settings.landing
    return {
        str(path.relative_to(root)): hashlib.sha256(
            json.dumps(seal.read(path).to_pylist(), default=str).encode()
        ).hexdigest()
        for path in sorted(root.rglob("*.parquet"))
    }
