"""What must hold after a kill and the run that follows it, each as a list of what is wrong.

In: a home, and what an uninterrupted run made of the same. Out: nothing, if all is as it should be.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterflow import keys
from counterflow.sealing import Seal
from counterflow.settings import Settings

# Every file that may be in a home when no run is at work. What fits none of these is an orphan.
_MISSION, _EXPORT = r"landing/[A-Z]{3}", r"[0-9a-f]{16}-[0-9a-f]{8}(-\d{8})?"
KNOWN = [
    rf"{_MISSION}/exports/{_EXPORT}/[a-z_]+\.parquet",
    rf"{_MISSION}/exports/{_EXPORT}/outcome\.json",
    rf"{_MISSION}/exports/{_EXPORT}/verdict-[0-9a-f]{{8}}/(failures\.parquet|results\.parquet|verdict\.json)",
    rf"{_MISSION}/nights/\d{{4}}-\d\d-\d\d\.json",
    rf"{_MISSION}/contract/([a-z_]+\.parquet|kept\.json)",
    rf"{_MISSION}/erased\.parquet",
    r"format\.json",
    r"nights/(\d{4}-\d\d-\d\d|told)\.json",
    r"lineage/\d{4}-\d\d-\d\d\.jsonl",
    r"(night|nights|build|landing|release)\.lock",
    r"releases/\.lock",
    r"keys/(master|linking)\.key",
    r"build/(warehouse|scratch)\.duckdb",
    r"build/(manifest|gates|nodes|signals)\.json",
    r"build/sources/[a-z_]+/[A-Za-z_]+\.parquet",
    r"build/dbt/.+",
    r"warehouse/(warehouse\.duckdb|manifest\.json)",
    r"warehouse/kept/warehouse-\d{8}-[0-9a-f]{16}\.duckdb",
    r"erasures/E-[0-9a-f]{12}\.json",
    r"releases/ledger\.jsonl",
    r"releases/\d{3}/[^.][^/]*(/[^./][^/]*)*",
    r"releases/\.inside/\d{3}/(rows|classes|members|values|cells|keys)\.parquet",
]
_KNOWN = re.compile("|".join(f"({pattern})" for pattern in KNOWN))


def orphans(settings: Settings) -> list[str]:
    """Files of no known kind, and folders that hold nothing."""
    wrong = []
    for path in sorted(settings.home.rglob("*")):
        name = path.relative_to(settings.home).as_posix()
        if path.is_symlink() and not path.exists():
            wrong.append(f"{name} leads nowhere")
        elif path.is_dir():
            if name.startswith(("landing/", "warehouse/", "releases/.")) and not any(
                path.iterdir()
            ):
                wrong.append(f"{name}/ is empty")
        elif not _KNOWN.fullmatch(name):
            wrong.append(name)
    return wrong


def held_locks(settings: Settings) -> list[str]:
    """Locks that somebody still holds."""
    wrong = []
    for path in settings.home.rglob("*.lock"):
        with path.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                wrong.append(f"{path.name} is held")
    return wrong


def bad_secrets(settings: Settings) -> list[str]:
    """Keys that are not whole, are open to others, or should not be there."""
    wrong = []
    for path in settings.keys.iterdir():
        if path.name not in (keys.MASTER, keys.LINKING):
            wrong.append(f"keys/{path.name} is left")
        elif not re.fullmatch(r"[0-9a-f]{64}\n?", path.read_text()):
            wrong.append(f"keys/{path.name} is not whole")
        elif stat.S_IMODE(path.stat().st_mode) != 0o600:
            wrong.append(f"keys/{path.name} is open to others")
    return wrong


def tables(settings: Settings) -> dict[str, Any]:
    """What analysts open: every table's rows and content hash, counted and hashed anew."""
    from counterflow.warehouse.hashes import content_hashes

    with Seal.of(settings).opened(settings.warehouse / "warehouse.duckdb") as connection:
        return {name: list(found) for name, found in content_hashes(connection).items()}


def promised(settings: Settings) -> dict[str, Any]:
    """The same as the manifest says."""
    said = json.loads((settings.warehouse / "manifest.json").read_text("utf-8"))
    return dict(said["tables"])


