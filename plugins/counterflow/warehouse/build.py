"""The build: dbt makes the night's warehouse in files that nobody reads yet.

In: the sources of a night. Out: `build/warehouse.duckdb`, `build/scratch.duckdb` and a manifest
with the rows and content hash of every published table. dbt runs in this process, twice: its own
results of the first half are a source of the second.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pyarrow as pa

from counterflow import disk
from counterflow.sealing import SPILL, Seal
from counterflow.settings import Settings
from counterflow.warehouse.hashes import content_hashes
from counterflow.warehouse.manifest import MANIFEST, Build, write_manifest
from counterflow.warehouse.sources import DBT_RESULT, write_source

Progress = Callable[[str, int, int], None]
FILES = ("warehouse.duckdb", "scratch.duckdb")
UNWRITTEN = (
    "--no-write-json"  # three megabytes each time; the last half of a build writes them once
)
_FAILED = ("error", "fail", "runtime error")


class BuildFailed(Exception):
    """dbt could not build a model; the message names it and what to do."""


def build(
    settings: Settings, night: date, seconds: Callable[[], float], progress: Progress | None = None
) -> Build:
    """Run dbt on the sources of `night`. Raises BuildFailed if a model or seed cannot be built."""
    started = seconds()
    _remove(settings)
    try:
        results = _dbt(settings, night, "facts", progress, UNWRITTEN)
        _write_results(settings, results)
        results += _dbt(settings, night, "quality", progress)
    finally:
        _close()
    _refuse_broken(settings, night, results)
    failed = tuple(r["name"] for r in results if r["type"] == "test" and r["status"] in _FAILED)
    with Seal.of(settings).opened(settings.build / FILES[0]) as connection:
        tables = content_hashes(connection)
    made = Build(night, secrets.token_hex(8), tables, failed, seconds() - started)
    write_manifest(settings.build / MANIFEST, made)
    return made


def build_past(settings: Settings, night: date) -> None:
    """Run as much of dbt on the sources of a past night as its history needs. Raises BuildFailed."""
    _remove(settings)
    try:
        results = _dbt(settings, night, "past", None, UNWRITTEN, "--exclude-resource-type", "test")
    finally:
        _close()
    _refuse_broken(settings, night, results)


def _remove(settings: Settings) -> None:
    for name in FILES:
        for path in settings.build.glob(f"{name}*"):
            path.unlink()
    shutil.rmtree(settings.build / SPILL, ignore_errors=True)


def _refuse_broken(settings: Settings, night: date, results: list[dict[str, Any]]) -> None:
    broken = [r["name"] for r in results if r["type"] != "test" and r["status"] in _FAILED]
    stopped = next((r["stopped_by"] for r in results if r["stopped_by"]), "")
    if stopped:
        raise BuildFailed(f"the build of the night {night} stopped: {stopped}")
    if broken:
        raise BuildFailed(
            f"dbt could not build {', '.join(broken[:5])} of the night {night}. Read "
            f"{settings.build / 'dbt' / 'logs'} and docs/runbooks/build_failed.md"
        )


def _dbt(
    settings: Settings, night: date, selector: str, progress: Progress | None, *further: str
) -> list[dict[str, Any]]:
    from dbt.artifacts.schemas.run import RunExecutionResult  # dbt is heavy: only when needed
    from dbt.cli.main import dbtRunner

    target = settings.build / "dbt"
    target.mkdir(parents=True, exist_ok=True)
    quiet = [
        "--quiet", "--no-use-colors", "--no-send-anonymous-usage-stats", "--log-level-file", "info",
    ]  # fmt: skip
    where = [
        "--project-dir", str(settings.dbt_project), "--profiles-dir", str(settings.dbt_project),
        "--target-path", str(target), "--log-path", str(target / "logs"),
    ]  # fmt: skip
    chosen = ["--selector", selector, "--exclude-resource-type", "unit_test", *further]
    # The night as a variable of dbt would make it parse the whole project anew each night.
    with _environment(
        COUNTERFLOW_HOME=str(settings.home), COUNTERFLOW_NIGHT=str(night), **_threads()
    ):
        parsed = _parsed(settings, [*quiet, "parse", UNWRITTEN, *where])
        runner = dbtRunner(parsed, callbacks=[_callback(progress)] if progress else [])
        outcome = runner.invoke([*quiet, "build", *chosen, *where])
    if outcome.exception is not None or not isinstance(outcome.result, RunExecutionResult):
        if stopped := _stopped_by(str(outcome.exception)):
            raise BuildFailed(f"the build of the night {night} stopped: {stopped}")
        kind = type(outcome.exception).__name__
        raise BuildFailed(f"dbt stopped ({kind}). Read {target / 'logs' / 'dbt.log'}")
    return [_result(node) for node in outcome.result]


def _threads() -> dict[str, str]:
    """What the profile reads: more models at once rather than more threads for each, unless somebody said otherwise."""
    cores = len(os.sched_getaffinity(0))
    threads = {
        "COUNTERFLOW_DBT_THREADS": str(min(cores + 1, 8)),
        "COUNTERFLOW_DUCKDB_THREADS": str(max(1, cores // 2)),
    }
    return {name: os.environ.get(name, number) for name, number in threads.items()}


_projects: dict[tuple[str, int, int], Any] = {}


def _parsed(settings: Settings, arguments: list[str]) -> Any:
    """The project as dbt parses it, once in a process as long as no file of it changes.

    Parsing takes longer than a small night. None if it fails: the build then says why.
    """
    from dbt.cli.main import dbtRunner

    files = [
        path.stat().st_mtime_ns
        for folder in ("models", "macros", "seeds", "snapshots", "tests", ".")
        for path in settings.dbt_project.glob("*" if folder == "." else f"{folder}/**/*")
        if path.suffix in (".sql", ".yml", ".csv") and path.is_file()
    ]
    key = (str(settings.dbt_project), len(files), max(files, default=0))
    if key not in _projects:
        _projects[key] = dbtRunner().invoke(arguments).result
    return _projects[key]


def _close() -> None:
    """Close dbt's DuckDB, which it keeps open while its process lives; closing checkpoints."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager as Manager

    if Manager._ENV is not None:  # dbt-duckdb offers no other way
        Manager._ENV.close()
        Manager._ENV = None


