"""What may be asked: one query that reads, nothing that acts.

In: SQL as a client sent it. Out: nothing, or QueryRefusedError. DuckDB's own parser decides: what it cannot write down
as a query (`json_serialize_sql`) is something else. The database is read-only, reads no files and its settings are
locked whatever stands here; this keeps out what is written like a query and acts on the server, such as opening
another port.
"""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import duckdb

from counterflow.shell import QueryRefusedError

LONGEST = 200_000  # characters
_EXPLAIN = re.compile(r"\s*explain\b(\s*\(.*?\))?(\s+analyze\b)?", re.IGNORECASE | re.DOTALL)
# Functions that run SQL from a text, which nobody then has looked at, or change how the server works.
_ACTING = frozenset(
    {"query", "query_table", "json_execute_serialized_sql", "write_log"}
    | {"enable_logging", "disable_logging", "truncate_duckdb_logs", "set_current_transaction_id"}
    | {"enable_profiling", "disable_profiling", "checkpoint", "force_checkpoint"}
)
_local = threading.local()


def check(query: str) -> None:
    """Raise QueryRefusedError unless `query` is one that reads."""
    if len(query) > LONGEST:
        raise QueryRefusedError(f"a query has at most {LONGEST:,} characters")
    bare = _EXPLAIN.sub("", query, count=1) if _EXPLAIN.match(query) else query
    parsed = _parser().execute("select json_serialize_sql(?)", [bare]).fetchall()
    said = json.loads(parsed[0][0])
    if said["error"]:
        if said.get("error_type") == "parser":  # nothing that was not understood here goes further
            raise QueryRefusedError(str(said.get("error_message", "syntax error")))
        raise QueryRefusedError(
            "only queries are answered here: SELECT, FROM, WITH, DESCRIBE, SUMMARIZE, SHOW, EXPLAIN, and PIVOT with its "
            "values written out (PIVOT … ON column IN (…))"
        )
    if len(said["statements"]) != 1:
        raise QueryRefusedError("send one query at a time")
    for name in _functions(said["statements"]):
        if name in _ACTING or name.startswith("quack"):
            raise QueryRefusedError(f"the function {name} is not for clients of this server")


def _functions(node: Any) -> set[str]:
    """Every function that a parsed query names, in any depth."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            name = one.get("function_name")
            if isinstance(name, str):
                found.add(name.lower())
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return found


def _parser() -> duckdb.DuckDBPyConnection:
    """A database of this thread with nothing in it."""
    if not hasattr(_local, "connection"):
        _local.connection = duckdb.connect(config={"threads": 1, "memory_limit": "100MB"})
    return _local.connection  # type: ignore[no-any-return]
