"""From a connection to the transport of a mission: the connection's type says which.

    sftp, ssh       SFTP                          sources/sftp.py
    aws, s3         S3 and what speaks it         sources/objects.py
    http, https     HTTPS: index, WebDAV, dated   sources/web.py
    fs              a mounted folder              sources/transport.py

`path` of the extra is the folder (prefix, address) that `source.path` starts from; `{mission}` in it stands for
the mission's code, so that many missions may share one connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from counterflow import keys
from counterflow.connections import Connection
from counterflow.contracts import Contract
from counterflow.settings import Settings
from counterflow.sources.hosts import place
from counterflow.sources.transport import FolderTransport, Transport

if TYPE_CHECKING:
    from counterflow.sources.remote import Store

_MOUNTED_SETTLE = 60


def linked(
    settings: Settings, contract: Contract, connection: Connection, ring: keys.Keyring
) -> Transport:
    """The transport of a mission whose connection is defined. Raises LinkRefusedError."""
    root = connection.word("path").replace("{mission}", contract.mission)
    if connection.kind == "fs":
        if not root.startswith("/"):
            raise connection.refused("`path` in its extra is the mounted folder, from the root")
        if not Path(root).is_dir():
            raise connection.refused("its folder is not there: is it mounted?")
        return FolderTransport(Path(root), by_mission=False, settle=_MOUNTED_SETTLE)

    from counterflow.sources.remote import RemoteTransport
    from counterflow.sources.seen import Seen

    opened = _opener(connection)

    @contextmanager
    def session() -> Iterator[Store]:
        with _place(settings, connection), opened(connection, root) as store:
            yield store

    seen = Seen(
        settings.landing / contract.mission / "seen.json",
        keys.derive(ring.master, contract.mission, "seen"),
        f"{connection.name}\n{connection.kind}\n{connection.host}\n{connection.port}\n{root}",
    )
    return RemoteTransport(contract, session, seen)


def _opener(connection: Connection) -> Callable[[Connection, str], AbstractContextManager[Store]]:
    """How a session is opened; the client's library is loaded only now."""
    if connection.kind in ("sftp", "ssh"):
        from counterflow.sources.sftp import sftp

        return sftp
    if connection.kind in ("aws", "s3"):
        from counterflow.sources.objects import objects

        return objects
    if connection.kind in ("http", "https"):
        from counterflow.sources.web import web

        return web
    raise connection.refused("its type is none of sftp, aws, http and fs")


def _place(settings: Settings, connection: Connection) -> AbstractContextManager[int]:
    """One of the sessions that its server allows: of the connection's extra, or of the settings."""
    sessions = connection.number("sessions", settings.host_sessions)
    host = connection.word("endpoint_url") or connection.host or connection.kind
    return place(settings.hosts, f"{host}:{connection.port or ''}", sessions)
