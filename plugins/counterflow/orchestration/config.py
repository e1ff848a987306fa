"""What a local Airflow is told: settings and a port in, `airflow.cfg` and an environment out.

Everything lives in `$COUNTERFLOW_HOME/airflow`, which is its AIRFLOW_HOME. Secrets are made once per
installation, into files only their owner reads; the configuration names the files, so that no secret
is in an environment, on a command line or in `airflow.cfg`.
"""

from __future__ import annotations

import base64
import configparser
import json
import os
import secrets
import shlex
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from counterflow.settings import PROJECT, Settings

DAG_ID = "nightly"
POOL = "missions"
USER = "admin"
DEADLINE = "06:00"  # UTC; a night that is not published by then is told (dags/nightly.py)
HOST = "127.0.0.1"  # the laptop shape serves only its own machine

# Who does what → the role of Airflow's simple auth manager (tests/orchestration/test_roles.py tries them).
ROLES = {
    "engineer": "op",  # runs everything, with connections, variables and pools
    "officer": "user",  # runs DAGs and answers for releases; no connections, no variables
    "steward": "viewer",  # sees runs, states and logs, and changes nothing
    "analyst": "viewer",
}

Options = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class LocalAirflow:
    """One local installation: where it is, which port its API has, whether its schedule is on."""

    settings: Settings
    port: int
    scheduled: bool = False
    dags: Path = PROJECT / "dags"
    plugins: Path = PROJECT / "plugins"

    @property
    def home(self) -> Path:
        """AIRFLOW_HOME."""
        return self.settings.home / "airflow"

    @property
    def url(self) -> str:
        """Where the UI, the REST API and the tasks' API answer."""
        return f"http://{HOST}:{self.port}"

    @property
    def database(self) -> Path:
        """Airflow's own metadata; nothing of a case is in it."""
        return self.home / "airflow.db"

    @property
    def passwords(self) -> Path:
        """The login of the UI, in the form Airflow's simple auth manager reads."""
        return self.home / "secrets" / "passwords.json"

    def secret(self, name: str) -> Path:
        """The file of one secret."""
        return self.home / "secrets" / name

    def password(self, user: str = USER) -> str:
        """The password of a user of the UI."""
        passwords: dict[str, str] = json.loads(self.passwords.read_text())
        return passwords[user]

    def write(self) -> Path:
        """Make what is missing of the secrets, then write `airflow.cfg` anew."""
        make_secrets(self.home / "secrets")
        make_login(self.passwords, self.users())
        parser = configparser.RawConfigParser()
        parser.read_dict(self.options())
        path = self.home / "airflow.cfg"
        with _private(path, exclusive=False) as file:
            parser.write(file)
        return path

    def users(self) -> dict[str, str]:
        """Login → Airflow's role: the one administrator, and whom COUNTERFLOW_USERS names. Raises ValueError."""
        return {USER: "admin"} | users_of(self.settings.users)

    def options(self) -> Options:
        """Airflow's configuration, with the reason of each value that is not Airflow's own.

        What they are worth, for 72 empty mapped tasks on two cores (seconds from trigger to end): 63 with
        Airflow's own values and parallelism 3; 34 with the heartbeat of 1 s; 29 with one XCom a task
        and parallelism 4; 20 with the preload and the warmed API (`Api.wait_for_dag`); 16 to 19 once
        Arrow, Great Expectations and dbt are preloaded too, which then cost a task nothing.
        """
        return {
            "core": {
                "dags_folder": str(self.dags),
                "plugins_folder": str(self.plugins),
                "executor": "LocalExecutor",
                # Workers are forked from a scheduler that has imported what tasks need
                # (plugins/airflow_local_settings.py); Python 3.14 would start them empty.
                "mp_start_method": "fork",
                "execute_tasks_new_python_interpreter": "False",
                # Ingest is all CPU. Two more than the cores keep them busy while a worker waits for the
                # scheduler's next loop; with 32 (the default) the API server answers too late.
                "parallelism": str(self.settings.workers + 2),
                "max_active_tasks_per_dag": str(self.settings.workers + 2),
                "load_examples": "False",
                "dags_are_paused_at_creation": "False",
                # A server that does not answer is asked again after a minute, twice.
                "default_task_retry_delay": "60",
                "execution_api_server_url": f"{self.url}/execution/",
                "simple_auth_manager_users": ",".join(map(":".join, self.users().items())),
                "simple_auth_manager_passwords_file": str(self.passwords),
                "fernet_key_cmd": _cat(self.secret("fernet_key")),
                # An import error in the UI names the error and not the values around it.
                "dagbag_import_error_tracebacks": "False",
                # What a task was called with is a mission and a night; nothing to keep for long.
                "num_dag_runs_to_retain_rendered_fields": "3",
            },
            "database": {
                # plugins/airflow_local_settings.py spares each commit its wait for the disk (1 to 8 ms, thousands a night).
                "sql_alchemy_conn": f"sqlite:///{self.database}",
            },
            "logging": {
                "base_log_folder": str(self.home / "logs"),
                "logging_level": "INFO",
                "colored_console_log": "False",
            },
            "api": {
                "host": HOST,
                "port": str(self.port),
                "base_url": self.url,
                # One process: SQLite takes one writer, and each further one costs 5 s of imports.
                "workers": "1",
                "secret_key_cmd": _cat(self.secret("api_secret_key")),
                "expose_config": "False",
                "expose_stacktrace": "False",
            },
            "api_auth": {
                "jwt_secret_cmd": _cat(self.secret("jwt_secret")),
            },
            "workers": {
                # A task's supervisor often notices its end only when its wait for the next heartbeat
                # is over (a third of 72 empty tasks took 5.2 s instead of 0.2 s with the default 5).
                "min_heartbeat_interval": "1",
            },
            "scheduler": {
                # A finished task frees its place only in the scheduler's next loop.
                "scheduler_idle_sleep_time": "0.2",
                # The demo starts its one run itself; `make up` lets the schedule do so.
                "use_job_schedule": str(self.scheduled),
                "catchup_by_default": "False",
                # What a worker has in hand plus what it may get next, for 72 missions in few loops.
                "max_tis_per_query": "0",
            },
            **self._metrics(),
            "dag_processor": {
                # DAG files change with a release, not by the minute; each parse costs a fork.
                "min_file_process_interval": "300",
                "refresh_interval": "300",
                "parsing_processes": "1",
                "dag_bundle_storage_path": str(self.home / "bundles"),
                "print_stats_interval": "0",
            },
        }

    def environment(self) -> dict[str, str]:
        """The environment of its processes: this one's, without another Airflow's settings."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if (not name.startswith(("AIRFLOW__", "_AIRFLOW")) or self._is_of_secrets(name))
            # Without bytecode every process pays 5 to 15 s of compiling.
            and name not in {"PYTHONDONTWRITEBYTECODE", "AIRFLOW_CONFIG"}
        }
        if self.scheduled:
            kept.setdefault("COUNTERFLOW_DEADLINE", DEADLINE)
        local = ",".join(filter(None, [os.environ.get("NO_PROXY"), HOST, "localhost"]))
        return kept | {
            "AIRFLOW_HOME": str(self.home),
            "COUNTERFLOW_HOME": str(self.settings.home),
            "COUNTERFLOW_EXPORTS": str(self.settings.exports),
            "COUNTERFLOW_MISSIONS": str(self.settings.missions),
            "COUNTERFLOW_KEYS": self.settings.key_source,
            # Airflow's roles do not tell analysts from stewards, and some pages are for analysts alone.
            "COUNTERFLOW_USERS": self.settings.users,
            "COUNTERFLOW_PAGES": ",".join(self.settings.pages_built) or "none",
            "COUNTERFLOW_CONNECTIONS": {"task": "auto"}.get(
                self.settings.connections, self.settings.connections
            ),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
            # Tasks call the API on this machine: never through a proxy.
            "NO_PROXY": local,
            "no_proxy": local,
            # Tasks are the parallelism here; threads of a library would only wait for each other, and
            # do not survive the fork that makes a task.
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            # Nothing is told to anybody.
            "DO_NOT_TRACK": "1",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "GX_ANALYTICS_ENABLED": "false",
        }

    def _metrics(self) -> Options:
        """Airflow's own metrics to where ours go: queued tasks, the scheduler's heartbeat, parse errors."""
        if not self.settings.statsd:
            return {}
        host, _, port = self.settings.statsd.rpartition(":")
        to = {"statsd_on": "True", "statsd_host": host.strip("[]"), "statsd_port": port}
        return {"metrics": {**to, "statsd_prefix": "airflow"}}

    def _is_of_secrets(self, name: str) -> bool:
        """Where keys or connections are in a secrets backend, how it is reached is the one thing taken over."""
        of_secrets = ("AIRFLOW__SECRETS__", "AIRFLOW__WORKERS__SECRETS_BACKEND")
        asked = "airflow" in (self.settings.key_source, self.settings.connections)
        return asked and name.startswith(of_secrets)


def make_secrets(folder: Path) -> None:
    """The keys an Airflow signs and encrypts with, made once."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    fernet = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    secret_file(folder / "fernet_key", fernet)
    secret_file(folder / "jwt_secret", secrets.token_urlsafe(48))
    secret_file(folder / "api_secret_key", secrets.token_urlsafe(48))


