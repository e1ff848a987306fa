"""SFTP, by paramiko: a connection of type `sftp` (or `ssh`) in, an open `Store` out.

The server's key must be the one that the connection's extra pins (`host_key`): a server that is not known is not
given a password. Only the connection's own key or password is tried; no agent, no files of the user.
"""

from __future__ import annotations

import base64
import binascii
import io
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import paramiko

from counterflow.connections import Connection
from counterflow.sources.errors import LinkRefusedError, UnreachableError
from counterflow.sources.quiet import quiet
from counterflow.sources.transport import Entry

_TIMEOUT = 30.0
_CHUNK = 1 << 15
_RSA = ("rsa-sha2-512", "rsa-sha2-256")


@contextmanager
def sftp(connection: Connection, root: str) -> Iterator[SftpStore]:
    """A session, below `root`. Raises LinkRefusedError or UnreachableError."""
    pinned = _pinned(connection)
    key = _own_key(connection)
    if key is None and not connection.password:
        raise connection.refused("it has neither a password nor a private_key")
    quiet("paramiko")
    with _faults(connection):
        line = socket.create_connection((connection.host, connection.port or 22), _TIMEOUT)
    transport = paramiko.Transport(line)
    try:
        with _faults(connection):
            transport.banner_timeout = transport.auth_timeout = _TIMEOUT
            transport.set_keepalive(15)
            options = transport.get_security_options()
            wanted = [
                kind for name, _ in pinned for kind in (_RSA if name == "ssh-rsa" else (name,))
            ]
            others = [kind for kind in options.key_types if kind not in wanted]
            options.key_types = [k for k in wanted if k in options.key_types] + others
            transport.start_client(timeout=_TIMEOUT)
            shown = transport.get_remote_server_key()
            if (shown.get_name(), shown.asbytes()) not in pinned:
                raise connection.refused(
                    "its server shows another host key than the one that is pinned. Nothing was sent to it. "
                    "Ask the mission whether the server was changed, and only then pin the new key"
                )
            if key is not None:
                transport.auth_publickey(connection.login, key)
            else:
                transport.auth_password(connection.login, connection.password, fallback=False)
            client = paramiko.SFTPClient.from_transport(transport)
            if client is None:
                raise UnreachableError("its server opened no SFTP session")
            channel = client.get_channel()
            if channel is not None:
                channel.settimeout(2 * _TIMEOUT)
        yield SftpStore(connection, client, root)
    finally:
        transport.close()


class SftpStore:
    """What a session offers to `remote.RemoteTransport`."""

    settle = 60  # an upload is seen while it grows
    dated: int | None = None

    def __init__(self, connection: Connection, client: paramiko.SFTPClient, root: str) -> None:
        self.connection, self.client, self.root = connection, client, root

    def listing(self, folder: str) -> Iterator[Entry]:
        """Names, sizes and dates; a link is what it leads to."""
        with _faults(self.connection, "the folder of `source.path`"):
            for found in self.client.listdir_iter(self._at(folder)):
                path = f"{folder}/{found.filename}".lstrip("/")
                if stat.S_ISLNK(found.st_mode or 0):
                    if (led := self.stat(path)) is not None:
                        yield led
                else:
                    yield _entry(path, found)

    def stat(self, path: str) -> Entry | None:
        """Size and date of a file or folder."""
        with _faults(self.connection, "the export"):
            try:
                return _entry(path, self.client.stat(self._at(path)))
            except FileNotFoundError:
                return None

    def read(self, entry: Entry, start: int) -> Iterator[bytes]:
        """The bytes from `start` on, many requests ahead."""
        with _faults(self.connection, "the export"), self.client.open(self._at(entry.path)) as file:
            file.seek(start)
            if entry.size is not None:
                _without_last_words(file)
                file.prefetch(entry.size, 64)
            while chunk := file.read(_CHUNK):
                yield chunk

    def _at(self, path: str) -> str:
        return "/".join(part for part in (self.root.rstrip("/") or ".", path) if part)


def _without_last_words(file: Any) -> None:
    """paramiko's thread that asks ahead would print a traceback when the line breaks; the reader tells of it."""
    ask = file._prefetch_thread

    def asked(*arguments: Any) -> None:
        with suppress(OSError, EOFError, paramiko.SSHException):
            ask(*arguments)

    file._prefetch_thread = asked


def _entry(path: str, found: paramiko.SFTPAttributes) -> Entry:
    return Entry(path, stat.S_ISDIR(found.st_mode or 0), found.st_size, found.st_mtime)


@contextmanager
def _faults(connection: Connection, what: str = "its server") -> Iterator[None]:
    """What paramiko raises, in our words: a server's own may hold anything."""
    try:
        yield
    except (LinkRefusedError, UnreachableError):
        raise
    except paramiko.AuthenticationException:
        raise connection.refused("its server refused the password or key") from None
    except FileNotFoundError:
        raise connection.refused(f"{what} is not there") from None
    except PermissionError:
        raise connection.refused(f"{what} may not be read") from None
    except (paramiko.SSHException, paramiko.SFTPError, EOFError, OSError):
        raise UnreachableError("its server did not answer or broke off") from None


def _pinned(connection: Connection) -> set[tuple[str, bytes]]:
    """The keys of which the server must show one, from lines as in a known_hosts file."""
    text = connection.word("host_key").strip()
    if not text:
        raise connection.refused(
            "its extra pins no `host_key`, so that nobody could tell its server from another"
        )
    found = set()
    for line in filter(None, map(str.strip, text.splitlines())):
        words = line.split()
        at = next((n for n, word in enumerate(words) if word.startswith("AAAA")), None)
        if at is None:
            raise connection.refused("its `host_key` is no public key, as in `ssh-ed25519 AAAA…`")
        try:
            blob = base64.b64decode(words[at], validate=True)
            length = int.from_bytes(blob[:4], "big")
            found.add((blob[4 : 4 + length].decode("ascii"), blob))
        except (binascii.Error, UnicodeDecodeError):
            raise connection.refused(
                "its `host_key` is no public key, as in `ssh-ed25519 AAAA…`"
            ) from None
    return found


def _own_key(connection: Connection) -> paramiko.PKey | None:
    """The private key, from the extra (`private_key`) or a file of mode 0600 (`key_file`)."""
    text = connection.word("private_key")
    if file := connection.word("key_file"):
        path = Path(file)
        try:
            if path.stat().st_mode & 0o077:
                raise connection.refused("its `key_file` is open to others: chmod 600 it")
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise connection.refused("its `key_file` cannot be read") from None
    if not text:
        return None
    passphrase = connection.word("private_key_passphrase") or None
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text), password=passphrase)
        except paramiko.PasswordRequiredException:
            raise connection.refused(
                "its private key needs a `private_key_passphrase` in its extra"
            ) from None
        except (paramiko.SSHException, ValueError, IndexError):
            continue
    raise connection.refused("its private key cannot be read, or its passphrase is wrong")
