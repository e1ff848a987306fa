"""Where everything is and what may be tuned: environment variables in, one `Settings` out.

Every other module takes a `Settings`; none reads the environment.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from counterflow.locks import Lock

PROJECT = Path(__file__).resolve().parents[2]  # the checkout: dags/, expectations/, dbt_project/
STORE_CONNECTION, DATABASE_CONNECTION = "counterflow_store", "counterflow_database"


PAGES = "docs/runbooks/"


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days what is kept is kept (counterflow.retention). What is in force stays whatever its age."""

    exports: int = 90  # landed exports after the last night that names them
    records: int = 3650  # night records: counts
    publications: int = (
        30  # kept publications, of which there are never more than `kept_publications`
    )
    drops: int = 14  # exports that were dropped by hand and never landed
    logs: int = 30  # files of dbt and Airflow, lineage events
    airflow: int = 90  # runs, task instances and XCom in Airflow's database

    @classmethod
    def from_env(cls) -> Retention:
        """Periods from COUNTERFLOW_KEEP_*; raises ValueError for what is no number of days."""
        texts = {
            "exports": os.environ.get("COUNTERFLOW_KEEP_EXPORTS_DAYS"),
            "records": os.environ.get("COUNTERFLOW_KEEP_RECORDS_DAYS"),
            "publications": os.environ.get("COUNTERFLOW_KEEP_PUBLICATIONS_DAYS"),
            "drops": os.environ.get("COUNTERFLOW_KEEP_DROPS_DAYS"),
            "logs": os.environ.get("COUNTERFLOW_KEEP_LOGS_DAYS"),
            "airflow": os.environ.get("COUNTERFLOW_KEEP_AIRFLOW_DAYS"),
        }
        given = {name: text for name, text in texts.items() if text is not None}
        for name, text in given.items():
            if not text.isdecimal() or int(text) < 1:
                variable = f"COUNTERFLOW_KEEP_{name.upper()}_DAYS"
                raise ValueError(f"{variable} must be a whole number of days, 1 or more")
        return cls(**{name: int(text) for name, text in given.items()})


@dataclass(frozen=True, slots=True)
class Notices:
    """Who is told of a night (counterflow.telling). Hosts and passwords are Airflow's connections."""

    mail_to: tuple[str, ...] = ()
    chat: bool = False  # an incoming webhook
    desks: bool = (
        False  # each steward's desk its own missions, where Airflow has a variable with its address
    )
    heartbeat: bool = False  # a digest every night, also when nothing is new
    pages: str = PAGES  # what links to runbooks begin with

    @classmethod
    def from_env(cls) -> Notices:
        """From COUNTERFLOW_MAIL_TO, _CHAT, _MAIL_DESKS, _HEARTBEAT, _RUNBOOKS. Raises ValueError."""
        to = [one.strip() for one in os.environ.get("COUNTERFLOW_MAIL_TO", "").split(",")]
        if any("@" not in one for one in to if one):
            raise ValueError("COUNTERFLOW_MAIL_TO is addresses with commas between them")
        pages = os.environ.get("COUNTERFLOW_RUNBOOKS") or PAGES
        return cls(
            mail_to=tuple(one for one in to if one),
            chat=_is_on("COUNTERFLOW_CHAT", os.environ.get("COUNTERFLOW_CHAT")),
            desks=_is_on("COUNTERFLOW_MAIL_DESKS", os.environ.get("COUNTERFLOW_MAIL_DESKS")),
            heartbeat=_is_on("COUNTERFLOW_HEARTBEAT", os.environ.get("COUNTERFLOW_HEARTBEAT")),
            pages=pages if pages.endswith("/") else f"{pages}/",
        )


def _is_on(variable: str, said: str | None) -> bool:
    said = said or "0"
    if said not in ("0", "1"):
        raise ValueError(f"{variable} is `1` or `0` (the default)")
    return said == "1"


def _lineage(said: str | None) -> str:
    said = said or "file"
    if said not in ("file", "server", "off"):
        raise ValueError("COUNTERFLOW_LINEAGE is `file` (the default), `server` or `off`")
    return said


def _address(variable: str, said: str | None) -> str:
    """A host and a port, or nothing."""
    said = said or ""
    host, _, port = said.rpartition(":")
    if said and not (host and port.isdecimal()):
        raise ValueError(f"{variable} is an address as localhost:8125")
    return said


