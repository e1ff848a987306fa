"""What would help most: the trouble of a mission's export in, the same as ranked advice out.

Advice has a kind and what its sentence names (rows, file, column, lines); the sentence itself is in `words/`, in the
language of who reads it. First comes what loses a whole export, then what holds rows back, by their number, then what
keeps cases out for want of a clear consent, then questions that are asked and seldom answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from counterflow.contracts import Contract
from counterflow.contracts.model import Column

Row = dict[str, Any]
# The last part of a rule's id, or all of it → the kind of advice.
_RULES = {
    "case.key_present": "key_missing",
    "case.key_conflict": "key_conflict",
    "case.merged_known": "merged_unknown",
    "case.registered_on_not_before_birth": "before_birth",
    "case_present": "child_without_case",
    "case_known": "child_of_no_case",
    "mapped": "explain_codes",
    "readable": "unreadable",
    "not_future": "in_the_future",
}
_STATUS = {"late": "send", "missing": "send", "refused": "refused"}
_SELDOM = 0.5  # a question that is asked and answered less often than this is worth a word
FEW = 11  # cases; fewer, and how they were answered may be what one of them answered (docs/disclosure.md)


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do. `rows` is what it would gain: source rows, or answers of cases."""

    kind: str
    rows: int = 0
    file: str = ""
    column: str = ""
    lines: tuple[int, ...] = ()
    field: str = ""
    rank: int = 0


class Place(NamedTuple):
    """Rows of the export in force that fail a rule: how many, and where the first of them are."""

    rows: int
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is known of a mission's export in force, for advice."""

    load: Row
    rules: Sequence[Row] = ()
    issues: Sequence[Row] = ()
    coverage: Sequence[Row] = ()
    contract: Contract | None = None
    # Rule → rows of the export in force, where the landing can be looked at. The rules of a night in which an export was
    # refused are of that export; these are always of the one whose counts are shown.
    places: Mapping[str, Place] | None = None


def advice(trouble: Trouble) -> list[Advice]:
    """All that could be done, most useful first."""
    found = [
        *_of_the_export(trouble),
        *_of_rows(trouble),
        *_of_consent(trouble),
        *_of_answers(trouble),
    ]
    return sorted(found, key=lambda one: (one.rank, -one.rows, one.kind, one.field))


def _of_the_export(trouble: Trouble) -> Iterator[Advice]:
    if kind := _STATUS.get(trouble.load["status"]):
        yield Advice(kind, trouble.load["rows_read"] or 0, rank=0)


def _of_rows(trouble: Trouble) -> Iterator[Advice]:
    for rule_id, found in _critical(trouble):
        table, _, name = rule_id.partition(".")
        ending = next(
            (e for e in ("mapped", "readable", "not_future") if name.endswith(f"_{e}")), name
        )
        kind = _RULES.get(rule_id) or _RULES.get(ending)
        if kind is None:
            continue
        about = name.removesuffix(f"_{ending}") if ending != name else ""
        if rule_id == "case.registered_on_not_before_birth":
            about = "registered_on"
        file, column = place(trouble.contract, table, about)
        named = f"{table}.{about}" if about else table
        yield Advice(kind, found.rows, file, column, found.lines, named, 1)


def _critical(trouble: Trouble) -> Iterator[tuple[str, Place]]:
    """The critical rules of rows that fail, with what is known of the rows."""
    if trouble.places is not None:
        yield from trouble.places.items()
        return
    for rule in trouble.rules:
        of_rows = rule["severity"] == "critical" and rule["table_name"] != "profile"
        if of_rows and rule["status"] == "failed":
            yield rule["rule_id"], Place(rule["rows_failed"] or 0, ())


def _of_consent(trouble: Trouble) -> Iterator[Advice]:
    unread = 0
    for issue in trouble.issues:
        if issue["kind"] == "unmapped_consent":
            unread += issue["rows"] or 0
    file = _file(trouble.contract, "case")
    column = str(trouble.contract.consent.research.from_) if trouble.contract else ""
    blank = (trouble.load.get("withheld_consent_unknown") or 0) - unread
    if unread:
        yield Advice("explain_consent", unread, file, column, rank=2)
    if blank > 0:
        yield Advice("consent_blank", blank, file, column, rank=2)
    if rows := trouble.load.get("withheld_consent_contradictory") or 0:
        yield Advice("consent_contradictory", rows, file, column, rank=2)


def _of_answers(trouble: Trouble) -> Iterator[Advice]:
    for row in trouble.coverage:
        asked = row["answered"] + row["unknown"]
        if asked < FEW or row["answered"] >= _SELDOM * asked:
            continue
        file, column = place(trouble.contract, row["table_name"], row["field"])
        if column or trouble.contract is None:
            yield Advice(
                "seldom_answered",
                row["unknown"],
                file,
                column,
                (),
                f"{row['table_name']}.{row['field']}",
                3,
            )


def place(contract: Contract | None, table: str, field_name: str) -> tuple[str, str]:
    """The mission's own file or sheet, and column, of a canonical field; empty where the contract names none."""
    if contract is None or table not in contract.tables:
        return "", ""
    own = contract.tables[table]
    columns: list[Column] = [
        found
        for part in (own.columns, own.becomes, *own.groups.values())
        if (found := part.get(field_name)) is not None
    ]
    names = list(dict.fromkeys(str(one.from_) for one in columns if one.from_ is not None))
    if not field_name and own.key:
        names = [str(header) for header in own.key]
    if not names and table != "case" and own.each and field_name in ("answer", "status"):
        names = [str(header) for header in own.each.values()]
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return _file(contract, table), shown


def _file(contract: Contract | None, table: str) -> str:
    if contract is None:
        return ""
    for name in (table, "case"):
        own = contract.tables.get(name)
        if own is not None and own.own_rows:
            return own.file or own.sheet or own.records or ""
    return ""
