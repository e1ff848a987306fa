"""dbt's part of `make bench-validation`: the suites as generic tests on tables of a DuckDB file.

In: a folder with `<suite>.parquet` and the suites' JSON; a line on standard input for each run. Out: a line of
JSON for each: seconds of `dbt test`, and by rule how many rows fail. One process, so that dbt is imported once and
its project is parsed once.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

# dbt has `not_null`; what else the suites say are generic tests of the project, as dbt_utils' are. What is missing
# is not checked. A row condition is dbt's own `where`.
MACROS = """
{% test in_set(model, column_name, values) %}
select * from {{ model }} where {{ column_name }} not in ({{ values }})
{% endtest %}
{% test not_in_set(model, column_name, values) %}
select * from {{ model }} where {{ column_name }} in ({{ values }})
{% endtest %}
{% test between(model, column_name, least=none, most=none) %}
select * from {{ model }} where false
{% if least is not none %} or {{ column_name }} < {{ least }} {% endif %}
{% if most is not none %} or {{ column_name }} > {{ most }} {% endif %}
{% endtest %}
{% test once(model, columns) %}
select * from (select *, count(*) over (partition by {{ columns | join(', ') }}) as times from {{ model }}
where {{ columns | join(' is not null and ') }} is not null) where times > 1
{% endtest %}
"""
PROJECT = (
    "name: bench\nversion: '1.0.0'\nprofile: bench\nflags: {send_anonymous_usage_stats: false}\n"
)


def text(values: list[Any]) -> str:
    """Values as SQL."""
    return ", ".join("'" + str(value).replace("'", "''") + "'" for value in values)


def where(condition: Any) -> str:
    """A row condition as SQL; what is missing differs from everything, as in GX."""
    if condition["type"] == "and":
        return " and ".join(where(one) for one in condition["conditions"])
    name, value = condition["column"]["name"], condition["parameter"]
    if condition["operator"] == "IN":
        return f"{name} in ({text(value)})"
    same = "is not distinct from" if condition["operator"] == "==" else "is distinct from"
    return f"{name} {same} {text([value])}"


def test_of(rule: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The column, and the test of a rule."""
    kwargs, kind = rule["kwargs"], rule["type"]
    said: dict[str, Any] = {"name": re.sub(r"\W", "__", rule["meta"]["rule_id"])}
    if "row_condition" in kwargs:
        said["config"] = {"where": where(kwargs["row_condition"])}
    if "column_list" in kwargs:
        return None, {"once": {**said, "arguments": {"columns": kwargs["column_list"]}}}
    if kind == "expect_column_values_to_not_be_null":
        return kwargs["column"], {"not_null": said}
    if kind == "expect_column_values_to_be_between":
        ends = {"least": kwargs.get("min_value"), "most": kwargs.get("max_value")}
        return kwargs["column"], {"between": {**said, "arguments": ends}}
    name = "in_set" if kind == "expect_column_values_to_be_in_set" else "not_in_set"
    return kwargs["column"], {name: {**said, "arguments": {"values": text(kwargs["value_set"])}}}


def project(folder: Path, home: Path) -> None:
    """The tables in a DuckDB file, and a project of dbt that tests them."""
    models = []
    with duckdb.connect(str(home / "bench.duckdb")) as db:
        db.execute("create schema landed")
        for file in sorted(folder.glob("*.parquet")):
            db.execute(f"create table landed.\"{file.stem}\" as from read_parquet('{file}')")
            columns: dict[str, list[Any]] = {}
            table: list[Any] = []
            for rule in json.loads((folder / f"{file.stem}.json").read_text("utf-8"))[
                "expectations"
            ]:
                column, test = test_of(rule)
                (table if column is None else columns.setdefault(column, [])).append(test)
            listed = [{"name": name, "data_tests": tests} for name, tests in columns.items()]
            models.append(
                {
                    "name": file.stem,
                    "quoting": {"identifier": True},
                    "columns": listed,
                    "data_tests": table,
                }
            )
    (home / "models").mkdir()
    (home / "macros").mkdir()
    (home / "macros" / "tests.sql").write_text(MACROS, "utf-8")
    sources = {"version": 2, "sources": [{"name": "landed", "tables": models}]}
    (home / "models" / "landed.yml").write_text(json.dumps(sources), "utf-8")  # JSON is YAML
    (home / "dbt_project.yml").write_text(PROJECT, "utf-8")
    cores = len(os.sched_getaffinity(0))
    target = {"type": "duckdb", "path": str(home / "bench.duckdb"), "threads": cores}
    profile = {"bench": {"target": "bench", "outputs": {"bench": target}}}
    (home / "profiles.yml").write_text(json.dumps(profile), "utf-8")


def main() -> None:
    """A run for each line."""
    from dbt.cli.main import dbtRunner

    folder = Path(sys.argv[1])
    home = folder / "dbt"
    home.mkdir()
    project(folder, home)
    os.chdir(home)
    said = ["--quiet", "--project-dir", str(home), "--profiles-dir", str(home)]
    answers, sys.stdout = sys.stdout, sys.stderr  # dbt prints, too
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        done = dbtRunner().invoke(["test", *said])
        took = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        if done.exception is not None or done.result is None:
            raise RuntimeError("dbt could not run its tests") from done.exception
        results: Any = done.result
        rows = {
            one.node.name.replace("__", ".", 1): [one.failures, ""]
            for one in results
            if one.failures
        }
        print(json.dumps({**took, "rows": rows}), file=answers, flush=True)


if __name__ == "__main__":
    main()
