"""The leak gate: nothing is published but what was promised, and nothing that looks like a person's data.

In: a connection to a built or published file, read-only. Out: problems, a sentence each: table, column, count, never a value.
Three questions, each a gate: `schema_allow_list`, is the file exactly what dbt's contracts promise; `closed_vocabularies`, is each
value of each column of what the register says it holds; `leak_patterns`, has any text, comment or macro a shape of personal data.

Every table is read once: one query gives the different texts of each column, and counts what is wrong with keys, dates
and numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial

import duckdb

from counterflow import sensitivity
from counterflow.warehouse.abreast import abreast
from counterflow.warehouse.patterns import shapes
from counterflow.warehouse.published import Published, published
from counterflow.warehouse.vocabulary import DBT_HASH, Vocabulary

LEAK_GATES = ("schema_allow_list", "closed_vocabularies", "leak_patterns")
_FIRST = date(1900, 1, 1)  # registrations before it are quarantined as too old
_NIGHTS = date(2000, 1, 1)
_QUOTED = re.compile(r"'((?:[^']|'')*)'")

# What is no text, or a text of fixed shape: the condition that a value must fulfil. {c} is the column.
_ASKED_IN_SQL = {
    "key": "regexp_full_match({c}, '[0-9a-f]{{32}}')",
    "key_id": "regexp_full_match({c}, '[0-9a-f]{{8}}')",
    "sha256": "regexp_full_match({c}, '[0-9a-f]{{64}}')",
    "month": "day({c}) = 1 and {c} between date '{first}' and date '{until}'",
    "night": "{c} in ({nights})",
    "day": "{c} between date '{first}' and (date_trunc('month', date '{until}') + interval 1 month)::date",
    "year": "{c} between 1900 and {year}",
    "reference_year": "{c} between 1900 and 2100",
    "ordinal": "{c} between 0 and 9999",
    "count": "{c} between 0 and 10000000000",
    "number": "isfinite({c})",
    "boolean": "true",
}
_TYPES = {
    "month": ("DATE",),
    "night": ("DATE",),
    "day": ("DATE",),
    "year": ("INTEGER",),
    "reference_year": ("INTEGER",),
    "ordinal": ("INTEGER",),
    "count": ("BIGINT", "INTEGER"),
    "number": ("DOUBLE",),
    "boolean": ("BOOLEAN",),
}


@dataclass(frozen=True)
class Looked:
    """One look at a file: its tables, their different texts, and what counts as wrong."""

    connection: duckdb.DuckDBPyConnection
    vocabulary: Vocabulary
    night: date
    promised: Mapping[str, Published] = field(default_factory=published)

    def gates(self, earlier: str | None = None) -> dict[str, Callable[[], list[str]]]:
        """The three questions by the names of their gates."""
        asked = (self.schema, lambda: self.closed(earlier), self.patterns)
        return dict(zip(LEAK_GATES, asked, strict=True))

    # --- is the file what was promised? ------------------------------------------------------------

    def schema(self) -> list[str]:
        """Exactly the tables, columns, types, comments and macros of the contracts, and nothing beside."""
        return [*self._objects(), *self._tables(), *self._macros()]

    def _objects(self) -> Iterator[str]:
        schemas = {name.partition(".")[0] for name in self.promised} | {"main"}
        names = ", ".join(f"'{name}'" for name in sorted(schemas))
        for kind, query in _OBJECTS.items():
            rows = self.connection.execute(query.format(schemas=names)).fetchall()
            if rows:
                yield f"{len(rows)} {kind} that nobody promised"

    def _tables(self) -> Iterator[str]:
        found = self._columns
        yield from (
            f"{name} is no table of the contracts" for name in found if name not in self.promised
        )
        for name, table in self.promised.items():
            columns = found.get(name)
            if columns is None:
                yield f"{name} is missing"
                continue
            for column, (kind, _) in columns.items():
                if column not in table.columns:
                    yield f"{name}.{column} is no column of the contracts"
                elif kind != table.columns[column]:
                    yield f"{name}.{column} is {kind.split('(')[0]}, the contract says {table.columns[column]}"
            yield from (f"{name}.{c} is missing" for c in table.columns if c not in columns)
            yield from sensitivity.agree(name, table.columns)
            foreign = sum(
                comment not in ("", table.comments.get(column, ""))
                for column, (_, comment) in columns.items()
            )
            if foreign:
                yield f"{name} has {foreign} comments of columns that are not ours"
            if self._comments.get(name, "") != table.comment:
                yield f"{name} has a comment that is not ours"

    @cached_property
    def _columns(self) -> dict[str, dict[str, tuple[str, str]]]:
        """Table → column → type and comment, of everything that is in the file, views too."""
        found: dict[str, dict[str, tuple[str, str]]] = {}
        for table, column, kind, comment in self.connection.execute(
            "select schema_name || '.' || table_name, column_name, data_type, coalesce(comment, '') "
            "from duckdb_columns() where database_name = current_database() and not internal "
            "order by schema_name, table_name, column_index"
        ).fetchall():
            found.setdefault(table, {})[column] = (kind, comment)
        return found

    @cached_property
    def _comments(self) -> dict[str, str]:
        rows = self.connection.execute(
            "select schema_name || '.' || table_name, coalesce(comment, '') from duckdb_tables() "
            "where database_name = current_database()"
        ).fetchall()
        return dict(rows)

    @cached_property
    def _macro_rows(self) -> list[tuple[str, str, list[str], str, str]]:
        return self.connection.execute(
            "select schema_name || '.' || function_name, function_type, parameters, coalesce(comment, ''), "
            "coalesce(macro_definition, '') from duckdb_functions() "
            "where database_name = current_database() and not internal order by all"
        ).fetchall()

    def _macros(self) -> Iterator[str]:
        facts = [
            n
            for n, t in self.promised.items()
            if n.startswith("history.") and "valid_from" in t.columns
        ]
        expected: dict[str, tuple[list[str], str | None]] = {
            f"{name}_as_of": (
                ["as_of_night"],
                f"core.{name.partition('.')[2]} as it was when the night was over. Its caveat is that of {name}.",
            )
            for name in facts
        }
        expected["analysis.rate"] = (["asked", "by"], None)
        for name, kind, parameters, comment, body in self._macro_rows:
            if name not in expected or kind != "table_macro":
                yield f"{name} is no macro of ours"
                continue
            wanted, said = expected[name]
            if list(parameters) != wanted:
                yield f"the macro {name} has other parameters"
            ours = self.vocabulary.made_of_tokens
            if comment != said if said is not None else not ours(comment):
                yield f"the macro {name} has a comment that is not ours"
            texts = _QUOTED.findall(body)
            foreign = sum(not ours(text) for text in texts)
            if foreign:
                yield f"the macro {name} holds {foreign} texts that are not ours"

    # --- is each value of its vocabulary? ----------------------------------------------------------

    def closed(self, earlier: str | None = None) -> list[str]:
        """What each column holds is of the vocabulary that the register names.

        `earlier` names an attached database: a text of a past night that a contract gave, and has lost since, is allowed
        where that database holds it in the same column.
        """
        problems = []
        for table in self._columns:
            problems += [p for p in self._closed(table, earlier) if p]
        return problems

    def _closed(self, table: str, earlier: str | None) -> Iterator[str]:
        try:
            entries = sensitivity.columns(table)
        except sensitivity.RegisterError:
            yield f"{table} is a table that no vocabulary covers"
            return
        texts, wrong = self._read(table)
        for column, (kind, _) in self._columns[table].items():
            one = entries.get(column)
            if one is None or not one.holds:
                yield f"{table}.{column} is a column that no vocabulary covers"
            elif one.holds in _ASKED_IN_SQL:
                if kind not in _TYPES.get(one.holds, ("VARCHAR",)):
                    yield f"{table}.{column} is {kind.split('(')[0]} and should hold {one.holds}"
                elif wrong.get(column):
                    yield f"{wrong[column]} values of {table}.{column} are no {one.holds}"
            elif kind != "VARCHAR":
                yield f"{table}.{column} is {kind.split('(')[0]}, a type that could hold anything"
            else:
                foreign = self.vocabulary.foreign(one.holds, texts[column], column)
                if foreign is None:
                    yield f"{table}.{column} is a column that no vocabulary covers"
                elif foreign and earlier is not None and _of_a_past_night(table, one.holds):
                    foreign -= self._held_earlier(earlier, table, column, foreign)
                if foreign:
                    rows = self._rows_with(table, column, foreign)
                    yield f"{rows} values of {table}.{column} are outside its vocabulary"

    def _read(self, table: str) -> tuple[dict[str, set[str]], dict[str, int]]:
        """The different texts of each text column, and how many values of the others are wrong."""
        return self._all[table]

    @cached_property
    def _all(self) -> dict[str, tuple[dict[str, set[str]], dict[str, int]]]:
        nights = self._nights  # looked up once, before many ask for it
        tables = list(self._columns)
        return dict(
            zip(
                tables,
                abreast(self.connection, partial(self._read_one, nights), tables),
                strict=True,
            )
        )

    def _read_one(
        self, loaded: Sequence[date], connection: duckdb.DuckDBPyConnection, table: str
    ) -> tuple[dict[str, set[str]], dict[str, int]]:
        nights = ", ".join(f"date '{night}'" for night in loaded)
        bounds = {"first": _FIRST, "until": self.night, "year": self.night.year, "nights": nights}
        try:
            entries = sensitivity.columns(table)
        except sensitivity.RegisterError:
            entries = {}
        asked: list[tuple[str, str, str]] = []  # column, `texts` or `wrong`, expression
        for column, (kind, _) in self._columns[table].items():
            quoted = _identifier(column)
            holds = entries[column].holds if column in entries else ""
            if holds in _ASKED_IN_SQL and kind in _TYPES.get(holds, ("VARCHAR",)):
                condition = _ASKED_IN_SQL[holds].format(c=quoted, **bounds)
                asked.append(
                    (
                        column,
                        "wrong",
                        f"count(*) filter ({quoted} is not null and not ({condition}))",
                    )
                )
            else:
                asked.append((column, "texts", f"list(distinct {quoted}::varchar)"))
        query = f"select {', '.join(e for _, _, e in asked)} from {_quoted(table)}"
        row = connection.execute(query).fetchone() or ()
        texts: dict[str, set[str]] = {}
        wrong: dict[str, int] = {}
        for (column, what, _), value in zip(asked, row, strict=True):
            if what == "wrong":
                wrong[column] = int(value)
            else:
                texts[column] = {v for v in value or () if v is not None}
        return texts, wrong

    @cached_property
    def _nights(self) -> list[date]:
        """The nights that were loaded: the only exact dates that may stand anywhere."""
        rows = self.connection.execute("select distinct night from quality.load").fetchall()
        nights = {
            night for (night,) in rows if night is not None and _NIGHTS <= night <= self.night
        }
        return sorted(nights | {self.night})

    def _held_earlier(self, earlier: str, table: str, column: str, values: set[str]) -> set[str]:
        quoted = f"{earlier}.{_quoted(table)}"
        try:
            rows = self.connection.execute(
                f"select distinct {_identifier(column)} from {quoted} where list_contains(?, {_identifier(column)})",
                [sorted(values)],
            ).fetchall()
        except duckdb.CatalogException:
            return set()
        return {value for (value,) in rows}

    def _rows_with(self, table: str, column: str, values: set[str]) -> int:
        found = self.connection.execute(
            f"select count(*) from {_quoted(table)} where list_contains(?, {_identifier(column)}::varchar)",
            [sorted(values)],
        ).fetchone()
        return int(found[0]) if found else 0

    # --- does anything look like a person's data? --------------------------------------------------

    def patterns(self) -> list[str]:
        """No text, comment or macro has a shape of personal data."""
        nights = {str(night) for night in self._nights}
        problems = []
        for table in self._columns:
            texts, _ = self._read(table)
            for column, values in texts.items():
                holds = self._holds(table, column)
                found: dict[str, set[str]] = {}
                for value in values:
                    if holds == "seed" and self._of_seed(value):
                        continue  # a cell of a committed file, which may name its source on the web
                    for shape in shapes(
                        DBT_HASH.sub("", value) if holds == "node" else value, nights
                    ):
                        found.setdefault(shape, set()).add(value)
                for shape, those in sorted(found.items()):
                    rows = self._rows_with(table, column, those)
                    problems.append(
                        f"{rows} values of {table}.{column} look like personal data ({shape})"
                    )
            problems += self._comment_patterns(table, nights)
        for name, _, _, comment, body in self._macro_rows:
            for text in (comment, *_QUOTED.findall(body)):
                problems += [
                    f"the macro {name} holds personal data ({shape})"
                    for shape in shapes(text, nights)
                ]
        return problems

    def _comment_patterns(self, table: str, nights: set[str]) -> Iterator[str]:
        comments = {"": self._comments.get(table, "")}
        comments |= {f".{column}": comment for column, (_, comment) in self._columns[table].items()}
        for where, comment in comments.items():
            for shape in shapes(comment, nights):
                yield f"the comment of {table}{where} looks like personal data ({shape})"

    def _holds(self, table: str, column: str) -> str:
        try:
            return sensitivity.entry(table, column).holds
        except sensitivity.RegisterError:
            return ""

    def _of_seed(self, value: str) -> bool:
        return not self.vocabulary.foreign("seed", (value,))


# What a contract or a past version of the program gave; the lists of the standard only grow.
_PAST = ("local:", "message", "detail", "note", "issue_field", "kind", "rule", "list:")


def _of_a_past_night(table: str, holds: str) -> bool:
    return table.startswith(("history.", "quality.")) and holds.startswith(_PAST)


_HERE = "database_name = current_database()"
_OBJECTS = {
    "schemas": f"select 1 from duckdb_schemas() where {_HERE} and schema_name not in ({{schemas}}) and not internal",
    "comments of schemas": f"select 1 from duckdb_schemas() where {_HERE} and comment is not null",
    "views": f"select 1 from duckdb_views() where {_HERE} and not internal",
    "sequences": f"select 1 from duckdb_sequences() where {_HERE}",
    "types": f"select 1 from duckdb_types() where {_HERE} and not internal",
    "indexes": f"select 1 from duckdb_indexes() where {_HERE}",
    "defaults of columns": f"select 1 from duckdb_columns() where {_HERE} and not internal and column_default is not null",
    "constraints": f"select 1 from duckdb_constraints() where {_HERE} and constraint_type = 'CHECK'",
    "comments of the database": f"select 1 from duckdb_databases() where {_HERE} and comment is not null",
}


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(table: str) -> str:
    schema, _, name = table.partition(".")
    return f"{_identifier(schema)}.{_identifier(name)}"
