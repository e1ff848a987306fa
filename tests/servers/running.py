"""What all servers of tests share: whether they can run here, a free port, a process that is stopped again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

HOST = "127.0.0.1"
ROOT = os.geteuid() == 0
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))


def program(name: str) -> str | None:
    """Where a server's program is, None if it is not installed."""
    return shutil.which(name, path=_PATH)


def needs(*programs: str, root: bool = False) -> pytest.MarkDecorator:
    """Skip where a program is missing and cannot be installed; root where only root may start it so."""
    missing = [name for name in programs if program(name) is None]
    if missing and ROOT and shutil.which("apt-get"):
        pytest.fail(f"{', '.join(missing)} missing: run `make servers`", pytrace=False)
    lacking = missing + ["root"] * (root and not ROOT)
    return pytest.mark.skipif(bool(lacking), reason=f"needs {', '.join(lacking)} on this machine")


def free_port() -> int:
    """A port on which nothing listens at this moment."""
    with socket.socket() as found:
        found.bind((HOST, 0))
        port: int = found.getsockname()[1]
    return port


@contextmanager
def folder(mode: int = 0o755) -> Iterator[Path]:
    """A short path that servers under other users can enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="counterflow-server-") as made:
        Path(made).chmod(mode)
        yield Path(made)


@contextmanager
def process(
    command: Sequence[str | Path],
    port: int,
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server in a process group of its own, once it listens on `port`; the whole group is ended after."""
    with log.open("wb") as told:
        running = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=told,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        _wait(running, port, log)
        yield running
    finally:
        _end(running)


def _wait(running: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(600):
        if running.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text('utf-8', 'replace')[-2000:]}")
        with socket.socket() as knock:
            if knock.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on {port}: {log.read_text('utf-8', 'replace')[-2000:]}")


def _end(running: subprocess.Popen[bytes]) -> None:
    for way in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(running.pid, way)
        try:
            running.wait(5)
        except subprocess.TimeoutExpired:
            continue
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)  # children that outlived their parent