@dataclass(frozen=True, slots=True)
class Settings:
    """Paths and thresholds of one installation.

    `home` holds what runs produce (`landing/`, `build/`, `warehouse/`, `keys/`, `airflow/`);
    `exports` is the folder with one folder per mission; `missions` the folder of contracts.
    """

    home: Path
    exports: Path
    missions: Path
    expectations: Path = PROJECT / "expectations"
    dbt_project: Path = PROJECT / "dbt_project"
    max_failed_share: float = 0.25  # above this share of missions failed or refused, no publication
    kept_publications: int = 3
    encrypt_warehouse: bool = False  # what analysts open, too; landing and build always are
    retention: Retention = Retention()
    notices: Notices = Notices()
    max_age_hours: float = 30  # since the last publication; more, and `status` says bad
    deadline: str = ""  # HH:MM, UTC, where the schedule is on; read by dags/nightly.py
    # Sets of pages that a night builds after its publication (counterflow.pages.sets); from the environment: all.
    pages_built: tuple[str, ...] = ()
    users: str = ""  # `login:role, …` of Airflow's UI, beside its administrator
    log_json: bool = False  # `counterflow nightly` logs its steps to standard error as JSON
    statsd: str = ""  # host:port that metrics go to; empty: nowhere
    lineage: str = (
        "file"  # where lineage events go: "file", "server" (as OPENLINEAGE_* say) or "off"
    )
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    isolated: bool = (
        True  # each export is read in a process of its own, within its contract's limits
    )
    key_source: str = "files"  # or "airflow": the keys come from Airflow's secrets backends
    # Who is asked for a mission's connection: "task" is Airflow in its tasks, "airflow" its chain anywhere,
    # "none" nobody: every export comes from the folder `exports`.
    connections: str = "task"
    host_sessions: int = 4  # with one server at once, unless its connection says otherwise
    warehouse_shape: str = "file"  # or "ducklake": what is published is in the store as well
    store: str | None = None  # s3://bucket/prefix, which several machines share; None: one machine
    store_connection: str = STORE_CONNECTION  # ids of connections: how store and locks are reached
    database_connection: str = DATABASE_CONNECTION

    @classmethod
    def from_env(cls, exports: Path | None = None) -> Settings:
        """Settings from COUNTERFLOW_* variables; `exports` given on a command line wins."""
        home = Path(os.environ.get("COUNTERFLOW_HOME", PROJECT / "var")).resolve()
        folder = exports or Path(os.environ.get("COUNTERFLOW_EXPORTS", home / "exports"))
        nested = folder / "exports"  # `generate --out DIR` writes DIR/exports: both may be named
        source = os.environ.get("COUNTERFLOW_KEYS") or "files"
        if source not in ("files", "airflow"):
            raise ValueError(
                "COUNTERFLOW_KEYS is `files` (the folder keys/, the default) or `airflow`"
            )
        encrypt = os.environ.get("COUNTERFLOW_ENCRYPT_WAREHOUSE") or "0"
        if encrypt not in ("0", "1"):  # who writes `yes` must not be given a plain file
            raise ValueError("COUNTERFLOW_ENCRYPT_WAREHOUSE is `1` or `0` (the default)")
        store = os.environ.get("COUNTERFLOW_STORE") or None
        if store is not None:
            _refuse_store(store, encrypt == "1")
        shape = os.environ.get("COUNTERFLOW_WAREHOUSE") or "file"
        if shape not in ("file", "ducklake") or (shape == "ducklake" and store is None):
            raise ValueError(
                "COUNTERFLOW_WAREHOUSE is `file` (the default), or `ducklake` where there is a COUNTERFLOW_STORE"
            )
        return cls(
            home=home,
            exports=(nested if nested.is_dir() else folder).resolve(),
            missions=Path(
                os.environ.get("COUNTERFLOW_MISSIONS", PROJECT / "dags" / "missions")
            ).resolve(),
            max_failed_share=float(os.environ.get("COUNTERFLOW_MAX_FAILED_SHARE", 0.25)),
            encrypt_warehouse=encrypt == "1",
            retention=Retention.from_env(),
            notices=Notices.from_env(),
            max_age_hours=float(os.environ.get("COUNTERFLOW_MAX_AGE_HOURS") or 30),
            deadline=os.environ.get("COUNTERFLOW_DEADLINE") or "",
            pages_built=_pages(os.environ.get("COUNTERFLOW_PAGES")),
            users=os.environ.get("COUNTERFLOW_USERS") or "",
            log_json=os.environ.get("COUNTERFLOW_LOG") == "json",
            statsd=_address("COUNTERFLOW_STATSD", os.environ.get("COUNTERFLOW_STATSD")),
            lineage=_lineage(os.environ.get("COUNTERFLOW_LINEAGE")),
            workers=int(os.environ.get("COUNTERFLOW_WORKERS", os.cpu_count() or 1)),
            key_source=source,
            connections=_connections(source, exports),
            host_sessions=_whole(
                "COUNTERFLOW_HOST_SESSIONS", os.environ.get("COUNTERFLOW_HOST_SESSIONS"), 4
            ),
            warehouse_shape=shape,
            store=store,
            store_connection=os.environ.get("COUNTERFLOW_STORE_CONNECTION") or STORE_CONNECTION,
            database_connection=os.environ.get("COUNTERFLOW_DATABASE_CONNECTION")
            or DATABASE_CONNECTION,
        )

    def _lock(self, name: str, *guards: str) -> Lock:
        """A lock of this home; with a store, of all machines that share it."""
        return Lock(self.home / name, guards, self if self.store else None)

    @property
    def night_lock(self) -> Lock:
        """Held alone by who loads a night in one process, erases or rotates: one of these at a time."""
        return self._lock("night.lock")

    @property
    def landing(self) -> Path:
        """One folder per mission: landed exports and the record of every night."""
        return self.home / "landing"

    @property
    def nights_lock(self) -> Lock:
        """Held alone by who writes a night's journal, for a moment."""
        return self._lock("nights.lock", "nights")

    @property
    def nights(self) -> Path:
        """The journal of each night as a whole: steps, what stopped it, who was told."""
        return self.home / "nights"

    @property
    def lineages(self) -> Path:
        """Lineage events, a file a night."""
        return self.home / "lineage"

    @property
    def backups(self) -> Path:
        """When which backup was written where: one line of JSON each.

        Where machines share a store an erasure on any of them tells the backups of all.
        """
        return (self.erasures if self.store else self.home) / "backups.jsonl"

    @property
    def drop(self) -> Path:
        """Sealed exports that came by hand and wait for their night."""
        return self.home / "drop"

    @property
    def hosts(self) -> Path:
        """Locks that count the sessions with each server."""
        return self.home / "hosts"

    @property
    def landing_lock(self) -> Lock:
        """Held together by who lands and judges exports, alone by who takes rows out of them."""
        return self._lock("landing.lock", "landing", "drop")

    @property
    def build_lock(self) -> Lock:
        """Held alone by who builds, gates or publishes, and by who rewrites what was published."""
        return self._lock("build.lock", "build", "warehouse", "erasures")

    @property
    def release_lock(self) -> Lock:
        """Held alone by who makes, decides or revises a release."""
        return self._lock("release.lock", "releases")

    @property
    def erasures(self) -> Path:
        """The receipts of `counterflow erase`."""
        return self.home / "erasures"

    @property
    def build(self) -> Path:
        """What dbt reads and the DuckDB files it writes, before publication."""
        return self.home / "build"

    @property
    def warehouse(self) -> Path:
        """The published `warehouse.duckdb` and the publications kept before it."""
        return self.home / "warehouse"

    @property
    def pages(self) -> Path:
        """What the night shows people: one folder a set of pages (counterflow.pages.shelf)."""
        return self.home / "pages"

    @property
    def releases(self) -> Path:
        """Numbered releases for outside, the ledger, and what is remembered of each inside."""
        return self.home / "releases"

    @property
    def rotation(self) -> Path:
        """There while a rotation of keys that are no files is unfinished: the ids of both, and no key."""
        return self.home / "rotation.json"

    @property
    def keys(self) -> Path:
        """The folder (0700) of the keys (0600), if they are files."""
        return self.home / "keys"


