"""The build: dbt makes the night's warehouse in files that nobody reads yet.

In: the sources of a night. Out: `build/warehouse.duckdb`, `build/scratch.duckdb` and a manifest
with the rows and content hash of every published table. dbt runs in this process, twice: its own
results of the first half are a source of the second. What would be what the last build made stays
as it is (counterflow.warehouse.reuse); where that is so for all missions but a few, these are made
by themselves before, and take their places (counterflow.warehouse.replacing).
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from counterflow import collector, disk
from counterflow.locks import exclusive
from counterflow.sealing import SPILL, Seal
from counterflow.settings import Settings
from counterflow.warehouse import reuse
from counterflow.warehouse.hashes import content_hashes
from counterflow.warehouse.history import EARLIER
from counterflow.warehouse.manifest import MANIFEST, Build, is_published, write_manifest
from counterflow.warehouse.replacing import PART, ForeignCaseError, Part
from counterflow.warehouse.sources import DBT_RESULT, source_hashes, write_source

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
    last = reuse.last_build(settings, FILES)
    with _ready(settings, night):
        parsed = _parsed(settings)
    project = reuse.Project(parsed) if parsed is not None else None  # dbt will say why
    now, missions = _fingerprints(settings, night, project)
    goes_on = _history_goes_on(settings, night, last)
    stays = reuse.reuse(project, last, now, missions, goes_on) if project else reuse.Reuse()
    if not stays.kept:
        discard(settings)
    shutil.rmtree(settings.build / SPILL, ignore_errors=True)  # of a build that was killed
    reuse.forget(settings)  # until this build is whole
    try:
        stays, results, put = _changed_missions(settings, night, project, last, stays, progress)
        done = stays.kept | stays.in_part
        halves = _halves(project, done)
        results += _dbt(settings, night, halves["facts"], progress, UNWRITTEN)
        results += _as_they_were(project, last, done, "facts", results)
        _write_results(settings, results)
        results += _dbt(settings, night, halves["quality"], progress)
        results += _as_they_were(project, last, done, "quality", results)
    finally:
        _close()
        shutil.rmtree(settings.build / PART, ignore_errors=True)
    _refuse_broken(settings, night, results)
    failed = tuple(r["name"] for r in results if r["type"] == "test" and r["status"] in _FAILED)
    with Seal.of(settings).opened(settings.build / FILES[0]) as connection:
        tables = content_hashes(connection, _tables(project, {**last.tables, **put}, done))
    made = Build(night, secrets.token_hex(8), tables, failed, seconds() - started)
    write_manifest(settings.build / MANIFEST, made)
    step = None
    if last.made is not None and stays.kept and goes_on:
        step = reuse.Step(last.made.build_id, tuple(sorted(stays.changed)), tuple(sorted(put)))
    reuse.record(settings, made.build_id, now, missions, results, step)
    return made


def prepare(settings: Settings, night: date) -> None:
    """Load dbt and parse its project, in a process that has nothing to do before `build`."""
    with exclusive(settings.build_lock) as held, _ready(settings, night):
        held.forsake()  # nothing of the build is changed
        _parsed(settings)


def _fingerprints(
    settings: Settings, night: date, project: reuse.Project | None
) -> tuple[dict[str, reuse.Fingerprint], dict[str, str]]:
    """Those of the nodes, and the hash of what each mission gave to them."""
    if project is None:
        return {}, {}
    sources, key_id = source_hashes(settings), Seal.of(settings).key_id
    now = reuse.fingerprints(project, sources, night, settings.dbt_project, key_id)
    return now, reuse.missions(project, sources)


def _history_goes_on(settings: Settings, night: date, last: reuse.LastBuild) -> bool:
    """Whether the history before tonight is what the last build made of it, and tonight no night before that."""
    return (
        last.made is not None
        and is_published(settings, last.made)
        and night >= last.made.night
        and not (settings.build / EARLIER).exists()  # dbt reads the published file
    )


def _changed_missions(
    settings: Settings,
    night: date,
    project: reuse.Project | None,
    last: reuse.LastBuild,
    stays: reuse.Reuse,
    progress: Progress | None,
) -> tuple[reuse.Reuse, list[dict[str, Any]], reuse.Tables]:
    """Make the missions that changed by themselves and put them in their places, if all else of these tables stays.

    What stays now, what dbt said, and the rows and hashes of the published tables that were changed. A part that does
    not pass every test is put nowhere: its tables are made whole, as on any other night, and say what is wrong.
    """
    if project is None or last.made is None or not stays.in_part:
        return stays, [], {}
    whole = reuse.Reuse(stays.kept)
    part = Part(settings, project, stays.in_part, stays.changed)
    earlier = settings.build / EARLIER
    part.lay(earlier if earlier.exists() else settings.warehouse / FILES[0])
    what = _by_name(project, part.nodes)
    try:
        results = _dbt(settings, night, what, progress, UNWRITTEN, folder=part.folder)
    finally:
        _close()
    if not all(result["status"] in reuse.SOUND for result in results):
        return whole, [], {}
    try:
        return stays, results, part.put(last.made)
    except ForeignCaseError:
        return whole, [], {}


def _halves(project: reuse.Project | None, done: AbstractSet[str]) -> dict[str, list[str]]:
    """By half of the build what dbt is told to do: all of it, or, by name, what is not done."""
    if project is None or not done:
        return {half: ["--selector", half] for half in ("facts", "quality")}
    chosen: dict[str, list[str]] = {"facts": [], "quality": []}
    for name, node in project.nodes.items():
        if name not in done and node.resource_type != "unit_test":
            chosen[_half(node)].append(name)
    return {half: _by_name(project, names) for half, names in chosen.items()}


def _by_name(project: reuse.Project, names: Iterable[str]) -> list[str]:
    """How dbt is told to do exactly this."""
    named = [f"fqn:{'.'.join(project.nodes[name].fqn)}" for name in names]
    return ["--select", *named, "--indirect-selection", "empty"]


def _half(node: Any) -> str:
    """In which half of the build a node is, as the selectors of the project say it."""
    is_quality = node.original_file_path.startswith("models/quality/") or "quality" in node.tags
    return "quality" if is_quality else "facts"


def _as_they_were(
    project: reuse.Project | None,
    last: reuse.LastBuild,
    done: AbstractSet[str],
    half: str,
    results: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """The results of the last build of what stays, where this one has none."""
    new = {result["unique_id"] for result in results}
    return [
        dict(result)
        for name, result in last.results.items()
        if project is not None and name in done - new and _half(project.nodes[name]) == half
    ]


def _tables(
    project: reuse.Project | None, tables: reuse.Tables, done: AbstractSet[str]
) -> reuse.Tables:
    """The rows and hashes of the tables that dbt did not make anew."""
    if project is None:
        return {}
    names = {f"{project.nodes[name].schema}.{project.nodes[name].alias}" for name in done}
    return {table: said for table, said in tables.items() if table in names}


def build_past(settings: Settings, night: date) -> None:
    """Run as much of dbt on the sources of a past night as its history needs. Raises BuildFailed."""
    discard(settings)
    try:
        past = ["--selector", "past", "--exclude-resource-type", "test"]
        results = _dbt(settings, night, past, None, UNWRITTEN)
    finally:
        _close()
    _refuse_broken(settings, night, results)


def discard(settings: Settings) -> None:
    """Remove the files of the last build: the next one is made whole."""
    reuse.forget(settings)
    for name in FILES:
        for path in settings.build.glob(f"{name}*"):
            path.unlink()
    for folder in (SPILL, PART):
        shutil.rmtree(settings.build / folder, ignore_errors=True)


def _refuse_broken(settings: Settings, night: date, results: list[dict[str, Any]]) -> None:
    broken = [r["name"] for r in results if r["type"] != "test" and r["status"] in _FAILED]
    stopped = next((r["stopped_by"] for r in results if r["stopped_by"]), "")
    if stopped:
        raise BuildFailed(f"the build of the night {night} stopped: {stopped}")
    if broken:
        failed = [r["name"] for r in results if r["type"] == "test" and r["status"] in _FAILED]
        # what follows a test that failed is not made, and what reads that cannot be
        after = f" after the tests {', '.join(failed[:5])} failed" if failed else ""
        raise BuildFailed(
            f"dbt could not build {', '.join(broken[:5])} of the night {night}{after}. Read "
            f"{settings.build / 'dbt' / 'logs'} and docs/runbooks/build_failed.md"
        )


_QUIET = (
    "--quiet", "--no-use-colors", "--no-send-anonymous-usage-stats", "--log-level-file", "info",
)  # fmt: skip


def _where(settings: Settings) -> list[str]:
    target = settings.build / "dbt"
    return [
        "--project-dir", str(settings.dbt_project), "--profiles-dir", str(settings.dbt_project),
        "--target-path", str(target), "--log-path", str(target / "logs"),
    ]  # fmt: skip


@contextmanager
def _ready(settings: Settings, night: date, folder: Path | None = None) -> Iterator[None]:
    """What the profile reads; `folder`: of the files that dbt writes, if they are not the build's. The night as a variable of dbt would make it parse the whole project anew each night."""
    (settings.build / "dbt").mkdir(parents=True, exist_ok=True)
    home = {"COUNTERFLOW_HOME": str(settings.home), "COUNTERFLOW_NIGHT": str(night)}
    with _environment(**home, COUNTERFLOW_BUILD=str(folder or settings.build), **_threads()):
        yield


