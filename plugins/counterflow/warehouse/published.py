"""What dbt's contracts promise to publish: every table with its columns, their types and its comments.

In: the YAML of `dbt_project/models`, the list of snapshots and dbt's doc blocks, read as text: dbt is not needed. Out:
`Published` tables by `schema.name`. The leak gate compares the built file with it, and the register of sensitivity has
an entry for each column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from counterflow.settings import PROJECT
from counterflow.warehouse.hashes import PUBLIC

_TYPES = {
    "varchar": "VARCHAR",
    "date": "DATE",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
}
_DOCS = re.compile(r"{%\s*docs\s+(\w+)\s*%}(.*?){%\s*enddocs\s*%}", re.S)
_DOC = re.compile(r"{{\s*doc\('(\w+)'\)\s*}}")
_HELD = {
    "valid_from": ("DATE", "The first night on which the row held."),
    "valid_until": ("DATE", "The first night on which it held no more; empty while it holds."),
}


@dataclass(frozen=True, slots=True)
class Published:
    """One table that is published: the types of its columns in order, and its and their comments."""

    name: str  # schema.table
    columns: dict[str, str]
    comment: str
    comments: dict[str, str]


def published(project: Path = PROJECT / "dbt_project") -> dict[str, Published]:
    """Every table that the project publishes, by `schema.table`."""
    stamps = tuple(sorted((str(p), p.stat().st_mtime_ns) for p in _files(project)))
    return _read(project, stamps)


def _files(project: Path) -> Iterator[Path]:
    for schema in PUBLIC:
        yield from (project / "models" / schema).glob("*.yml")
    yield from (project / "models").glob("**/*.md")
    yield from (project / "snapshots").glob("*.sql")
    yield from (project / "macros").glob("history.sql")


@lru_cache(maxsize=4)
def _read(project: Path, _: tuple[tuple[str, int], ...]) -> dict[str, Published]:
    docs = {
        name: text.strip()
        for path in sorted((project / "models").glob("**/*.md"))
        for name, text in _DOCS.findall(path.read_text("utf-8"))
    }
    found: dict[str, Published] = {}
    kept: dict[str, list[str]] = {}
    for schema in PUBLIC:
        for path in sorted((project / "models" / schema).glob("*.yml")):
            data = yaml.load(path.read_text("utf-8"), Loader=_LOADER)  # noqa: S506 - our own file
            for model in data.get("models") or ():
                table = _table(schema, model, docs)
                found[table.name] = table
                kept[table.name] = _left_out(model)
    for fact in _snapshots(project):
        core = found[f"core.{fact}"]
        found[f"history.{fact}"] = _history(core, kept[core.name], project)
    return found


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _table(schema: str, model: dict[str, Any], docs: dict[str, str]) -> Published:
    name = str(model["name"]).removeprefix(f"{schema}_")  # as the macro generate_alias_name has it
    columns = {str(c["name"]): _TYPES[c["data_type"]] for c in model["columns"]}
    comments = {str(c["name"]): _rendered(c.get("description", ""), docs) for c in model["columns"]}
    comment = _rendered(model.get("description", ""), docs)
    return Published(f"{schema}.{name}", columns, comment, comments)


def _left_out(model: dict[str, Any]) -> list[str]:
    meta = (model.get("config") or {}).get("meta") or {}
    return list((meta.get("history") or {}).get("without", []))


def _rendered(text: str, docs: dict[str, str]) -> str:
    return _DOC.sub(lambda match: docs[match[1]], str(text)).strip()


def _snapshots(project: Path) -> list[str]:
    text = "\n".join(p.read_text("utf-8") for p in sorted((project / "snapshots").glob("*.sql")))
    return re.findall(r"history_of\('(\w+)'\)", text)


def _history(core: Published, left_out: list[str], project: Path) -> Published:
    """The history of a fact: its columns, the two nights, and the comment that the macro composes."""
    fact = core.name.partition(".")[2]
    columns = {name: kind for name, kind in core.columns.items() if name not in left_out}
    comments = {name: core.comments[name] for name in columns}
    for name, (kind, comment) in _HELD.items():
        columns[name], comments[name] = kind, comment
    grain, _, caveat = core.comment.partition("Caveat: ")
    text = (project / "macros" / "history.sql").read_text("utf-8")
    of_history = _sentence(text, "history_caveat")
    comment = (
        f"One row per row of core.{fact} × period in which it held, from the night valid_from up to, not including, the "
        f"night valid_until (empty: it holds). In core: {grain.strip().replace(chr(10), ' ')} "
        f"history.{fact}_as_of(night) is the table as it was.\n\nCaveat: {caveat.strip()} {of_history}"
    )
    return Published(f"history.{fact}", columns, comment, comments)


def _sentence(text: str, macro: str) -> str:
    """What a macro returns that only joins quoted texts."""
    match = re.search(rf"{{% macro {macro}\(\) -%}}(.*?){{%- endmacro %}}", text, re.S)
    return "".join(re.findall(r"'([^']*)'", match[1])) if match else ""