def _connections(key_source: str, exports: Path | None) -> str:
    """Who is asked for connections. Nobody, where a folder was named on the command line."""
    said = os.environ.get("COUNTERFLOW_CONNECTIONS") or "auto"
    if said not in ("auto", "airflow", "none"):
        raise ValueError("COUNTERFLOW_CONNECTIONS is `auto` (the default), `airflow` or `none`")
    if exports is not None:
        return "none"
    if said != "auto":
        return said
    has = "AIRFLOW__SECRETS__BACKEND" in os.environ or key_source == "airflow"
    has = has or any(name.startswith("AIRFLOW_CONN_") for name in os.environ)
    return "airflow" if has else "task"


def _pages(said: str | None) -> tuple[str, ...]:
    """Names of sets of pages with commas between them; `all` (the default), or `none`."""
    names = tuple(filter(None, (name.strip() for name in (said or "all").split(","))))
    return () if names == ("none",) else names


def _whole(variable: str, said: str | None, default: int) -> int:
    text = said or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{variable} must be a whole number, 1 or more")
    return int(text)


def _refuse_store(url: str, encrypted: bool) -> None:
    """Refuse a store that is none, and a plain warehouse in one. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment or "@" in url:
        raise ValueError(
            "COUNTERFLOW_STORE is s3://bucket/prefix, without keys or parameters in it"
        )
    if not encrypted:
        raise ValueError(
            "COUNTERFLOW_STORE needs COUNTERFLOW_ENCRYPT_WAREHOUSE=1: who reads the bucket must read no case"
        )