@collector.paused()
def _dbt(
    settings: Settings,
    night: date,
    what: Sequence[str],
    progress: Progress | None,
    *further: str,
    folder: Path | None = None,
) -> list[dict[str, Any]]:
    _load_dbt()
    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.cli.main import dbtRunner

    target = settings.build / "dbt"
    chosen = ["--exclude-resource-type", "unit_test", *what, *further]
    with _ready(settings, night, folder):
        parsed = _parsed(settings)
        runner = dbtRunner(parsed, callbacks=[_callback(progress)] if progress else [])
        outcome = runner.invoke([*_QUIET, "build", *chosen, *_where(settings)])
    if outcome.exception is not None or not isinstance(outcome.result, RunExecutionResult):
        if stopped := _stopped_by(str(outcome.exception)):
            raise BuildFailed(f"the build of the night {night} stopped: {stopped}")
        kind = type(outcome.exception).__name__
        raise BuildFailed(f"dbt stopped ({kind}). Read {target / 'logs' / 'dbt.log'}")
    # an exposure is only told of: nothing is built or asked
    return [_result(n) for n in outcome.result if n.node.resource_type != "exposure"]


def _threads() -> dict[str, str]:
    """What the profile reads: more models at once rather than more threads for each, unless somebody said otherwise."""
    cores = len(os.sched_getaffinity(0))
    threads = {
        "COUNTERFLOW_DBT_THREADS": str(min(cores + 1, 8)),
        "COUNTERFLOW_DUCKDB_THREADS": str(max(1, cores // 2)),
    }
    return {name: os.environ.get(name, number) for name, number in threads.items()}


_projects: dict[tuple[str, int, int], Any] = {}


def _parsed(settings: Settings) -> Any:
    """The project as dbt parses it, once in a process as long as no file of it changes.

    Parsing takes longer than a small night. None if it fails: the build then says why.
    """
    _load_dbt()
    from dbt.cli.main import dbtRunner

    files = [
        path.stat().st_mtime_ns
        for folder in ("models", "macros", "seeds", "snapshots", "tests", ".")
        for path in settings.dbt_project.glob("*" if folder == "." else f"{folder}/**/*")
        if path.suffix in (".sql", ".yml", ".csv", ".md") and path.is_file()
    ]
    key = (str(settings.dbt_project), len(files), max(files, default=0))
    if key not in _projects:
        arguments = [*_QUIET, "parse", UNWRITTEN, *_where(settings)]
        with collector.loading():
            _projects[key] = dbtRunner().invoke(arguments).result
    return _projects[key]


def _load_dbt() -> None:
    """Import dbt, which is heavy: only when it is needed, and never looked at by the collector."""
    if "dbt.adapters.duckdb.impl" not in sys.modules:
        with collector.loading():
            import dbt.adapters.duckdb.impl
            import dbt.cli.main
            import dbt.task.build  # noqa: F401

            from counterflow.warehouse import dbt_plugin  # noqa: F401


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
        "seconds": round(node.execution_time, 2),
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
