"""The gates between a build and its publication: each looks at the built file, read-only.

In: the build of a night. Out: one `GateResult` per gate; a gate that fails, or cannot be run,
stops the publication, and yesterday's warehouse stays.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from counterflow import disk
from counterflow.depersonalise import MissionKeys
from counterflow.keys import keyring
from counterflow.landing import Landing
from counterflow.sealing import Seal
from counterflow.settings import Settings
from counterflow.suppression import TOKEN, erased, tokens
from counterflow.warehouse.leaks import LEAK_GATES, Looked
from counterflow.warehouse.manifest import MANIFEST, Build, read_manifest
from counterflow.warehouse.published import published
from counterflow.warehouse.vocabulary import Vocabulary

PASSED = "gates.json"
_AT_ONCE = 500_000  # cases of which tokens are made together
_IN_MEMORY = 2_000_000  # cases whose keys a join holds, some 100 bytes each
# facts that name their mission, and what their case and mission must be of
_WITH_MISSION = {
    "fct_case": "scratch.intermediate.int_source_row where source = 'case' and outcome = 'accepted'",
    "fct_local_attribute": "core.fct_case where true",
}
_SHOWN = 20  # problems that a gate names one by one
_LARGEST_FALL = 0.5  # of all accepted cases against the published warehouse


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate: what it found, in words and counts."""

    gate: str
    passed: bool
    detail: str

    def to_dict(self) -> dict[str, object]:
        """For logs and XCom."""
        return asdict(self)


class GateFailed(Exception):
    """At least one gate failed: nothing is published. Names them and what to do."""

    def __init__(self, results: list[GateResult]) -> None:
        self.results = results
        failed = [r for r in results if not r.passed]
        lines = "; ".join(f"{r.gate}: {r.detail}" for r in failed)
        super().__init__(
            f"not published, yesterday's warehouse stays. {lines}. See docs/runbooks/gate_failed.md"
        )


def run_gates(settings: Settings, night: date) -> list[GateResult]:
    """Run every gate on the build of `night`. Raises GateFailed after the last one."""
    built = read_manifest(settings.build / MANIFEST)
    if built is None or built.night != night or not (settings.build / "warehouse.duckdb").exists():
        raise GateFailed([GateResult("build", False, f"there is no build of {night}")])
    results = []
    seal, file = Seal.of(settings), settings.build / "warehouse.duckdb"
    with ThreadPoolExecutor(1) as beside, seal.opened(file) as connection:
        digest = beside.submit(disk.sha256, file)  # nobody writes it: its build is over
        seal.prepare(connection)  # views of staging read what was landed
        seal.attach(connection, settings.build / "scratch.duckdb", "scratch")
        # views of staging name their files as they lie in the build
        connection.execute(f"set file_search_path = '{_quoted(settings.build)}'")
        published = settings.warehouse / "warehouse.duckdb"
        if published.exists():
            seal.attach(connection, published, "published")
        for name, gate in (_GATES | _leaks(connection, settings, built)).items():
            try:
                problem = gate(connection, settings, built)
            except Exception as error:  # noqa: BLE001 - a gate that cannot be run has not passed
                problem = f"could not be run ({type(error).__name__})"
            results.append(GateResult(name, not problem, problem or "passed"))
    if any(not result.passed for result in results):
        raise GateFailed(results)
    passed = {
        "build_id": built.build_id,
        "sha256": digest.result(),
        "gates": [r.to_dict() for r in results],
    }
    disk.write_text(settings.build / PASSED, json.dumps(passed, indent=1) + "\n")
    return results


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    found = connection.execute(query).fetchone()
    return int(found[0]) if found else 0


def _by_table(
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[tuple[str, str, str]],
    known: str,
    keys: str = "true",
    there: bool = False,
) -> Counter[str]:
    """`schema.table` → rows of which a column (schema, table, column) names a case that is not in the table `known`, or is.

    `keys`: which cases are looked at, as a condition of `case_key`.
    """
    held = " union all ".join(
        f'select \'{schema}.{table}\' as place, "{column}" as case_key from "{schema}"."{table}"'
        + f' where "{column}" is not null' * (column != "case_key")  # a key may not be null
        for schema, table, column in columns
    )
    # Said as a join: of `exists`, one column that may be null makes DuckDB look for each different key first.
    found = connection.execute(
        f"select place, count(*) from ({held}) as held {'semi' if there else 'anti'} join "
        f"(select case_key from {known} where {keys}) as known using (case_key) where {keys} group by place"
    ).fetchall()
    return Counter({str(place): int(rows) for place, rows in found})


