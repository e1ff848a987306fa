"""Debian's Redis, with a password and nothing on the disk: what is queued is lost when it is restarted."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tests.servers.running import HOST, folder, free_port, process, program


@dataclass
class Redis:
    """What a client must know."""

    host: str
    port: int
    password: str
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        """For a broker."""
        return f"redis://:{self.password}@{self.host}:{self.port}/0"

    def restart(self) -> None:
        """All that was queued is gone."""
        self._running.close()
        self.start()

    def start(self) -> None:
        """Run it."""
        home = self._running.enter_context(folder())
        config = (
            home / "redis.conf"
        )  # not an argument: its password would be in the list of processes
        config.write_text(
            f"bind {self.host}\nport {self.port}\nrequirepass {self.password}\nsave ''\nappendonly no\n"
            f"dir {home}\n".replace("''", '""')
        )
        command = [program("redis-server") or "redis-server", config]
        self._running.enter_context(process(command, self.port, home / "log"))


@contextmanager
def redis(port: int | None = None) -> Iterator[Redis]:
    """A running server."""
    server = Redis(HOST, port or free_port(), secrets.token_hex(16))
    server.start()
    try:
        yield server
    finally:
        server._running.close()
