"""What is wrong with this installation, why it matters, and how to mend it.

In: the settings, and the machine as it is. Out: findings, one or more a check. Nothing is changed, nothing is sent
anywhere, and no check stops another: one that cannot be made is a finding too.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from counterflow import keys
from counterflow.settings import PROJECT, Settings

OK, LOOK, BROKEN = "ok", "look", "broken"
PORTS = {8080: "Airflow's UI", 8793: "its logs of tasks", 8794: "its logs of triggers"}
_EXTENSIONS = ("httpfs", "ducklake", "postgres_scanner", "quack")
_ROOM = 2 << 30
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: *; *(.*?))? *\\?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it is, and if it is not well, why that matters and what to do."""

    check: str
    state: str
    what: str
    why: str = ""
    mend: str = ""

    def to_dict(self) -> dict[str, str]:
        """For `--json`."""
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order in which to mend them."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _python,
        _versions,
        _extensions,
        _home,
        _keys,
        _contracts,
        _exports,
        _airflow,
        _disk,
        _clock,
        _locks,
        _warehouse,
        _night,
    )
    found: list[Finding] = []
    for check in checks:
        name = check.__name__.strip("_")
        try:
            found += check(settings)
        except Exception as error:  # noqa: BLE001  whatever is broken is what was asked for
            from counterflow.refusals import is_refusal

            said = (
                str(error)
                if is_refusal(error)
                else f"it could not be looked at ({type(error).__name__})"
            )
            found.append(
                Finding(name, BROKEN, said, "", "mend what stands above this, then ask again")
            )
    return found


