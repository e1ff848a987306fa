"""The score: the built warehouse against the truth of the synthetic missions, row by row.

In: the truth folder that `counterflow generate` wrote, the published warehouse and the build's
row outcomes. Out: for every table and field how many values were compared and how many agree; for
rows their outcome; for files their status. Only case numbers are turned into case keys here; no
code, date or mapping of Counterflow is used on the truth's side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from counterflow.consent import REASONS
from counterflow.depersonalise import case_key
from counterflow.missions import mission_keys
from counterflow.sealing import Seal
from counterflow.settings import Settings

# Truth table → table of core, and the columns that tell its rows apart (case_key always does).
# Tables without a key of their own are compared as whole rows, and so is a table whose truth has
# several rows of one key.
_TABLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "case": ("fct_case", ()),
    "citizenship": ("bridge_case_citizenship", ("citizenship",)),
    "exploitation": ("fct_exploitation", ("*",)),
    "sexual_exploitation": ("fct_sexual_exploitation", ("*",)),
    "online_platform": ("fct_online_platform", ("*",)),
    "control": ("fct_control", ("means_of_control",)),
    "recruitment": ("fct_recruitment", ("*",)),
    "route_leg": ("fct_route_leg", ("leg_number",)),
    "event": ("fct_event", ("event_number",)),
    "perpetrator": ("fct_perpetrator", ("perpetrator_number",)),
    "perpetrator_role": ("bridge_perpetrator_role", ("perpetrator_number", "role")),
    "vulnerability": ("fct_vulnerability", ("factor", "level")),
    "screening": ("fct_screening", ("*",)),
    "referral": ("fct_referral", ("*",)),
    "assistance": ("fct_assistance", ("*",)),
    "local_attribute": ("fct_local_attribute", ("field",)),
}
_NOT_IN_CORE = {"perpetrator": {"citizenship": "citizenship_region"}}
# What core says beside the facts: who loaded it, and when.
_NOT_IN_TRUTH = frozenset(
    {"case_key", "key_id", "mission_code", "form_version", "loaded_night", "label"}
)


@dataclass(frozen=True, slots=True)
class Compared:
    """How much of one thing was compared, and how much of it agrees."""

    table: str
    field: str
    compared: int
    equal: int

    @property
    def share(self) -> float:
        """1.0 if everything agrees (also if there was nothing to compare)."""
        return self.equal / self.compared if self.compared else 1.0


class ScoreRefusedError(Exception):
    """There is nothing to score; the message says what is missing."""


def score(settings: Settings, truth: Path, night: date | None = None) -> list[Compared]:
    """Compare the published warehouse of `night` (default: the one it holds) with the truth."""
    truth = truth / "truth" if (truth / "truth").is_dir() else truth
    warehouse = settings.warehouse / "warehouse.duckdb"
    scratch = settings.build / "scratch.duckdb"
    if not truth.is_dir() or not warehouse.exists() or not scratch.exists():
        raise ScoreRefusedError(
            f"a score needs a truth folder ({truth}) and a warehouse that was built here ({warehouse})"
        )
    seal = Seal.of(settings)
    with seal.connect() as connection:
        seal.attach(connection, warehouse, "wh")
        seal.attach(connection, scratch, "scratch")
        found = connection.execute("select max(night) from wh.quality.load").fetchone()
        until: date = night or (found[0] if found else date.min)
        chosen = _chosen(truth, until, connection)
        if not chosen:
            raise ScoreRefusedError(f"{truth} holds no truth for the nights up to {until}")
        return list(_compared(settings, connection, truth, chosen, until))


def _chosen(truth: Path, until: date, connection: duckdb.DuckDBPyConnection) -> dict[str, Path]:
    """The truth that holds for each mission of the warehouse: of its last loaded export."""
    missions = {
        m
        for (m,) in connection.execute(
            "select distinct mission_code from wh.quality.load"
        ).fetchall()
    }
    chosen: dict[str, Path] = {}
    for folder in sorted(truth.glob("????-??-??")):
        if date.fromisoformat(folder.name) <= until:
            chosen |= {p.name: p for p in folder.iterdir() if p.is_dir() and p.name in missions}
    return chosen


def _compared(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    truth: Path,
    chosen: dict[str, Path],
    until: date,
) -> Iterator[Compared]:
    _case_keys(settings, connection, chosen)
    files = _truth_files(connection, chosen)
    for table, (core, keys) in _TABLES.items():
        yield from _table(connection, table, core, keys, files[table])
    yield from _outcomes(connection)
    yield from _files(connection, truth, until)


def _truth_files(
    connection: duckdb.DuckDBPyConnection, chosen: dict[str, Path]
) -> dict[str, list[str]]:
    """The files of each truth table. Refused if truth and core do not cover each other."""
    files: dict[str, list[str]] = {}
    for folder in chosen.values():
        for path in sorted(folder.glob("*.parquet")):
            if path.stem != "rows":
                files.setdefault(path.stem, []).append(str(path))
    facts = {
        name
        for (name,) in connection.execute(
            "select table_name from duckdb_tables() where database_name = 'wh' "
            "and schema_name = 'core' and table_name not like 'dim\\_%' escape '\\'"
        ).fetchall()
    }
    told = {core for table, (core, _) in _TABLES.items() if table in files}
    problems = [
        *(f"no table of core is compared with the truth's {t}" for t in files.keys() - _TABLES),
        *(f"core lacks {core}" for core in told - facts),
        *(f"the truth says nothing of core.{fact}" for fact in facts - told),
    ]
    if problems:
        raise ScoreRefusedError("; ".join(sorted(problems)))
    return files


def _case_keys(
    settings: Settings, connection: duckdb.DuckDBPyConnection, chosen: dict[str, Path]
) -> None:
    """Tables `truth_rows` and `number` (mission, case number → case key) in the connection."""
    files = [str(path / "rows.parquet") for path in chosen.values()]
    connection.execute(
        f"create table truth_rows as select {_MISSION} as mission_code, * "
        f"from read_parquet(?, filename = true, union_by_name = true)",
        [files],
    )
    numbers = connection.execute(
        "select distinct mission_code, case_number from truth_rows where case_number is not null order by all"
    ).fetchall()
    keys = {mission: mission_keys(settings, mission) for mission in chosen}
    table = pa.table(
        {
            "mission_code": [m for m, _ in numbers],
            "case_number": [n for _, n in numbers],
            "case_key": [case_key(keys[m], n) for m, n in numbers],
        }
    )
    connection.register("number_view", table)
    connection.execute("create table number as select * from number_view")


_MISSION = "string_split(filename, '/')[-2]"


def _table(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    core: str,
    keys: tuple[str, ...],
    files: list[str],
) -> Iterator[Compared]:
    connection.execute(
        "create or replace table t as select n.case_key, f.* exclude (case_number, filename) "
        "from read_parquet(?, filename = true, union_by_name = true) as f "
        "join number as n on n.case_number = f.case_number and n.mission_code = string_split(f.filename, '/')[-2]",
        [files],
    )
    for name, become in _NOT_IN_CORE.get(table, {}).items():
        connection.execute(
            f"create or replace table t as select t.* exclude ({name}), c.m49_region as {become} "
            f"from t left join wh.core.dim_country as c on c.country_code = t.{name}"
        )
    columns = [r[0] for r in connection.execute("describe t").fetchall() if r[0] != "case_key"]
    have = {r[0] for r in connection.execute(f"describe wh.core.{core}").fetchall()}
    if absent := [c for c in columns if c not in have]:
        raise ScoreRefusedError(f"core.{core} lacks {', '.join(absent)}, which the truth has")
    if untold := sorted(have - {*columns, *_NOT_IN_TRUTH}):
        raise ScoreRefusedError(f"the truth says nothing of {', '.join(untold)} of core.{core}")
    key = ["case_key", *(columns if keys == ("*",) or _repeats(connection, keys) else keys)]
    rest = [c for c in columns if c not in key]
    on = " and ".join(f"t.{c} is not distinct from c.{c}" for c in key)
    same = ", ".join(f"count(*) filter (where t.{c} is not distinct from c.{c})" for c in rest)
    found = connection.execute(
        f"select count(*), count(*) filter (where t.case_key is not null and c.case_key is not null)"
        f"{', ' + same if same else ''} "
        f"from (select distinct * from t) as t full join "
        f"(select distinct case_key, {', '.join(columns)} from wh.core.{core}) as c on {on}"
    ).fetchone()
    assert found is not None
    both = found[1]
    yield Compared(table, "row", found[0], both)
    for name, equal in zip(rest, found[2:], strict=True):
        yield Compared(table, name, both, min(equal, both))


def _repeats(connection: duckdb.DuckDBPyConnection, keys: tuple[str, ...]) -> bool:
    """Whether the truth in `t` has several different rows of one key."""
    key = ", ".join(("case_key", *keys))
    found = connection.execute(
        f"select count(*) from (select distinct * from t) group by {key} having count(*) > 1 limit 1"
    ).fetchone()
    return found is not None


def _outcomes(connection: duckdb.DuckDBPyConnection) -> Iterator[Compared]:
    """Every source row's fate; of rows that were not landed, their number by reason."""
    found = connection.execute(
        """
        select
            count(*),
            count(*) filter (where coalesce(a.outcome, 'not landed')
                = case when t.outcome in ('withheld', 'blank') then 'not landed' else t.outcome end),
            count(*) filter (where t.outcome = 'quarantined'),
            count(*) filter (where t.outcome = 'quarantined' and list_contains(a.rule_ids, t.rule_id))
        from truth_rows as t
        full join (
            select * from scratch.intermediate.int_source_row
            where mission_code in (select mission_code from truth_rows)
        ) as a using (mission_code, source, source_row)
        """
    ).fetchone()
    assert found is not None
    yield Compared("rows", "outcome", found[0], found[1])
    yield Compared("rows", "rule_id", found[2], found[3])
    expected = ", ".join(f"count(*) filter (where reason = '{r}') as {r}" for r in REASONS)
    equal = " and ".join(f"e.{r} = a.withheld_{r}" for r in REASONS)
    counts = connection.execute(
        f"""
        with expected as (
            select mission_code, count(*) filter (where outcome = 'blank') as blank,
                count(*) filter (where outcome = 'withheld') as withheld, {expected}
            from truth_rows group by all
        ),
        actual as (
            select * from wh.quality.load
            qualify row_number() over (partition by mission_code order by night desc) = 1
        )
        select count(*), count(*) filter (where e.blank = a.rows_blank
            and e.withheld = a.rows_withheld and {equal})
        from expected as e left join actual as a using (mission_code)
        """
    ).fetchone()
    assert counts is not None
    yield Compared("rows", "withheld and blank, missions", counts[0], counts[1])


def _files(connection: duckdb.DuckDBPyConnection, truth: Path, until: date) -> Iterator[Compared]:
    """The status of every mission's export on every night that was loaded."""
    nights = {
        str(n)
        for (n,) in connection.execute("select distinct night from wh.quality.load").fetchall()
    }
    files = [
        str(f)
        for f in sorted(truth.glob("????-??-??/files.csv"))
        if f.parent.name in nights and date.fromisoformat(f.parent.name) <= until
    ]
    found = connection.execute(
        "select count(*), count(*) filter (where f.status = l.status) "
        "from read_csv(?, filename = true, all_varchar = true) as f join wh.quality.load as l "
        "on l.mission_code = f.mission_code and l.night = string_split(f.filename, '/')[-2]::date",
        [files],
    ).fetchone()
    assert found is not None
    yield Compared("files", "status", found[0], found[1])