def _result(node: Any) -> dict[str, Any]:
    attached = getattr(node.node, "attached_node", None) or ""
    depends = getattr(node.node, "depends_on", None)
    first = next(iter(getattr(depends, "nodes", None) or [""]))  # a seed has only macros
    return {
        "unique_id": node.node.unique_id,
        "type": str(node.node.resource_type),
        "name": node.node.name,
        "status": str(node.status),
        "failures": int(node.failures or 0),
        "stopped_by": _stopped_by(str(node.message or "")),
        "table": (attached or first).rpartition(".")[2],
    }


def _stopped_by(message: str) -> str:
    """Why no model could be built, where it is the machine's doing; the message itself may hold values."""
    if (number := disk.number(message)) is not None:
        return disk.what_to_do(number)
    if "Out of Memory Error" in message:
        return (
            "DuckDB may take no more memory: raise COUNTERFLOW_DUCKDB_MEMORY, or lower COUNTERFLOW_DUCKDB_THREADS, "
            "then run it again; what was published stays"
        )
    return ""


def _write_results(settings: Settings, results: list[dict[str, Any]]) -> None:
    rows = [
        {
            "unique_id": r["unique_id"],
            "resource_type": r["type"],
            "name": r["name"],
            "status": r["status"],
            "failures": r["failures"],
            "table_name": r["table"] or r["name"],
        }
        for r in sorted(results, key=lambda r: r["unique_id"])
    ]
    table = pa.Table.from_pylist(rows, DBT_RESULT)
    write_source(Seal.of(settings), settings.build / "sources", "dbt_result", table)


def _callback(progress: Progress) -> Callable[[Any], None]:
    """dbt's events as progress: each says which of how many nodes is done."""

    def told(event: Any) -> None:
        if event.info.name in (
            "LogModelResult",
            "LogTestResult",
            "LogSeedResult",
            "LogSnapshotResult",
        ):
            data = event.data
            of = getattr(data, "total", 0) or getattr(data, "num_models", 0)
            progress(data.node_info.node_name, data.index, of)

    return told


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Set variables that dbt's profile reads, and put the old ones back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
