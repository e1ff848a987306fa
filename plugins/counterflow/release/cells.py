"""The tables of a release: counts that are protected, and that change only when k persons did.

In: the views of a release, the cells of the release before. Out: for each cell that is published its
count, and for all the cases behind it. A cell in which 1 to k - 1 cases came or went since its count was
made keeps what was said of it, a number or nothing: so nobody can see that it moved. See docs/adr/0028.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from counterflow.disclosure import TableSpec, protect
from counterflow.release.policy import ReleasePolicy, Table

ALL = "all"  # a margin: over all values of the dimension


@dataclass(frozen=True, slots=True)
class Cells:
    """`values`: cell, count (NULL: withheld), departures. `cases`: cell id, place; of whom the count was made.

    A cell is named by its view and its values (`case|gender=feminine`), not by its table: two tables
    that show the same cell show the same count. `keys` says which case stands at which place.
    """

    values: pa.Table
    cases: pa.Table
    keys: pa.Table
    notes: Counter[str] = field(default_factory=Counter)


def none_before() -> Cells:
    """What the first release follows."""
    values = pa.schema([("cell", pa.string()), ("count", pa.int64()), ("departures", pa.int64())])
    cases = pa.schema([("id", pa.uint64()), ("place", pa.int32())])
    keys = pa.schema([("place", pa.int32()), ("case_key", pa.string())])
    return Cells(values.empty_table(), cases.empty_table(), keys.empty_table())


def name_of(table: Table) -> str:
    """SQL of a cell's name over the columns of a protected table, whose margins say `all`."""
    parts = [
        f"""case when "{d}" is null then '' else '|{d}=' || "{d}" end""" for d in sorted(table.by)
    ]
    return f"'{table.view}' || " + " || ".join(parts)


def contributors(connection: duckdb.DuckDBPyConnection, policy: ReleasePolicy) -> None:
    """Make the table `cell_cases`: every cell (by its id) of every table, and each case in it once."""
    selects = []
    for table in policy.tables.values():
        dimensions = ", ".join(f'"{d}"' for d in table.by)
        grouping = f"cube ({dimensions})" if table.margins else dimensions
        selects.append(
            f"select {_ID.format(name_of(table))} as id, place from ("
            f'select {dimensions}, place from "{table.view}" join cell_places using (case_key) '
            f"group by place, {grouping})"
        )
    connection.execute("create or replace temp table cell_cases as " + " union ".join(selects))


_ID = "md5_number_lower({})"  # 64 bits of a cell's name, the same in every version of DuckDB


def make(
    connection: duckdb.DuckDBPyConnection,
    policy: ReleasePolicy,
    key: bytes,
    before: Cells | None = None,
) -> Cells:
    """Protect every table; cells that moved too little keep what the release before said of them."""
    earlier = before or none_before()
    is_first = before is None
    for name, table in (
        ("cell_values_before", earlier.values),
        ("cell_keys_before", earlier.keys),
        ("cell_cases_then", earlier.cases),
    ):
        connection.register(name, table)
    connection.execute("""
    create or replace temp table cell_places as
        select case_key, (row_number() over (order by case_key))::integer as place
        from (select case_key from release_case union select case_key from cell_keys_before);
    create or replace temp table cell_cases_before as
        select c.id, p.place from cell_cases_then as c
        join cell_keys_before as k on c.place = k.place join cell_places as p on k.case_key = p.case_key;
    """)
    contributors(connection, policy)
    fresh = pa.concat_tables(list(_protected(connection, policy, key)))
    connection.register("cell_fresh_rows", fresh)
    is_new = f"({is_first} or moved >= {policy.k})"
    connection.execute(f"""
    create or replace temp table cell_fresh as
        select cell, any_value("count") as count from cell_fresh_rows group by cell;
    create or replace temp table cell_difference as
        select coalesce(c.id, b.id) as id, count(*) as n
        from cell_cases as c full join cell_cases_before as b on c.id = b.id and c.place = b.place
        where c.id is null or b.id is null group by all;
    create or replace temp table cell_moved as
        select cell, {_ID.format("cell")} as id, coalesce(d.n, 0) + coalesce(v.departures, 0) as moved,
            coalesce(v.departures, 0) as departures, v.count as said, {is_new} as is_new
        from (
            select cell from cell_fresh where "count" is not null or exists (
                from cell_cases as c where c.id = {_ID.format("cell")})
            union select cell from cell_values_before
        )
        left join cell_values_before as v using (cell)
        left join cell_difference as d on d.id = {_ID.format("cell")};
    create or replace temp table cell_values as
        select cell, id, moved, is_new,
            case when is_new then f.count else said end as counted,
            case when counted >= {policy.minimum_cell} then counted end as count,
            case when is_new then 0 else departures end as departures
        from cell_moved left join cell_fresh as f using (cell);
    """)
    counted = connection.execute(
        "select count(*) filter (is_new), count(*) filter (not is_new and moved > 0), "
        "count(*) filter (not is_new and moved = 0), count(*) filter (count is null) from cell_values"
    ).fetchone()
    assert counted is not None
    names = ("cells made anew", "cells that keep their count", "cells unchanged", "cells withheld")
    made = Cells(
        connection.execute(
            "select cell, count, departures from cell_values order by cell"
        ).to_arrow_table(),
        connection.execute(
            "select c.id, c.place from cell_cases as c join cell_values as v using (id) where v.is_new "
            "union all select b.id, b.place from cell_cases_before as b join cell_values as v using (id) "
            "where not v.is_new order by all"
        ).to_arrow_table(),
        connection.execute(
            "select place, case_key from cell_places order by place"
        ).to_arrow_table(),
        Counter(dict(zip(names, counted, strict=True))),
    )
    for name in ("cell_values_before", "cell_keys_before", "cell_cases_then", "cell_fresh_rows"):
        connection.unregister(name)
    return made


