"""A peer's own environment: a lock in, its Python out. Peers are never part of what Counterflow installs.

What is locked is installed with its hashes, into `.peers/<name>`, which is kept while the lock is the same.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from counterflow.settings import PROJECT

LOCKS = PROJECT / "tests" / "peers"
# Nothing is told to anybody, and the peer does not look for a newer version of itself.
QUIET = {"RUNTIME__DLTHUB_TELEMETRY": "false", "DO_NOT_TRACK": "1"}


def python(name: str, lock: Path | None = None, folder: Path = PROJECT / ".peers") -> Path:
    """The interpreter of the environment that is locked as `name`."""
    lock = lock or LOCKS / f"{name}.lock"
    home, found = folder / name, folder / name / "bin" / "python"
    mark = home / "installed"
    if not mark.exists() or mark.read_bytes() != lock.read_bytes():
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(found), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "--requirement", str(lock)], check=True)
        # Compiled now, not while the first run is timed.
        subprocess.run([str(found), "-m", "compileall", "-q", str(home / "lib")], check=False)
        mark.write_bytes(lock.read_bytes())
    return found


def environment() -> dict[str, str]:
    """That of a peer's process."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | QUIET
