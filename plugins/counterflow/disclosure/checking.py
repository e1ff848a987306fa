"""k and l of a table, in SQL, by the strict definition: equal in every quasi-identifier, NULL its own value.

In: a table. Out: its smallest class, and the fewest values of a sensitive column in a class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb


@dataclass(frozen=True, slots=True)
class Check:
    """`min_class` and `min_l` are 0 for an empty table; `min_l` is None without sensitive columns.

    `largest_class` and `homogeneous` (rows in classes that show one value only) are for reports.
    """

    rows: int
    classes: int
    min_class: int
    largest_class: int
    min_l: int | None
    homogeneous: int

    def holds(self, k: int, l: int) -> bool:  # noqa: E741
        """Whether no class is below k and none has fewer than l values of a sensitive column."""
        return self.rows == 0 or (self.min_class >= k and (self.min_l is None or self.min_l >= l))


def check(
    table: Any,
    quasi_identifiers: Sequence[str],
    sensitive: Sequence[str] = (),
    connection: duckdb.DuckDBPyConnection | None = None,
) -> Check:
    """Count the classes of an Arrow table (or of a DuckDB relation of `connection`)."""
    own = connection is None
    connection = connection or duckdb.connect()
    try:
        connection.execute("set enable_progress_bar = false")
        connection.register("released", table)
        distinct = [
            f"count(distinct {_name(c)}) + cast(count(*) > count({_name(c)}) as integer)"
            for c in sensitive
        ]
        diversity = "null" if not distinct else f"least({', '.join(distinct)})"
        grouping = ", ".join(map(_name, quasi_identifiers)) or "()"
        row = connection.execute(
            f"""
            select
                coalesce(sum(members), 0), count(*), coalesce(min(members), 0), coalesce(max(members), 0),
                min(diversity), coalesce(sum(members) filter (diversity < 2), 0)
            from (
                select count(*) as members, {diversity} as diversity
                from released group by {grouping}
            )
            where members > 0
            """
        ).fetchone()
        assert row is not None
        connection.unregister("released")
    finally:
        if own:
            connection.close()
    least = None if not sensitive else int(row[4] or 0)
    return Check(int(row[0]), int(row[1]), int(row[2]), int(row[3]), least, int(row[5]))


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
