"""The secrets of a server and of a cluster: a folder in, files that only their owner reads out.

Run as `python -m counterflow.orchestration.server_secrets [--cluster] [FOLDER]`; `docker-compose.yml` mounts them.
What is there already is kept: a new Fernet key could not read the connections stored with the old one.

Of a cluster there are two files more that Airflow reads as a secrets backend of its own
(LocalFilesystemBackend): `variables.json` with the two keys of the agency, `connections.json` with how workers reach
what they share. An agency with a vault puts these there instead.
"""

from __future__ import annotations

import argparse
import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from counterflow.keys import LINKING, MASTER
from counterflow.keys_airflow import VARIABLES
from counterflow.orchestration.config import make_secrets, secret_file
from counterflow.settings import DATABASE_CONNECTION, PROJECT, STORE_CONNECTION

FOLDER = PROJECT / "var" / "secrets"
DATABASE = "counterflow"  # the role, and its database, that locks and a DuckLake's catalogue are in
VARIABLES_FILE, CONNECTIONS_FILE = "variables.json", "connections.json"


def main(arguments: Sequence[str] | None = None) -> None:
    """Make what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cluster", action="store_true", help="those of workers that share a store, too"
    )
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    make_server(options.folder)
    if options.cluster:
        make_cluster(options.folder)
    print(f"secrets in {options.folder}")


def make_server(folder: Path) -> None:
    """Of one server: Airflow's keys, the password of its database."""
    make_secrets(folder)
    # in a URL, where only letters and digits need no escaping
    secret_file(folder / "postgres_password", secrets.token_hex(24))


def make_cluster(folder: Path) -> None:
    """Of a cluster: the password of Redis, the agency's keys, the connections to store and database."""
    secret_file(folder / "redis_password", secrets.token_hex(24))
    _json(
        folder / VARIABLES_FILE,
        {VARIABLES[name]: secrets.token_hex(32) for name in (MASTER, LINKING)},
    )
    access, secret = secrets.token_hex(10), secrets.token_hex(24)
    _json(
        folder / CONNECTIONS_FILE,
        {
            DATABASE_CONNECTION: {
                "conn_type": "postgres",
                "host": "postgres",
                "login": DATABASE,
                "password": secrets.token_hex(24),
                "schema": DATABASE,
            },
            STORE_CONNECTION: {
                "conn_type": "aws",
                "login": access,
                "password": secret,
                "extra": {"endpoint_url": "http://s3:8333", "region_name": "eu-central-1"},
            },
        },
    )
    made = json.loads((folder / CONNECTIONS_FILE).read_text("utf-8"))[STORE_CONNECTION]
    credentials = {"accessKey": made["login"], "secretKey": made["password"]}
    identity = {
        "name": "counterflow",
        "credentials": [credentials],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    _json(folder / "s3.json", {"identities": [identity]})  # as SeaweedFS reads it


def _json(path: Path, said: dict[str, Any]) -> None:
    secret_file(path, json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main()
