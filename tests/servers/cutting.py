"""A line that breaks: a port that hands on to another one, and cuts off after so many bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.servers.running import HOST


@dataclass
class Cutter:
    """`after` is how many bytes from the server a connection lets through; `left` how many it still cuts."""

    target: int
    after: int
    left: int
    port: int = 0
    connections: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def cutting(target: int, after: int, left: int) -> Iterator[Cutter]:
    """Hand connections on to the port `target`; the first `left` are cut after `after` bytes."""
    listener = socket.socket()
    listener.bind((HOST, 0))
    listener.listen(16)
    cutter = Cutter(target, after, left, listener.getsockname()[1])
    threading.Thread(target=_serve, args=(listener, cutter), daemon=True).start()
    try:
        yield cutter
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _serve(listener: socket.socket, cutter: Cutter) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with cutter.lock:
            cutter.connections += 1
            cuts = cutter.left > 0
            cutter.left -= cuts
        server = socket.create_connection((HOST, cutter.target))
        budget = cutter.after if cuts else None
        threading.Thread(target=_pump, args=(client, server, None), daemon=True).start()
        threading.Thread(target=_pump, args=(server, client, budget), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket, budget: int | None) -> None:
    with suppress(OSError):
        while data := source.recv(4096):
            if budget is not None:
                data = data[:budget]
                budget -= len(data)
            sink.sendall(data)
            if budget == 0:
                break
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
