"""OpenSSH's sshd, serving SFTP from one folder to one user.

As root it has a user of its own for its life, with a password and a key. Otherwise the user is who runs the
test, and only the key opens: nobody but root can look a password up.
"""

from __future__ import annotations

import getpass
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.running import HOST, ROOT, folder, free_port, process, program

CONFIG = """\
ListenAddress {host}:{port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication {password}
PubkeyAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
LogLevel VERBOSE
Subsystem sftp internal-sftp
ForceCommand internal-sftp -d {root}
"""


@dataclass(frozen=True)
class Sshd:
    """`root` is where the user starts; `host_key` one line of type and key, as in a known_hosts file."""

    host: str
    port: int
    user: str
    password: str
    private_key: str
    host_key: str
    root: Path
    log: Path

    def put(self, name: str, data: bytes, age: float = 3600) -> Path:
        """A file on the server, last changed `age` seconds ago."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        at = path.stat().st_mtime - age
        os.utime(path, (at, at))
        for one in (path, *path.parents):
            if self.root in (one, *one.parents):
                one.chmod(0o755 if one.is_dir() else 0o644)
        return path


@contextmanager
def sshd(port: int | None = None) -> Iterator[Sshd]:
    """A running sshd with new keys; `port` where a test wants to start another in its place."""
    port = port or free_port()
    with folder() as home, _user(home) as (user, password):
        root = home / "files"
        root.mkdir(mode=0o755)
        for name in ("host_key", "user_key"):
            _keygen(home / name)
        (home / "authorized_keys").write_text((home / "user_key.pub").read_text())
        (home / "authorized_keys").chmod(0o644)
        config = home / "sshd_config"
        config.write_text(
            CONFIG.format(
                host=HOST, port=port, folder=home, root=root, password="yes" if password else "no"
            )
        )
        if ROOT:  # where it drops its privileges; made by systemd elsewhere
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        server = Sshd(
            host=HOST,
            port=port,
            user=user,
            password=password,
            private_key=(home / "user_key").read_text(),
            host_key=" ".join((home / "host_key.pub").read_text().split()[:2]),
            root=root,
            log=home / "log",
        )
        command = [program("sshd") or "sshd", "-D", "-e", "-f", config]
        with process(command, port, server.log):
            yield server


def _keygen(path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(command, check=True)


@contextmanager
def _user(home: Path) -> Iterator[tuple[str, str]]:
    """A user for the server's life and its password; who runs the test, and none, where that is not root."""
    if not ROOT:
        yield getpass.getuser(), ""
        return
    name, password = f"cf{secrets.token_hex(5)}", secrets.token_urlsafe(18)
    make = ["useradd", "--no-create-home", "--no-user-group", "--home-dir", str(home),
            "--shell", "/bin/sh", name]  # fmt: skip
    _change_users(make)
    try:
        _change_users(["chpasswd"], f"{name}:{password}")
        yield name, password
    finally:
        _change_users(["userdel", name])


def _change_users(command: list[str], said: str = "") -> None:
    """Run a command that locks the file of users, which another test may do at the same moment."""
    for _ in range(200):
        done = subprocess.run(command, input=said, text=True, capture_output=True, check=False)
        if done.returncode == 0:
            return
        time.sleep(0.05)
    raise RuntimeError(f"{command[0]}: {done.stderr}")
