"""The missions that changed, made by themselves in files of their own, in the place of what stood of them in the last build.

In: the files of the last build, tonight's sources, the missions that changed, and dbt's models by mission. Out: the same files,
in whose tables the rows of these missions are tonight's. What it costs follows from these missions and not from all.

A part is a build as every other: dbt makes its models, and asks its tests, of the sources of some missions. A row of these
models is of one mission (its column `mission_code`, or the case that it is of), so that rows can change places by it; that
they follow from their own mission alone is what the models' `by_mission` says (counterflow.warehouse.reuse). What the
models read that is of no mission, such as lists of codes, is what the last build made of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from counterflow.sealing import Seal
from counterflow.settings import Settings
from counterflow.warehouse.abreast import abreast
from counterflow.warehouse.hashes import number, replaced, summed
from counterflow.warehouse.history import EARLIER
from counterflow.warehouse.manifest import Build
from counterflow.warehouse.reuse import Project, Step, Tables
from counterflow.warehouse.sources import write_part

PART = "part"
_DATABASES = ("warehouse", "scratch")


class ForeignCaseError(Exception):
    """A case of a mission that changed is another mission's already: the tables must be made whole."""


class Part:
    """The files of a part, in a folder of the build's own."""

    def __init__(
        self,
        settings: Settings,
        project: Project,
        names: AbstractSet[str],
        missions: AbstractSet[str],
    ) -> None:
        """`names`: the nodes that are made or asked of these missions alone."""
        self._settings, self._seal = settings, Seal.of(settings)
        self.folder = settings.build / PART
        self.project, self.missions = project, missions
        tests = {n for n in names if project.nodes[n].resource_type == "test"}
        looked_at = {parent for test in tests for parent in project.parents(test)}
        self._tables = sorted(self._is_made_of(names - tests | looked_at))
        self.nodes = sorted(tests) + self._tables

    def _is_made_of(self, names: Iterable[str]) -> set[str]:
        """The models by mission that `names` are, or read."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found and self.project.is_model_by_mission(name):
                found.add(name)
                waiting += self.project.parents(name)
        return found

    def lay(self, earlier: Path) -> None:
        """Lay ready what dbt reads: sources, the history before tonight, and what is of no mission."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        write_part(self._settings, self.missions, self.folder / "sources")
        with self._seal.opened(self.folder / EARLIER, read_only=False) as connection:
            self._seal.attach(connection, earlier, "before")
            _name_cases(connection, "before", self.missions)
            connection.execute("create schema history")
            for table, columns in _tables(connection, "before", {"history"}).items():
                held = f"before.{table} as t" + _rows_of(self.missions, columns)
                connection.execute(f"create table {table} as select t.* from {held}")
        for database in _DATABASES:
            self._copy_lists(database)

    def _copy_lists(self, database: str) -> None:
        """The tables of no mission that the part's models and tests read, as the last build has them."""
        read = {p for name in self.nodes for p in self.project.parents(name)} - set(self.nodes)
        wanted = [self.project.nodes[n] for n in sorted(read) if n in self.project.nodes]
        with self._seal.opened(self.folder / f"{database}.duckdb", read_only=False) as connection:
            self._seal.attach(connection, self._settings.build / f"{database}.duckdb", "whole")
            for node in wanted:
                if node.database == database:
                    table = f'"{node.schema}"."{node.alias}"'
                    connection.execute(f'create schema if not exists "{node.schema}"')
                    connection.execute(f"create table {table} as from whole.{table}")

    def put(self, last: Build) -> Tables:
        """Let the part's rows take the place of those of its missions; rows and hashes of the published tables that changed.

        Raises ForeignCaseError before anything is changed.
        """
        with self._seal.opened(self._settings.build / "warehouse.duckdb", read_only=False) as db:
            self._seal.attach(db, self._settings.build / "scratch.duckdb", "scratch", False)
            for database in _DATABASES:
                self._seal.attach(db, self.folder / f"{database}.duckdb", f"part_{database}")
            _name_cases(db, "warehouse", self.missions)
            self._refuse_foreign(db)
            nodes = [self.project.nodes[name] for name in self._tables]
            tables = [n for n in nodes if n.config.materialized not in ("view", "ephemeral")]
            names = [f"{node.schema}.{node.alias}" for node in tables]
            was = [last.tables.get(name) for name in names]
            put = abreast(db, self._put_one, zip(tables, was, strict=True))
        shutil.rmtree(self.folder)
        return {name: now for name, now in zip(names, put, strict=True) if now is not None}

    def _put_one(
        self, db: duckdb.DuckDBPyConnection, one: tuple[Any, tuple[int, str] | None]
    ) -> tuple[int, str] | None:
        """Change the rows of one table; `one`: its node, and if it is published its rows and hash, which are returned as they are now."""
        node, was = one
        table = f'"{node.schema}"."{node.alias}"'
        columns = _columns(db, node.database, node.schema, node.alias)
        whole, part = f"{node.database}.{table}", f"part_{node.database}.{table}"
        # one look at the columns of the whole table: rows go by their place, and the hash without them
        db.execute(
            f"create temp table gone as select t.rowid as place, "
            f"{number(columns) if was is not None else '0'} as number "
            f"from {whole} as t{_rows_of(self.missions, columns)}"
        )
        out = db.execute("select count(*), coalesce(sum(number), 0) from gone").fetchone()
        assert out is not None
        now = replaced(was, out, summed(db, part, columns)) if was is not None else None
        db.execute(f"delete from {whole} where rowid in (select place from gone)")
        db.execute(f"insert into {whole} by name from {part}")
        db.execute("drop table gone")
        return now

    def _refuse_foreign(self, db: duckdb.DuckDBPyConnection) -> None:
        """That no case of the part is a case of another mission, which no look at the part alone can tell."""
        found = db.execute(
            "select count(*) from part_warehouse.core.fct_case as mine semi join "
            f"(select case_key from warehouse.core.fct_case where mission_code not in ({_listed(self.missions)})) as other "
            "using (case_key)"
        ).fetchone()
        if found != (0,):
            raise ForeignCaseError


