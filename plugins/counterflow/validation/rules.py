"""The rule book: suite files in, typed rules and the hash of a verdict's causes out. No GX here.

The files are Great Expectations' own suite JSON, one a canonical table plus `profile.json`. Each
expectation is one rule: it carries `meta: {rule_id, reason, cure}` and a severity.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterflow.canonical import TABLES
from counterflow.depersonalise import is_token
from counterflow.validation.model import LandedExport

PROFILE = "profile"  # the suite, and the table name of its results: one row a mission and table
SEVERITIES = ("critical", "warning")
METHOD = 2  # raise when this package judges the same suites differently: verdicts are then renewed


class RuleBookError(ValueError):
    """A suite file that cannot be used: the message names file, rule and cure."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation of a suite, as its JSON states it."""

    type: str
    kwargs: Mapping[str, Any]
    meta: Mapping[str, Any]
    severity: str

    @property
    def rule_id(self) -> str:
        """The id of the rule that this expectation is."""
        return str(self.meta["rule_id"])

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns whose values it checks; a row without one of them is not checked."""
        if "column" in self.kwargs:
            return (str(self.kwargs["column"]),)
        if "column_A" in self.kwargs:
            return (str(self.kwargs["column_A"]), str(self.kwargs["column_B"]))
        return tuple(self.kwargs["column_list"])

    @property
    def needed(self) -> frozenset[str]:
        """All columns it reads: the checked ones and those of its row condition."""
        return frozenset(self.columns) | self.conditional

    @property
    def conditional(self) -> frozenset[str]:
        """The columns of its row condition."""
        return frozenset(_condition_columns(self.condition))

    @property
    def condition(self) -> Mapping[str, Any] | None:
        """GX's row condition: the rows that it speaks about; None for all."""
        return self.kwargs.get("row_condition")


@dataclass(frozen=True, slots=True)
class Rule:
    """What people are told about a rule."""

    rule_id: str
    table_name: str
    severity: str
    reason: str
    cure: str


@dataclass(frozen=True, slots=True)
class Suite:
    """One suite file."""

    name: str
    expectations: tuple[Expectation, ...]

    @property
    def rules(self) -> dict[str, Rule]:
        """Rule id to rule, in the order of the file."""
        return {
            item.rule_id: Rule(
                item.rule_id,
                self.name,
                item.severity,
                str(item.meta["reason"]),
                str(item.meta["cure"]),
            )
            for item in self.expectations
        }

    @property
    def columns(self) -> frozenset[str]:
        """The columns that its rules read; nothing else is loaded."""
        return frozenset().union(*(item.needed for item in self.expectations))

    def setting(self, rule_id: str, name: str) -> float:
        """A number that an expectation of `rule_id` keeps in its meta beside the reason."""
        for item in self.expectations:
            if item.rule_id == rule_id and name in item.meta:
                return float(item.meta[name])
        raise RuleBookError(f"{self.name}.json: {rule_id} needs the number `{name}` in its meta")


def load_suites(folder: Path) -> dict[str, Suite]:
    """All suites of `folder`: one a canonical table, in that order, and the profile's."""
    return {name: _load_suite(folder / f"{name}.json") for name in (*TABLES, PROFILE)}


def rule_book(folder: Path) -> dict[str, Rule]:
    """Rule id to rule, over all suites: what `quarantine` commands and reports explain with."""
    return {
        rule_id: rule
        for suite in load_suites(folder).values()
        for rule_id, rule in suite.rules.items()
    }


def rules_hash(export: LandedExport, suites: Path) -> str:
    """Hash of all that a verdict depends on beside the export: suites, codes, assertions, history.

    Not the night: judging the same export on another night must give the same verdict.
    """
    digest = hashlib.sha256(f"method {METHOD}".encode())
    for file in sorted(suites.glob("*.json")):
        _feed(digest, file.name.encode(), file.read_bytes())
    columns = [
        export.code_map.column(name).to_pylist()
        for name in ("table_name", "field", "local_code", "code")
    ]
    # The order of the map's rows changes nothing in a verdict, so it must not change the hash.
    # A token says nothing that its code does not; a rotated key must not give another verdict.
    codes = sorted(repr(row) for row in zip(*columns, strict=True) if not is_token(row[2]))
    _feed(digest, *(code.encode() for code in codes))
    if export.asked is not None:
        names = ("form_version", "table_name", "field", "item", "is_asked")
        columns = [export.asked.column(name).to_pylist() for name in names]
        asked = sorted(map(repr, zip(*columns, strict=True)))
        _feed(digest, *(row.encode() for row in asked))
    judged_against = {"assertions": export.assertions, "previous": export.previous}
    _feed(digest, json.dumps(judged_against, sort_keys=True, default=_plain).encode())
    return digest.hexdigest()


def _feed(digest: Any, *parts: bytes) -> None:
    """Length-prefixed, so that no two lists of parts look alike."""
    digest.update(len(parts).to_bytes(8, "big"))
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)


def _plain(value: object) -> object:
    """Mappings that are not dicts, and dates, for the hash."""
    return dict(value) if isinstance(value, Mapping) else str(value)


def _load_suite(file: Path) -> Suite:
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RuleBookError(f"{file}: no such suite; every canonical table has one") from None
    except json.JSONDecodeError as error:
        raise RuleBookError(f"{file}: not JSON at line {error.lineno}") from None
    if raw.get("name") != file.stem:
        raise RuleBookError(f"{file.name}: `name` must be {file.stem!r}")
    suite = Suite(file.stem, tuple(_expectations(file, raw.get("expectations", []))))
    if len(suite.rules) != len(suite.expectations):
        raise RuleBookError(f"{file.name}: two expectations share a rule_id")
    return suite


def _expectations(file: Path, items: list[dict[str, Any]]) -> Iterator[Expectation]:
    for number, item in enumerate(items, start=1):
        meta, where = item.get("meta") or {}, f"{file.name}, expectation {number}"
        for key in ("rule_id", "reason", "cure"):
            if not str(meta.get(key, "")).strip():
                raise RuleBookError(f"{where}: meta needs `{key}`")
        if not str(meta["rule_id"]).startswith(f"{file.stem}."):
            raise RuleBookError(f"{where}: rule_id must start with {file.stem!r} and a dot")
        if item.get("severity") not in SEVERITIES:
            raise RuleBookError(f"{where}: severity must be critical or warning")
        yield Expectation(item["type"], item.get("kwargs", {}), meta, item["severity"])


def _condition_columns(condition: object) -> Iterator[str]:
    """Every column named anywhere in a (nested) row condition."""
    if isinstance(condition, Mapping):
        column = condition.get("column")
        if isinstance(column, Mapping):
            yield str(column["name"])
        for part in condition.get("conditions", ()):
            yield from _condition_columns(part)
