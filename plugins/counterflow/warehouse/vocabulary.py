"""What a published column may hold: the vocabularies that the register's `holds` names.

In: the code lists and the project of dbt, the rule books, the contracts, and the tables that contracts compiled to
(`scratch`, at a build's gate only). Out: of a set of texts, those that are outside the vocabulary. A vocabulary that nobody knows
holds nothing: the gate fails closed.

| holds | is |
|---|---|
| `list:<name>` | a code of the list, `unknown` or `not_asked` |
| `words:<a>,<b>` (parted by a stroke) | one of these words |
| `country`, `region`, `subregion`, `mission` | of the seed of countries; a mission is a country |
| `name` | a name in snake_case, as a form's version has it |
| `word`, `group` | a text that the dbt project itself writes, a code, a country; a group also a year, a pair |
| `canonical`, `question`, `rule`, `kind`, `issue_field` | names of our tables, fields, rules and signals |
| `node` | a node of the dbt project, put together of its own words |
| `seed`, `table`, `caveat` | a cell of a seed, a published table, its caveat |
| `contract`, `note`, `local:<column>` | what contracts say, as they were compiled |
| `message`, `detail` | a sentence of our own making (`sentences`) |

`key`, `sha256`, `components` are patterns; `count`, `number`, `year`, `month`, `night`, `day`, `ordinal`, `boolean` are
no texts: `leaks` asks them in SQL.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import duckdb

from counterflow import consent
from counterflow.canonical import TABLES, landed_name
from counterflow.settings import PROJECT
from counterflow.warehouse import sentences
from counterflow.warehouse.published import Published, published

MISSING = frozenset({"unknown", "not_asked"})
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PERIOD = re.compile(r"all|(?:19|20)\d\d(?:-(?:19|20)\d\d)?")
_NUMBER = re.compile(r"\d{1,2}(?:[-+]\d{0,2})?")
_PART = re.compile(r"[^\W_]+")
_LITERAL = re.compile(r"'([^'\n]*)'")
_JOINED = re.compile(r"(?<!\w)[a-z][a-z0-9]*_[a-z0-9_]*[a-z0-9](?!\w)")
DBT_HASH = re.compile(
    r"\.[0-9a-f]{10}$|_[0-9a-f]{32}(?=\.|$)"
)  # dbt shortens and ends names of tests so
_SHARE = r"(?:null|[01](?:\.\d{1,3})?)"
_PATTERNS = {
    "name": _NAME,
    "period": _PERIOD,
    "components": re.compile(rf'{{(?:"[a-z]+":{_SHARE},?){{1,8}}}}'),
}
_CONTRACT = {  # without scratch: how what a contract says of its mission is written
    "mission_name": re.compile(r"[^\W\d_](?:[^\W\d_]|[ '’().,\-]){1,60}"),
    "languages": re.compile(r"[a-z]{2,3}(?:, [a-z]{2,3})*"),
    "dialect": _NAME,
    "steward": re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*-desk"),
}
_LOCAL = {
    "field": "select distinct field from scratch.staging.stg_asked where table_name = 'local_attribute' "
    "union select local_code from scratch.staging.stg_code_map where table_name = 'local_attribute' and field = 'field'",
    "value": "select distinct code from scratch.staging.stg_code_map where table_name = 'local_attribute'",
    "label": "select distinct label from scratch.staging.stg_code_map where table_name = 'local_attribute'",
}


@dataclass(frozen=True)
class Vocabulary:
    """All vocabularies of a warehouse. `built`: a connection to a build with `scratch`; None for a published file alone."""

    missions: Path
    built: duckdb.DuckDBPyConnection | None = None
    project: Path = field(default=PROJECT / "dbt_project")

    def foreign(self, holds: str, values: Iterable[str], column: str = "") -> set[str] | None:
        """The values that are outside the vocabulary; None if there is no such vocabulary."""
        kind, _, name = holds.partition(":")
        if kind == "list":
            codes = self.lists.get(name)
            return None if codes is None else set(values) - codes - MISSING
        if kind == "words":
            return set(values) - set(name.split("|"))
        if kind in _PATTERNS:
            return {v for v in values if not _PATTERNS[kind].fullmatch(v)}
        if kind in ("local", "contract", "note"):
            return self._of_contracts(kind, name or column, set(values))
        holds_it = self._kinds.get(kind)
        return None if holds_it is None else {v for v in values if not holds_it(v)}

    @cached_property
    def _kinds(self) -> dict[str, Callable[[str], bool]]:
        return {
            "country": self._country,
            "mission": self._country,
            "mission_or_all": lambda value: value == "all" or self._country(value),
            "region": self._region,
            "subregion": self._region,
            "seed": lambda value: value in self._cells,
            "word": self._word,
            "group": self._group,
            "node": self._node,
            "table": lambda value: value in self._promised,
            "caveat": lambda value: value in self._caveats,
            "canonical": lambda value: value in self._names,
            "question": self._question,
            "rule": lambda value: value in self._rules or value == "parent_quarantined",
            "kind": self._signal,
            "issue_field": self._issue_field,
            "message": self._sentence,
            "detail": self._sentence,
        }

    # --- codes, countries, missions -------------------------------------------------------------

    @cached_property
    def lists(self) -> dict[str, frozenset[str]]:
        """The standard's code lists and our own, by name."""
        found: dict[str, set[str]] = {}
        for row in self._seed("code"):
            found.setdefault(row["code_list"], set()).add(row["code"])
        return {name: frozenset(codes) for name, codes in found.items()}

    @cached_property
    def _codes(self) -> frozenset[str]:
        return frozenset(itertools.chain(*self.lists.values())) | MISSING

    @cached_property
    def _countries(self) -> dict[str, dict[str, str]]:
        return {row["country_code"]: row for row in self._seed("country")}

    @cached_property
    def _regions(self) -> frozenset[str]:
        names = ("m49_region", "m49_subregion", "m49_intermediate_region")
        return frozenset(row[name] for row in self._countries.values() for name in names) - {""}

    def _country(self, value: str) -> bool:
        return value in self._countries

    def _region(self, value: str) -> bool:
        return value in self._regions or value == "unknown"

    def _seed(self, name: str) -> list[dict[str, str]]:
        return _rows(self.project / "seeds" / f"{name}.csv")

    @cached_property
    def _cells(self) -> frozenset[str]:
        """Every cell of every seed; truth values as DuckDB writes them."""
        rows = itertools.chain(*(_rows(p) for p in sorted((self.project / "seeds").glob("*.csv"))))
        return frozenset(cell for row in rows for cell in row.values()) | {"true", "false", "none"}

    # --- the project's own words ----------------------------------------------------------------

    @cached_property
    def _literals(self) -> frozenset[str]:
        """What the SQL of the project writes between quotes, its joined_names, and names in its seeds."""
        found: set[str] = {"", "all"}
        for path in self._sql():
            text = path.read_text("utf-8")
            found.update(_LITERAL.findall(text))
            found.update(_JOINED.findall(text))
        found.update(cell for cell in self._cells if _NAME.fullmatch(cell))
        for table in self._promised.values():
            found.update(table.columns)
        return frozenset(found)

    def _sql(self) -> Iterator[Path]:
        for folder in ("models", "macros", "snapshots", "tests"):
            yield from sorted((self.project / folder).glob("**/*.sql"))

    def _word(self, value: str) -> bool:
        return (
            value in self._literals
            or value in self._codes
            or value in self._regions
            or value in self._countries
        )

    def _group(self, value: str) -> bool:
        """A word, a span of years, a small number or band, or two words: a corridor, a method `by` somebody."""
        if self._word(value) or _PERIOD.fullmatch(value) or _NUMBER.fullmatch(value):
            return True
        for joint in (" by ", " and ", " to ", "_"):
            first, found, second = value.partition(joint)
            if found and joint != "_":
                return self._word(first) and self._word(second)
        return any(
            self._word(value[:place]) and self._word(value[place + 1 :])
            for place, sign in enumerate(value)
            if sign == "_"
        )

    @cached_property
    def _tokens(self) -> frozenset[str]:
        """Every word of the project's files, and of the names of its models and columns."""
        found: set[str] = set()
        for path in itertools.chain(self._sql(), (self.project / "models").glob("**/*.yml")):
            found.update(_PART.findall(path.read_text("utf-8")))
            found.update(_PART.findall(path.stem))
        for path in (self.project / "seeds").glob("*"):
            found.update(_PART.findall(path.stem))
        for path in (self.project / "tests").glob("**/*"):
            found.update(_PART.findall(path.stem))
        found.update(part for code in self._codes for part in _PART.findall(code))
        found.update(
            ("model", "seed", "test", "snapshot", "exposure", "counterflow", "not", "null")
        )
        return frozenset(found)

    def made_of_tokens(self, text: str) -> bool:
        """Whether every word of a text is one of the project: node names, texts in macros."""
        return all(p in self._tokens or (p.isdecimal() and len(p) < 5) for p in _PART.findall(text))

    def _node(self, value: str) -> bool:
        return self.made_of_tokens(DBT_HASH.sub("", value))

    @cached_property
    def _promised(self) -> dict[str, Published]:
        return published(self.project)

    @cached_property
    def _caveats(self) -> frozenset[str]:
        """The caveat of each published table, as analysis.caveat has it."""
        parts = (t.comment.split("Caveat: ")[1:] for t in self._promised.values())
        return frozenset(" ".join(part).strip().replace("\n", " ") for part in parts)

    # --- names of the pipeline ------------------------------------------------------------------

    @cached_property
    def _names(self) -> frozenset[str]:
        found = {"", "profile", "rows", "withheld", *TABLES}
        for table in TABLES.values():
            for one in table.fields:
                found |= {one.name, landed_name(one), f"{table.name}.{one.name}"}
        return frozenset(found)

    def _question(self, value: str) -> bool:
        table, _, part = value.partition(".")
        return table in TABLES and (part in self._codes or part in self._literals)

    @cached_property
    def _rules(self) -> frozenset[str]:
        books = sorted((PROJECT / "expectations").glob("*.json"))
        return frozenset(
            rule for path in books for rule in _rule_ids(json.loads(path.read_text("utf-8")))
        )

    def _signal(self, value: str) -> bool:
        return bool(_NAME.fullmatch(value)) and all(
            part in sentences.program_words() or part in self._tokens for part in value.split("_")
        )

    def _issue_field(self, value: str) -> bool:
        """A field, a column of consent (`consent.guardian`), or a field of one mission."""
        return value in self._names or value in consent.FIELDS or self._is_local_field(value)

    def _is_local_field(self, value: str) -> bool:
        if self.built is None:
            return bool(_NAME.fullmatch(value))
        return value in self._compiled["field"]

    # --- what contracts say ---------------------------------------------------------------------

    @cached_property
    def _compiled(self) -> dict[str, frozenset[str]]:
        """What contracts compiled to: attributes of missions, local fields, values and labels, notes."""
        queries = dict(_LOCAL, note="select distinct note from scratch.staging.stg_asked")
        for column in _CONTRACT:
            queries[column] = f"select distinct {column} from scratch.staging.stg_mission"
        assert self.built is not None
        return {
            name: frozenset(v for (v,) in self.built.execute(query).fetchall() if v is not None)
            for name, query in queries.items()
        }

    def _of_contracts(self, kind: str, name: str, values: set[str]) -> set[str] | None:
        name = "note" if kind == "note" else name
        missing = MISSING if kind == "local" else frozenset()
        if self.built is not None:
            known = self._compiled.get(name)
            return None if known is None else values - known - missing
        if kind == "local" and name != "label":
            return {v for v in values if not _NAME.fullmatch(v)}
        shape = _CONTRACT.get(name)
        if shape is not None:
            return {v for v in values if not shape.fullmatch(v)}
        return set()  # a label or a note: contracts may have changed since; the patterns are asked all the same

    @cached_property
    def _said(self) -> sentences.Said | None:
        return sentences.said(self.missions) if self.built is not None else None

    @cached_property
    def _desks(self) -> frozenset[str]:
        """Words that a message may say of any mission: its code, its desk; canonical names."""
        names = {*self._countries, *self._names}
        return frozenset(part for name in names for part in _PART.findall(name))

    def _sentence(self, value: str) -> bool:
        if self.built is None:
            value = re.sub(r"(?<=[Aa]sk )[a-z0-9-]+-desk|(?<=connection )\w+", "", value)
        return sentences.ours(value, self._said, self._desks)


@lru_cache(maxsize=16)
def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _rule_ids(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if "rule_id" in value:
            yield str(value["rule_id"])
        for inner in value.values():
            yield from _rule_ids(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _rule_ids(inner)