def accounted(settings: Settings) -> dict[str, Any]:
    """By night and mission the rows read, and how many of them have no fate."""
    with Seal.of(settings).opened(settings.warehouse / "warehouse.duckdb") as connection:
        rows = connection.execute(
            "select night || ' ' || mission_code, status, rows_read, "
            "rows_accepted + rows_quarantined + rows_withheld + rows_blank from quality.load order by all"
        ).fetchall()
    return {name: list(rest) for name, *rest in rows}


def lost(expected: dict[str, Any], found: dict[str, Any]) -> int:
    """Rows that an uninterrupted run read and this one did not, or that have no fate."""
    missing = sum(
        max(0, read - (found[name][1] or 0 if name in found else 0))
        for name, (_, read, _fated) in expected.items()
    )
    return missing + sum(abs((read or 0) - (fated or 0)) for _, read, fated in found.values())


def landed(settings: Settings) -> dict[str, Any]:
    """All that landing holds, opened: what is sealed differs in its bytes each time."""
    seal = Seal.of(settings)
    found: dict[str, Any] = {}
    for path in sorted(settings.landing.rglob("*")):
        name = path.relative_to(settings.landing).as_posix()
        if path.suffix == ".parquet":
            rows = seal.read(path).to_pylist()
            for row in rows:
                row.pop("receipt", None)  # drawn by lot
            found[name] = rows
        elif path.suffix == ".json":
            said = json.loads(path.read_text("utf-8"))
            said.pop("seconds", None)
            found[name] = said
    return json.loads(json.dumps(found, default=str))  # type: ignore[no-any-return]


def released(settings: Settings) -> dict[str, Any]:
    """The files of every release by their hashes, and what is wrong with the ledger."""
    from counterflow.release import ledger

    if not settings.releases.is_dir():
        return {}
    found: dict[str, Any] = {
        path.parent.name: path.read_text("utf-8")
        for path in sorted(settings.releases.glob("[0-9]*/SHA256SUMS"))
    }
    events = [entry["event"] for entry in ledger.read(settings.releases)]
    return found | {
        "broken": ledger.broken(settings.releases),
        "released": events.count("released"),
    }


def state(settings: Settings) -> dict[str, Any]:
    """All that must be the same as after an uninterrupted run."""
    return {
        "tables": tables(settings),
        "promised": promised(settings),
        "load": accounted(settings),
        "landed": landed(settings),
        "released": released(settings),
    }


def wrong(settings: Settings, expected: dict[str, Any]) -> list[str]:
    """What differs from an uninterrupted run, or should not be there."""
    found = json.loads(json.dumps(state(settings), default=str))
    problems = [
        f"{part}: {', '.join(_differing(expected[part], found[part])[:5])}"
        for part in expected
        if expected[part] != found[part]
    ]
    problems += [f"orphan {name}" for name in orphans(settings)]
    return [*problems, *held_locks(settings), *bad_secrets(settings)]


def _differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


@contextmanager
def reader(settings: Settings, report: dict[str, Any]) -> Iterator[None]:
    """An analyst who opens the warehouse again and again until the block is left; `report` says how it went."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(told)
        _read_on(settings.warehouse / "warehouse.duckdb", tell)
    os.close(tell)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGTERM)
        with os.fdopen(told) as file:
            text = file.read()
        os.waitpid(pid, 0)
        report |= json.loads(text or '{"opened": 0, "failed": ["the reader died"], "seen": []}')


def _read_on(path: Path, tell: int) -> None:
    """Never returns."""
    import duckdb

    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    opened, failed, seen = 0, [], set()
    while not ended:
        try:
            with duckdb.connect(str(path), read_only=True) as connection:
                found = connection.execute(
                    "select (select max(night)::varchar from quality.load), (select count(*) from core.fct_case), "
                    "(select count(*) from history.fct_case where valid_until is null)"
                ).fetchone()
            seen.add(str(found))
            opened += 1
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            failed.append(f"{type(error).__name__}: {error}"[:200])
        time.sleep(0.1)
    os.write(
        tell, json.dumps({"opened": opened, "failed": failed[:5], "seen": sorted(seen)}).encode()
    )
    os._exit(0)
