"""A cluster on this machine: what docker-compose.yml says, on Debian's PostgreSQL and Redis and an S3 server.

The environment and the commands are those of the compose file; addresses, paths and the patience for a lost worker
are this machine's. Every worker has a home and an Airflow home of its own: what workers share is PostgreSQL
and object storage. Each process leads a session, so that killing a worker kills the task that it runs.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import yaml

from counterflow.orchestration.api import Api, ApiError, Json
from counterflow.orchestration.config import DAG_ID
from counterflow.orchestration.processes import members
from counterflow.orchestration.server_secrets import make_cluster, make_server
from counterflow.settings import PROJECT, Settings
from tests.servers.postgres import Postgres, postgres
from tests.servers.redis import Redis, redis
from tests.servers.running import HOST, free_port
from tests.servers.s3 import S3, s3

COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
# A night of production waits longer before it gives a worker up (docs/scale.md).
HURRY = {
    "AIRFLOW_RETRY_DELAY": "1",
    "AIRFLOW_QUEUED_TIMEOUT": "25",
}
TESTS_ONLY = {
    "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
    "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
    "AIRFLOW__API__WORKERS": "1",
}


@dataclass
class Cluster:
    """A running cluster. `settings` are those of an agency: its contracts and exports."""

    root: Path
    settings: Settings
    database: Postgres
    broker: Redis
    bucket: S3
    port: int
    concurrency: int = 2
    patience: int = 10  # seconds after which a silent task is lost
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    services: dict[str, str] = field(
        default_factory=dict
    )  # name → which service of the compose file
    restarted: list[str] = field(default_factory=list)  # what ended by itself, as compose does it
    url: str = ""  # of the API
    connections: dict[str, Any] = field(default_factory=dict)

    # --- what processes are told ---------------------------------------------------------------------

    @property
    def secrets(self) -> Path:
        """The files of `make secrets SHAPE=cluster`."""
        return self.root / "secrets"

    @property
    def store(self) -> str:
        """The store's address."""
        return f"s3://{self.bucket.bucket}/counterflow"

    def home(self, worker: str) -> Path:
        """COUNTERFLOW_HOME of a worker."""
        return self.root / worker / "home"

    def worker_settings(self, worker: str) -> Settings:
        """As a worker sees it."""
        return replace(
            self.settings, home=self.home(worker), store=self.store, encrypt_warehouse=True
        )

    def environment(self, service: str, name: str) -> dict[str, str]:
        """What the compose file tells a service, with this machine's addresses and paths."""
        given = {
            "AIRFLOW_EXECUTOR": "CeleryExecutor",
            "AIRFLOW_PARALLELISM": str(2 * self.concurrency + 2),
            "COUNTERFLOW_WORKERS": str(self.concurrency),
            "COUNTERFLOW_KEYS": "airflow",
            "COUNTERFLOW_STORE": self.store,
            "COUNTERFLOW_ENCRYPT_WAREHOUSE": "1",
            "COUNTERFLOW_MAX_FAILED_SHARE": "0.5",
            **HURRY,
            "AIRFLOW_HEARTBEAT_TIMEOUT": str(self.patience),
        }
        here = {
            "/opt/counterflow/dags/missions": str(self.settings.missions),
            "/opt/counterflow": str(PROJECT),
            "/var/lib/airflow": str(self.root / name / "airflow"),
            "/var/lib/counterflow": str(self.home(name)),
            "/exports": str(self.settings.exports),
            "/run/secrets": str(self.secrets),
            "@postgres/": f"@{self.database.host}:{self.database.port}/",
            "@redis:6379": f"@{self.broker.host}:{self.broker.port}",
            "http://api-server:8080": self.url,
            "0.0.0.0": HOST,
            "$$": "$",
        }
        kept = ("AIRFLOW", "COUNTERFLOW", "PYTHONDONTWRITEBYTECODE")
        told = {n: v for n, v in os.environ.items() if not n.startswith(kept)}
        for variable, value in COMPOSE["services"][service]["environment"].items():
            text = re.sub(
                r"\$\{(\w+):-([^}]*)\}", lambda found: given.get(found[1], found[2]), str(value)
            )
            for there, place in here.items():
                text = text.replace(there, place)
            told[variable] = text
        told |= TESTS_ONLY | {"HOME": str(self.root / name), "NO_PROXY": HOST, "no_proxy": HOST}
        told["AIRFLOW__API__PORT"] = str(self.port)
        told["AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT"] = str(free_port())
        # the password of the UI is made by the init service, in the home of all components
        told["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"] = str(
            self.root / "passwords.json"
        )
        told["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{told['PATH']}"
        return told

    def password(self) -> str:
        """Of the UI's one user; `Api` asks for it."""
        passwords: dict[str, str] = json.loads((self.root / "passwords.json").read_text())
        return passwords["admin"]

    # --- processes -----------------------------------------------------------------------------------

    def run(self, service: str) -> None:
        """A service that ends."""
        command = COMPOSE["services"][service]["command"]
        done = subprocess.run(
            [sys.executable, *command[1:]] if command[0] == "python" else command,
            env=self.environment(service, service),
            cwd=self._folder(service),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    def start(self, service: str, name: str | None = None) -> None:
        """A service that stays."""
        name = name or service
        self.services[name] = service
        command = COMPOSE["services"][service]["command"]
        if service == "worker":  # a container has a host name of its own
            command = [*command, "--celery-hostname", f"{name}@{HOST}"]
        with self.log(name).open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment(service, name),
                cwd=self._folder(name),
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """kill -9 of a process and of all that it started."""
        leader = self.running.pop(name)
        for process in list(members([leader.pid])):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        leader.wait()
        psutil.wait_procs(list(members([leader.pid])), timeout=10)

    def stop(self) -> None:
        """End everything."""
        for name in list(self.running):
            self.kill(name)

    def log(self, name: str) -> Path:
        """What a process printed."""
        return self._folder(name) / "output.log"

    def logs(self) -> str:
        """The last of what every process printed."""
        return "\n".join(
            f"--- {path.parent.name}\n{path.read_text('utf-8', 'replace')[-3000:]}"
            for path in sorted(self.root.glob("*/output.log"))
        )

    def stored(self) -> tuple[int, int]:
        """How many objects the store has, and their bytes."""
        pages = self.bucket.client().get_paginator("list_objects_v2")
        sizes = [
            one["Size"]
            for page in pages.paginate(Bucket=self.bucket.bucket)
            for one in page.get("Contents", [])
        ]
        return len(sizes), sum(sizes)

    def tasks_said(self) -> str:
        """What tasks wrote of their faults."""
        lines = (
            line
            for path in sorted(self.root.glob("*/airflow/logs/dag_id=*/**/*.log"))
            for line in path.read_text("utf-8", "replace").splitlines()
            if "error" in line.lower()
        )
        return "\n".join(line[:1500] for line in lines)

    def _folder(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def check(self) -> None:
        """Start again what ended by itself, as `restart: unless-stopped` does; raise if it ends again and again."""
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                self.restarted.append(name)
                assert self.restarted.count(name) <= 3, f"{name} ended\n{self.logs()}"
                self.start(self.services[name], name)

    def api(self) -> _Patient:
        """A session with the API server."""
        return _Patient(self, self.check)  # type: ignore[arg-type]

    # --- what is looked at ---------------------------------------------------------------------------

    def worker_that(self, holds: str, timeout: float = 240.0, at_least: int = 1) -> str:
        """The worker in whose home files of this pattern appear first."""
        ends = time.monotonic() + timeout
        while time.monotonic() < ends:
            self.check()
            for name in self.running:
                if len(list(self.home(name).glob(holds))) >= at_least:
                    return name
            time.sleep(0.05)
        raise AssertionError(f"no worker has {holds}\n{self.logs()}")


class _Patient(Api):
    """Asks again what a server cannot answer whose database, or who itself, is being restarted."""

    def define(self, name: str, said: Json) -> None:
        """A connection in Airflow's database, as somebody makes one in its UI."""
        self._post("/api/v2/connections", {"connection_id": name, **said})

    def _get(self, path: str) -> Json:
        ends = time.monotonic() + 60
        while True:
            try:
                return super()._get(path)
            except (ApiError, OSError):
                if time.monotonic() > ends or "dagRuns" not in path:
                    raise
                self._alive()
                time.sleep(0.5)


@contextmanager
def cluster(
    root: Path,
    settings: Settings,
    workers: tuple[str, ...] = ("worker-1", "worker-2"),
    concurrency: int = 2,
    connections: dict[str, Any] | None = None,
    variables: dict[str, str] | None = None,
    patience: int = 10,
) -> Iterator[Cluster]:
    """A running cluster over an agency's contracts and exports; all ended when the block is left."""
    with ExitStack() as stack:
        bucket = stack.enter_context(s3("counterflow"))
        database = stack.enter_context(postgres())
        broker = stack.enter_context(redis())
        port = free_port()
        made = Cluster(
            root, settings, database, broker, bucket, port, concurrency, patience,
            url=f"http://{HOST}:{port}",
        )  # fmt: skip
        _secrets(made, connections or {}, variables or {})
        stack.callback(made.stop)
        made.run("init")
        made.run("init-cluster")
        for service in ("api-server", "dag-processor", "scheduler"):
            made.start(service)
        for name in workers:
            made.start("worker", name)
        made.api().wait_for_dag(DAG_ID, 180.0)
        yield made


def _secrets(made: Cluster, connections: dict[str, Any], variables: dict[str, str]) -> None:
    """The files of `make secrets SHAPE=cluster`, with this machine's addresses and the servers' passwords."""
    make_server(made.secrets)
    make_cluster(made.secrets)
    (made.secrets / "redis_password").write_text(made.broker.password)
    made.database.run("create role airflow superuser login")
    password = (made.secrets / "postgres_password").read_text()
    made.database.run(f"alter role airflow password '{password}'")
    made.database.run("create database airflow owner airflow")
    path = made.secrets / "connections.json"
    said = json.loads(path.read_text())
    said["counterflow_database"] |= {"host": made.database.host, "port": made.database.port}
    said["counterflow_store"] |= {
        "login": made.bucket.access_key,
        "password": made.bucket.secret_key,
        "extra": {"endpoint_url": made.bucket.endpoint, "region_name": "eu-central-1"},
    }
    path.write_text(json.dumps(said | connections))
    path = made.secrets / "variables.json"
    keys = json.loads(path.read_text())
    path.write_text(json.dumps(keys | variables))
    folder = made.settings.home / "keys"  # the laptop's run has the same keys
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    for variable, name in (
        ("counterflow_master_key", "master.key"),
        ("counterflow_linking_key", "linking.key"),
    ):
        (folder / name).touch(0o600)
        (folder / name).write_text(keys[variable] + "\n")
