"""Runs in an environment of its own: dlt loads CSV files into DuckDB.

In: a folder of CSV files, a folder for the database and dlt's own state, the reader. Out: the number of rows loaded.
`read_csv` is what dlt's guide of its filesystem source shows; `read_csv_duckdb` reads with DuckDB and hands over Arrow.
"""

import os
import sys

import dlt
import duckdb
from dlt.sources import filesystem as source


def main() -> None:
    """Load, count, print."""
    folder, work, reader = sys.argv[1:]
    os.chdir(work)
    files = source.filesystem(bucket_url=f"file://{folder}", file_glob="*.csv")
    if reader == "read_csv":
        cases = files | source.read_csv()
    else:
        cases = files | source.read_csv_duckdb(use_pyarrow=True, all_varchar=True)
    pipeline = dlt.pipeline(
        pipeline_name="cases",
        dataset_name="cases",
        pipelines_dir=f"{work}/pipelines",
        destination=dlt.destinations.duckdb(f"{work}/peer.duckdb"),
    )
    pipeline.run(cases.with_name("cases"), write_disposition="replace")
    with duckdb.connect(f"{work}/peer.duckdb", read_only=True) as connection:
        print(connection.execute("select count(*) from cases.cases").fetchall()[0][0])


if __name__ == "__main__":
    main()