def _python(_settings: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", OK, f"Python {version} in {sys.prefix}")
    if "PYTHONPATH" in os.environ:
        yield Finding(
            "python", LOOK, "PYTHONPATH is set",
            "packages there hide those of the lock", "unset it for this program",
        )  # fmt: skip


def _versions(_settings: Settings) -> Iterator[Finding]:
    from packaging.markers import Marker

    lock = PROJECT / "requirements.lock"
    if not lock.exists():
        yield Finding("versions", LOOK, f"there is no {lock.name} to compare with")
        return
    wrong = []
    wanted = 0
    for name, version, marker in _LOCKED.findall(lock.read_text("utf-8")):
        if marker and not Marker(marker).evaluate():
            continue
        wanted += 1
        try:
            here = metadata.version(name)
        except metadata.PackageNotFoundError:
            here = "missing"
        if here != version:
            wrong.append((name, here, version))
    for name, here, version in wrong[:8]:
        yield Finding(
            "versions", BROKEN, f"{name} is {here}, the lock says {version}",
            "only the locked versions were tried together; another DuckDB writes files that others cannot read",
            "run `make install`; if it goes on, look what else is on the path (PYTHONPATH, --user packages)",
        )  # fmt: skip
    if len(wrong) > 8:
        yield Finding(
            "versions", BROKEN, f"and {len(wrong) - 8} more packages", mend="run `make install`"
        )
    if not wrong:
        yield Finding("versions", OK, f"{wanted} packages as locked")


def _extensions(_settings: Settings) -> Iterator[Finding]:
    import duckdb

    from counterflow import sealing

    with duckdb.connect(config=sealing.CONFIG) as connection:
        bad = []
        for name in _EXTENSIONS:
            try:
                sealing.load(connection, name)
            except (duckdb.Error, ModuleNotFoundError):
                bad.append(name)
    for name in bad:
        yield Finding(
            "extensions", BROKEN, f"DuckDB {duckdb.__version__} does not load its extension {name}",
            "without httpfs nothing is encrypted, without the others there is no DuckLake and no endpoint",
            f"run `make install`: duckdb-extension-{name.replace('_', '-')} must be of DuckDB's version",
        )  # fmt: skip
    if not bad:
        yield Finding("extensions", OK, ", ".join(_EXTENSIONS))


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home
    if not home.is_dir():
        yield Finding(
            "home", BROKEN, f"{home} does not exist", "there all data, keys and logs are",
            "run `counterflow keys init`, or set COUNTERFLOW_HOME to where they are",
        )  # fmt: skip
        return
    if not os.access(home, os.W_OK | os.X_OK):
        yield Finding(
            "home", BROKEN, f"{home} cannot be written to by this account", "no night can be loaded",
            f"run as its owner ({home.owner()}), or chown it",
        )  # fmt: skip
    open_ = [
        file
        for folder in (settings.keys, home / "serve")
        if folder.is_dir()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077
    ]
    for file in open_:
        yield Finding(
            "home", BROKEN, f"{file} is open to others ({stat.S_IMODE(file.stat().st_mode):04o})",
            "who reads it reads what it protects", f"chmod 600 {file}, and think of who may have read it",
        )  # fmt: skip
    if not open_:
        yield Finding("home", OK, str(home))


def _keys(settings: Settings) -> Iterator[Finding]:
    try:
        ring = keys.keyring(settings)
    except keys.KeyRefusedError as refused:
        yield Finding(
            "keys", BROKEN, str(refused), "nothing landed can be read, and no night is loaded",
            "see docs/runbooks/key_refused.md",
        )  # fmt: skip
    else:
        yield Finding("keys", OK, f"master {ring.key_id}, linking {ring.linking_id}")


def _contracts(settings: Settings) -> Iterator[Finding]:
    from counterflow.contracts.check import check_folder

    report = check_folder(settings.missions)
    if not report.contracts and not report.errors:
        yield Finding(
            "contracts", BROKEN, f"no contract in {settings.missions}", "no mission is loaded",
            "set COUNTERFLOW_MISSIONS to the folder of contracts, or write one: docs/onboarding.md",
        )  # fmt: skip
    for error in report.errors[:5]:
        yield Finding(
            "contracts", BROKEN, f"{Path(error.file).name}:{error.line}: {error.problem}",
            "this mission keeps its last good data, and gets older", "run `counterflow contracts check`",
        )  # fmt: skip
    if report.contracts and not report.errors:
        yield Finding("contracts", OK, f"{len(report.contracts)} in {settings.missions}")


def _exports(settings: Settings) -> Iterator[Finding]:
    from counterflow import contracts

    missions = [path.stem for path in contracts.contract_files(settings.missions)]
    absent = [one for one in missions if not (settings.exports / one).is_dir()]
    if not absent:
        if missions:
            yield Finding("exports", OK, f"{len(missions)} folders in {settings.exports}")
        return
    named = {}
    for one in absent:
        try:
            contract = contracts.load_contract(settings.missions / f"{one}.yml")
        except contracts.ContractError:
            continue
        named[one] = contract.source.connection
    unknown = {one: name for one, name in named.items() if not _is_known(settings, name)}
    if not unknown:
        yield Finding("exports", OK, f"{len(missions)} missions by folders and connections")
        return
    some = ", ".join(f"{one} ({name})" for one, name in list(unknown.items())[:6])
    more = f" and {len(unknown) - 6} more" if len(unknown) > 6 else ""
    yield Finding(
        "exports", BROKEN if len(unknown) == len(missions) else LOOK,
        f"{len(unknown)} of {len(missions)} missions have neither a folder in {settings.exports} nor a connection: {some}{more}",
        "their exports are not found, and they are late each night",
        "define the connection in Airflow (docs/engineers.md), or set COUNTERFLOW_EXPORTS",
    )  # fmt: skip


def _is_known(settings: Settings, name: str) -> bool:
    """Whether Airflow has such a connection; it is asked only where somebody told it something."""
    if f"AIRFLOW_CONN_{name.upper()}" in os.environ:
        return True
    if not os.environ.get("AIRFLOW__SECRETS__BACKEND"):
        return False
    from counterflow import connections

    return connections.find(replace(settings, connections="airflow"), name) is not None


def _airflow(settings: Settings) -> Iterator[Finding]:
    said = os.environ.get("AIRFLOW_HOME")
    home = settings.home / "airflow"
    if said and Path(said).resolve() != home.resolve():
        yield Finding(
            "airflow", LOOK, f"AIRFLOW_HOME is {said}, and not {home}",
            "commands of Airflow then speak of another installation", "unset it, or set it to that folder",
        )  # fmt: skip
    left: list[tuple[int, str]] = []
    running: list[tuple[int, str]] = []
    for process, words in _airflows(home):
        (left if _is_orphan(process) else running).append((process.pid, words))
    for pid, words in left:
        yield Finding(
            "airflow", BROKEN, f"process {pid} (`{words}`) is left over from an Airflow that is gone",
            "it holds ports and an older secret: tasks then fail with errors that say nothing of this",
            f"end it and its group: kill -- -$(ps -o pgid= -p {pid} | tr -d ' ')",
        )  # fmt: skip
    if not running and not left:
        for port, what in PORTS.items():
            with socket.socket() as probe:
                taken = probe.connect_ex(("127.0.0.1", port)) == 0
            if taken:
                yield Finding(
                    "airflow", LOOK, f"port {port} is taken by another program",
                    f"Airflow of this home cannot start {what}", f"see `ss -ltnp sport = :{port}`; or `make up PORT=…`",
                )  # fmt: skip
    if not left:
        yield Finding(
            "airflow", OK, f"{len(running)} processes of this home" if running else "does not run"
        )


def _airflows(home: Path) -> Iterator[tuple[Any, str]]:
    """Processes of an Airflow whose home this is."""
    import psutil

    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            ours = any(
                Path(word).name == "airflow" or word.startswith("airflow ") for word in words[:3]
            )
            if (
                ours
                and Path(process.environ().get("AIRFLOW_HOME", "/")).resolve() == home.resolve()
            ):
                yield process, " ".join(Path(word).name for word in words[:4])
        except (psutil.Error, OSError):
            continue


def _is_orphan(process: Any) -> bool:
    """Whether who started it is gone, and it is no service of the system's."""
    parent = process.parent()
    adopted = parent is None or parent.pid == 1 or parent.name() in ("systemd", "init")
    try:
        group = Path(f"/proc/{process.pid}/cgroup").read_text("ascii")
    except OSError:
        group = ""
    return adopted and "/system.slice/" not in group


def _disk(settings: Settings) -> Iterator[Finding]:
    place = settings.home if settings.home.exists() else settings.home.parent
    free = shutil.disk_usage(place).free
    if free < _ROOM:
        yield Finding(
            "disk", BROKEN, f"only {free / (1 << 30):.1f} GB are free under {place}",
            "a night writes a second warehouse beside the first", "see docs/runbooks/disk_full.md",
        )  # fmt: skip
    else:
        yield Finding("disk", OK, f"{free / (1 << 30):,.0f} GB free")


def _clock(settings: Settings) -> Iterator[Finding]:
    now = time.time()
    newest = max(
        (file.stat().st_mtime for file in settings.warehouse.glob("*") if file.is_file()),
        default=0.0,
    )
    if newest > now + 300:
        yield Finding(
            "clock", BROKEN, f"what was published is {(newest - now) / 3600:.1f} hours in the future",
            "the date of a night decides which exports are new", "set the clock (timedatectl set-ntp true)",
        )  # fmt: skip
    else:
        yield Finding("clock", OK, time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now)))


