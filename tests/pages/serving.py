"""The pages served on a free port of this machine, without Airflow: who asks may see them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI, Request

from counterflow.orchestration.config import free_port
from counterflow.pages.app import Reader, create_app
from counterflow.settings import Settings


async def everybody(_: Request) -> Reader:
    return Reader(analyses=True)


@contextmanager
def served(settings: Callable[[], Settings]) -> Iterator[str]:
    """The address, without a slash at its end."""
    outer = FastAPI()
    outer.mount("/counterflow", create_app(settings, everybody))
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(outer, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/counterflow"
    finally:
        server.should_exit = True
        thread.join()
