"""The limit: DuckDB reads CSV files and writes them as Parquet, with its own defaults, and does nothing else.

In: a folder of CSV files, a folder for the Parquet. Out: the number of rows.
"""

from __future__ import annotations

import sys

import duckdb


def main() -> None:
    """Read and write."""
    source, target = sys.argv[1:]
    done = duckdb.connect().execute(
        f"copy (select * from read_csv('{source}/*.csv')) to '{target}/cases.parquet' (format parquet)"
    )
    print(done.fetchall()[0][0])


if __name__ == "__main__":
    main()