def _locks(settings: Settings) -> Iterator[Finding]:
    import fcntl

    held = []
    for file in sorted(settings.home.glob("*.lock")):
        with file.open("rb") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                held.append(file.name)
    if held:
        yield Finding(
            "locks", LOOK, f"held at this moment: {', '.join(held)}", "somebody loads, publishes or erases; others wait",
            f"if nobody should: `fuser -v {settings.home}/*.lock` says who. A lock of a process that died is free by itself",
        )  # fmt: skip
    else:
        yield Finding("locks", OK, "none held")


def _warehouse(settings: Settings) -> Iterator[Finding]:
    import duckdb

    from counterflow import formats, shell
    from counterflow.sealing import SealRefusedError
    from counterflow.warehouse.manifest import published_night

    try:
        formats.refuse_other(settings.home)
    except Exception as error:  # noqa: BLE001
        yield Finding(
            "warehouse", BROKEN, str(error), "this program cannot read what another version wrote",
            "see docs/runbooks/upgrade.md",
        )  # fmt: skip
    if published_night(settings) is None:
        yield Finding(
            "warehouse", LOOK, "nothing has been published yet", mend="run `counterflow nightly`"
        )
        return
    try:
        with shell.connect(settings) as connection:
            rows = connection.execute("select count(*) from core.fct_case").fetchall()[0][0]
    except (duckdb.Error, SealRefusedError, shell.QueryRefusedError, keys.KeyRefusedError) as error:
        said = (
            str(error).splitlines()[0]
            if not isinstance(error, duckdb.Error)
            else type(error).__name__
        )
        yield Finding(
            "warehouse", BROKEN, f"what is published does not open: {said}", "analysts cannot work",
            "run `counterflow verify`; then `counterflow quarantine replay` builds it again from the landing",
        )  # fmt: skip
    else:
        yield Finding("warehouse", OK, f"{rows:,} cases, DuckDB {duckdb.__version__}")


def _night(settings: Settings) -> Iterator[Finding]:
    from counterflow.standing import BAD, standing

    found = standing(settings)
    if found is None:
        yield Finding("night", LOOK, "no night was ever begun", mend="run `counterflow nightly`")
        return
    for reason in found.reasons:
        if reason.page == "key_refused":
            continue  # said above
        yield Finding(
            "night", BROKEN if reason.verdict == BAD else LOOK, reason.text,
            mend=f"see docs/runbooks/{reason.page}.md",
        )  # fmt: skip
    if not found.reasons:
        yield Finding("night", OK, f"{found.report.night} was good")