def users_of(text: str) -> dict[str, str]:
    """`ana:officer, bo:analyst` as login → Airflow's role."""
    found = {}
    for one in filter(None, (part.strip() for part in text.split(","))):
        login, _, role = one.partition(":")
        if not login.isidentifier() or role not in ROLES or login == USER:
            known = ", ".join(ROLES)
            raise ValueError(
                f"COUNTERFLOW_USERS is `login:role` with commas between; roles: {known}"
            )
        found[login] = ROLES[role]
    return found


def make_login(path: Path, users: Iterable[str] = (USER,)) -> None:
    """A password for each user, made once; Airflow would print one of its own into its log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    made = {user: secrets.token_urlsafe(12) for user in users if user not in known}
    if made:
        aside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
        with _private(aside, exclusive=True) as file:
            file.write(json.dumps(known | made) + "\n")
        os.replace(aside, path)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _cat(path: Path) -> str:
    return f"cat {shlex.quote(str(path))}"


def secret_file(path: Path, value: str) -> None:
    """Write a secret once; an existing one is kept, or sessions and stored passwords would be lost."""
    if not path.exists():
        with _private(path, exclusive=True) as file:
            file.write(value)


def _private(path: Path, *, exclusive: bool) -> TextIO:
    """Open for writing, readable by the owner alone from its first moment."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_EXCL if exclusive else os.O_TRUNC)
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8")