def _ranges(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Conditions of `case_key`: one of them holds for every text and for null; each for about `_IN_MEMORY` cases of a build.

    Case keys are hexadecimal digits as if by chance, and facts lie in their order: a range is read by itself.
    """
    cases = _count(connection, "select count(*) from history.fct_case")
    number = min(256, -(-cases // _IN_MEMORY)) or 1
    bounds = ["", *(f"{256 * place // number:02x}" for place in range(1, number)), ""]
    for least, end in pairwise(bounds):
        below = f"case_key < '{end}'" if end else "true"
        yield f"case_key >= '{least}' and {below}" if least else f"(case_key is null or {below})"


def _dbt_tests(_: duckdb.DuckDBPyConnection, __: Settings, built: Build) -> str:
    failed = built.failed_tests
    return f"{len(failed)} dbt tests failed: {', '.join(failed[:5])}" if failed else ""


def _accounting(connection: duckdb.DuckDBPyConnection, _: Settings, __: Build) -> str:
    wrong = _count(
        connection,
        "select count(*) from quality.load where rows_read is distinct from "
        "rows_accepted + rows_quarantined + rows_withheld + rows_blank",
    )
    return (
        f"{wrong} loads do not add up: read = accepted + quarantined + withheld + blank"
        if wrong
        else ""
    )


def _consent(connection: duckdb.DuckDBPyConnection, settings: Settings, built: Build) -> str:
    """No case that did not pass the consent gate, in no night; and every fact belongs to a case."""
    facts = connection.execute(
        "select table_name from duckdb_columns() where database_name = current_database() "
        "and schema_name = 'core' and column_name = 'case_key' order by all"
    ).fetchall()
    names = {str(table) for (table,) in facts}
    # of a case alone: all facts in one join, which holds the keys of the cases once
    of_cases = [("core", table, "case_key") for table in sorted(names - _WITH_MISSION.keys())]
    foreign: Counter[str] = Counter()
    for keys in _ranges(connection):
        foreign += _by_table(connection, of_cases, "core.fct_case", keys)
        for table in sorted(names & _WITH_MISSION.keys()):
            foreign[f"core.{table}"] += _count(
                connection,
                f"select count(*) from (select mission_code, case_key from core.{table} where {keys}) anti join "
                f"(select mission_code, case_key from {_WITH_MISSION[table]} and {keys}) using (mission_code, case_key)",
            )
    problems = [
        f"{rows} rows of {table} belong to no case that consented"
        for table, rows in sorted(foreign.items())
        if rows
    ]
    sound = {table for table in names if not foreign.get(f"core.{table}")}
    return "; ".join(problems + _withheld(connection, settings, built.night, sound))


def _withheld(
    connection: duckdb.DuckDBPyConnection, settings: Settings, night: date, sound: AbstractSet[str]
) -> list[str]:
    """A case that is withheld tonight, or was erased, is in no table, of no night.

    Tokens are made of every case of the build and looked for among those that landing remembers: the
    other way round than counterflow.purging, which makes case keys of tokens. `sound`: tables of core
    whose rows all belong to a case of the build.
    """
    columns = connection.execute(
        "select schema_name, table_name, column_name from duckdb_columns() where "
        "database_name = current_database() and column_name in ('case_key', 'into_case_key') order by all"
    ).fetchall()
    # each row of the others is of a case of core.fct_case, and those are known
    asked = [c for c in columns if c[0] != "core" or c[1] not in sound]
    out: list[str] = []
    strange: Counter[str] = Counter()
    for keys in _ranges(connection):
        connection.execute(
            "create or replace table memory.cases_known as select distinct mission_code, case_key from ("
            "select mission_code, case_key from core.fct_case union all "
            "select mission_code, case_key from history.fct_case union all "
            "select mission_code, case_key from history.case_change union all "
            "select mission_code, into_case_key from history.case_change where into_case_key is not null"
            f") where {keys}"
        )
        out += _cases_out(connection, settings, night)
        strange += _by_table(connection, asked, "memory.cases_known", keys)
    connection.execute("drop table memory.cases_known")
    connection.register("cases_out", pa.table({"case_key": pa.array(out, pa.string())}))
    withheld = _by_table(connection, columns, "cases_out", there=True) if out else Counter()
    problems = [
        f"{n} rows of {t} are of cases that are withheld" for t, n in sorted(withheld.items())
    ]
    problems += [f"{n} rows of {t} are of cases of no mission" for t, n in sorted(strange.items())]
    return problems


def _cases_out(connection: duckdb.DuckDBPyConnection, settings: Settings, night: date) -> list[str]:
    """Which of the table `cases_known` must stay out. Read a part at a time: there may be millions."""
    ring, seal = keyring(settings), Seal.of(settings)
    staying_out: dict[str, frozenset[str]] = {}
    out: list[str] = []
    known = connection.execute("select mission_code, case_key from memory.cases_known")
    for batch in known.to_arrow_reader(_AT_ONCE):
        cases = pa.Table.from_batches([batch])
        for mission in cases.column(0).unique().to_pylist():
            if mission not in staying_out:
                landing = Landing(settings.landing, mission)
                staying_out[mission] = _staying_out(seal, landing, night)
            own = cases.filter(pc.equal(cases.column(0), mission)).column(1).to_pylist()
            made = tokens(MissionKeys.of(ring, mission), own)
            out += [c for c, t in zip(own, made, strict=True) if t in staying_out[mission]]
    return out


def _staying_out(seal: Seal, landing: Landing, night: date) -> frozenset[str]:
    """The tokens of a mission's cases that are withheld by what is in force and what came after it, or erased."""
    found = set(erased(seal, landing).column(TOKEN).to_pylist())
    records = list(landing.records(night))
    since = (records[-1].loaded_night or date.min) if records else date.min
    for record in records:
        for export in {record.export, record.tried} - {None} if record.night >= since else ():
            path = landing.path(str(export)) / "withheld.parquet"
            if path.exists():
                found |= set(seal.read(path, [TOKEN]).column(0).to_pylist())
    return frozenset(found)


def _leaks(
    connection: duckdb.DuckDBPyConnection, settings: Settings, built: Build
) -> dict[str, _Gate]:
    """The gates of `leaks`, which share one look at the file."""
    vocabulary = Vocabulary(settings.missions, connection, settings.dbt_project)
    looked = Looked(connection, vocabulary, built.night, published(settings.dbt_project))
    earlier = "published" if _is_attached(connection, "published") else None
    return {name: lambda *_, ask=ask: told(ask()) for name, ask in looked.gates(earlier).items()}


def _is_attached(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    return bool(
        _count(
            connection, f"select count(*) from duckdb_databases() where database_name = '{name}'"
        )
    )


def told(problems: list[str]) -> str:
    """The problems of a gate as one sentence; empty if there is none."""
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return "; ".join(problems[:_SHOWN]) + more


def _volume(connection: duckdb.DuckDBPyConnection, settings: Settings, _: Build) -> str:
    published = read_manifest(settings.warehouse / MANIFEST)
    before = published.tables.get("core.fct_case", (0, ""))[0] if published else 0
    now = _count(connection, "select count(*) from core.fct_case")
    if now == 0:
        return "there is not one accepted case"
    if before and now < before * (1 - _LARGEST_FALL):
        return f"{now} cases, {before} in the published warehouse: more than half would vanish"
    return ""


def _failures(connection: duckdb.DuckDBPyConnection, settings: Settings, built: Build) -> str:
    total, failed = connection.execute(
        "select count(*), count(*) filter (where status in ('failed', 'refused')) "
        "from quality.load where night = ?",
        [built.night],
    ).fetchone() or (0, 0)
    if total and failed / total > settings.max_failed_share:
        return (
            f"{failed} of {total} missions failed or were refused, more than "
            f"{settings.max_failed_share:.0%} (COUNTERFLOW_MAX_FAILED_SHARE)"
        )
    return ""


_Gate = Callable[[duckdb.DuckDBPyConnection, Settings, Build], str]
_GATES: dict[str, _Gate] = {
    "dbt_tests": _dbt_tests,
    "row_accounting": _accounting,
    "consent": _consent,
    "volume": _volume,
    "failed_missions": _failures,
}
NAMES = (*_GATES, *LEAK_GATES)
