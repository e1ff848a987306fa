"""Many tables of one DuckDB looked at, or changed, side by side.

In: a connection, and what is to be done with each of some items. Out: what each gave, in their order. DuckDB spreads one query
over the cores where a table has many rows; a warehouse has mostly small ones, which keep one core waiting for the other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import duckdb

Item = TypeVar("Item")
Given = TypeVar("Given")


def abreast(
    connection: duckdb.DuckDBPyConnection,
    work: Callable[[duckdb.DuckDBPyConnection, Item], Given],
    items: Iterable[Item],
) -> list[Given]:
    """What `work` gives for each item, on a cursor of its own that begins in the connection's database.

    A cursor sees what is attached, but neither the temporary tables, the registered ones nor the transaction of the
    connection. Raises what the first item in their order raises.
    """
    found = connection.execute("select current_database()").fetchone()
    home = str(found[0]) if found else ""

    def one(item: Item) -> Given:
        with connection.cursor() as cursor:
            cursor.execute(f'use "{home}"')
            return work(cursor, item)

    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    try:
        return list(pool.map(one, items))
    finally:
        pool.shutdown(cancel_futures=True)
