"""The secrets of the one-server shape: a folder in, files that only their owner reads out.

Run as `python -m counterflow.orchestration.server_secrets [FOLDER]`; `docker-compose.yml` mounts them.
What is there already is kept: a new Fernet key could not read the connections stored with the old one.
"""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

from counterflow.orchestration.config import make_secrets, secret_file
from counterflow.settings import PROJECT

FOLDER = PROJECT / "var" / "secrets"


def main(folder: Path = FOLDER) -> None:
    """Make what is missing."""
    make_secrets(folder)
    # in a URL, where only letters and digits need no escaping
    secret_file(folder / "postgres_password", secrets.token_hex(24))
    print(f"secrets in {folder}")


if __name__ == "__main__":
    main(*[Path(argument) for argument in sys.argv[1:2]])