def _protected(
    connection: duckdb.DuckDBPyConnection, policy: ReleasePolicy, key: bytes
) -> Iterator[pa.Table]:
    """(cell, count) of every table, fresh: one call a view, so that its tables cannot be subtracted from each other."""
    views: dict[str, dict[str, Table]] = {}
    for name, table in policy.tables.items():
        views.setdefault(table.view, {})[name] = table
    for view, tables in views.items():
        columns = ", ".join(
            f'"{d}"' for d in dict.fromkeys(d for t in tables.values() for d in t.by)
        )
        records = connection.execute(f'select case_key, {columns} from "{view}"').to_arrow_table()
        specs = [TableSpec(name, table.by) for name, table in tables.items()]
        made = protect(records, specs, policy.method, key, minimum=policy.minimum_cell)
        for table, counts in zip(tables.values(), made, strict=True):
            connection.register("cell_made", counts.table)
            totals = " or ".join(f'"{d}_is_total"' for d in table.by)
            inner = "" if table.margins else f"where not ({totals})"
            yield connection.execute(
                f'select {name_of(table)} as cell, "count" from cell_made {inner}'
            ).to_arrow_table()
            connection.unregister("cell_made")


def published(
    connection: duckdb.DuckDBPyConnection, policy: ReleasePolicy, values: pa.Table
) -> dict[str, pa.Table]:
    """Each table as it is handed out: its dimensions, `all` for a margin, and `cases`; withheld cells are not in it."""
    connection.register("cell_said", values)
    made = {}
    for name, table in policy.tables.items():
        columns = ", ".join(
            f"coalesce(regexp_extract(cell || '|', '\\|{d}=([^|]*)\\|', 1), '') as \"{d}\""
            for d in table.by
        )
        shown = ", ".join(
            f'case when "{d}" = \'\' then \'{ALL}\' else "{d}" end as "{d}"' for d in table.by
        )
        whole = "" if table.margins else " and ".join(f"\"{d}\" <> ''" for d in table.by)
        dimensions = ", ".join(f"'{d}'" for d in table.by)
        made[name] = connection.execute(
            f"""
            with parts as (
                select cell, count, list_transform(string_split(cell, '|')[2:], p -> split_part(p, '=', 1)) as named
                from cell_said where count is not null and split_part(cell, '|', 1) = '{table.view}'
            ), cut as (
                select {columns}, count from parts where len(list_filter(named, d -> d not in ({dimensions}))) = 0
            )
            select {shown}, count as cases from cut {"where " + whole if whole else ""} order by all
            """
        ).to_arrow_table()
    connection.unregister("cell_said")
    return made