def follow(seal: Seal, target: Path, source: Path, step: Step, changed: Iterable[str]) -> None:
    """Let the file at `target`, which holds what the build before held, hold what the one at `source` does.

    `changed`: the tables (`schema.table`) that are not the same in both.
    """
    with seal.opened(target, read_only=False) as db:
        seal.attach(db, source, "build")
        _name_cases(db, "build", step.missions)  # history knows those that were and those that are
        abreast(db, partial(_follow_one, step), changed)


def _follow_one(step: Step, db: duckdb.DuckDBPyConnection, name: str) -> None:
    schema, _, table = name.partition(".")
    columns = _columns(db, "build", schema, table)
    where = _rows_of(step.missions, columns) if name in step.tables else ""
    place = f'"{schema}"."{table}" as t{where}'
    db.execute(f"delete from warehouse.{place}")
    db.execute(f'insert into warehouse."{schema}"."{table}" by name select t.* from build.{place}')


def _rows_of(missions: Iterable[str], columns: Iterable[str]) -> str:
    """The rows of some missions, as SQL of a table `t`: by its mission, or by its case. All of a table that has neither."""
    known = set(columns)
    if "mission_code" in known:
        return f" where t.mission_code in ({_listed(missions)})"
    if "case_key" in known:
        return " where t.case_key in (select case_key from memory.case_of_part)"
    return ""


def _listed(missions: Iterable[str]) -> str:
    return ", ".join(f"'{mission}'" for mission in sorted(missions)) or "''"


def _name_cases(db: duckdb.DuckDBPyConnection, database: str, missions: Iterable[str]) -> None:
    """`memory.case_of_part`: every case that the history in `database` knows of the missions."""
    db.execute(
        "create table memory.case_of_part as select distinct case_key "
        f"from {database}.history.fct_case where mission_code in ({_listed(missions)})"
    )


def _columns(db: duckdb.DuckDBPyConnection, database: str, schema: str, table: str) -> list[str]:
    found = db.execute(
        "select column_name from duckdb_columns() where database_name = ? and schema_name = ? "
        "and table_name = ? order by column_index",
        [database, schema, table],
    ).fetchall()
    return [str(name) for (name,) in found]


def _tables(
    db: duckdb.DuckDBPyConnection, database: str, schemas: AbstractSet[str]
) -> Mapping[str, list[str]]:
    """The tables of some schemas of a database, and their columns."""
    found: dict[str, list[str]] = {}
    for schema, table, column in db.execute(
        "select schema_name, table_name, column_name from duckdb_columns() where database_name = ? "
        "and list_contains(?, schema_name) order by all",
        [database, sorted(schemas)],
    ).fetchall():
        found.setdefault(f'"{schema}"."{table}"', []).append(str(column))
    return found
