"""Whether a contract agrees with itself: its versions, its columns, its assertions.

In: a loaded contract. Out: errors (what contradicts or names nothing) and warnings (what is
allowed but likely an oversight).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date

from counterflow.canonical import TABLES, Kind
from counterflow.contracts.errors import ContractError, nearest
from counterflow.contracts.fields import (
    answer_field,
    columns_of,
    is_filled,
    items_on_form,
    local_codes,
    placed_columns,
)
from counterflow.contracts.load import Loaded
from counterflow.contracts.model import Header, Table
from counterflow.text import fold

# what names a table in each format
_PLACE = {
    "csv": "file",
    "fixed": "file",
    "xlsx": "sheet",
    "xls": "sheet",
    "ods": "sheet",
    "json": "records",
}


def errors(loaded: Loaded) -> Iterator[ContractError]:
    """What contradicts itself or names nothing."""
    yield from _source(loaded)
    yield from _versions(loaded)
    yield from _not_asked(loaded)
    yield from _consent(loaded)
    yield from _assertions(loaded)
    for name, table in loaded.contract.tables.items():
        yield from _rows(loaded, name, table)
        yield from _layout(loaded, name, table)
        yield from _columns(loaded, name, table)
        yield from _claims(loaded, name, table)


def warnings(loaded: Loaded) -> Iterator[ContractError]:
    """What is allowed but likely an oversight."""
    assertion = loaded.contract.assert_.get("case")
    if assertion is None or assertion.rows.min is None:
        problem = "without a minimum of rows, an empty export would be accepted"
        yield loaded.error(("assert", "case", "rows"), problem)
    gone = [set(version.not_asked) for version in loaded.contract.versions.values()]
    for entry in sorted(set.intersection(*gone)):
        yield loaded.error(("versions",), f"no version asks `{entry}`, though it is mapped")


def _versions(loaded: Loaded) -> Iterator[ContractError]:
    """Periods follow each other, without overlap or gap."""
    periods = [
        (v.from_ or date.min, v.until or date.max, name)
        for name, v in loaded.contract.versions.items()
    ]
    if not periods:
        yield loaded.error(("versions",), "needs at least one version")
    for start, end, name in periods:
        if start > end:
            yield loaded.error(("versions", name), "ends before it begins")
    periods.sort()
    for (_, end, before), (start, _, name) in itertools.pairwise(periods):
        at = ("versions", name, "from")
        if start <= end:
            yield loaded.error(at, f"overlaps `{before}`: a month belongs to one version")
        elif _month_after(end) != start:
            yield loaded.error(at, f"leaves months after `{before}` without a version")


def _month_after(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _not_asked(loaded: Loaded) -> Iterator[ContractError]:
    """`not_asked` names a mapped table, field or item."""
    contract = loaded.contract
    names: set[str] = set()
    for name, table in contract.tables.items():
        fields = [f for f in TABLES[name].fields if is_filled(contract, name, table, f)]
        names |= {name, *(f"{name}.{f.name}" for f in fields)}
        names |= {f"{name}.{item}" for item in items_on_form(contract, name, table)}
    names |= {f"local_attribute.{name}" for _, name, _ in local_codes(contract)}
    for version, spec in contract.versions.items():
        for entry in spec.not_asked:
            if entry not in names:
                problem = f"`{entry}` is no table, field or item that this contract maps"
                yield loaded.error(
                    ("versions", version, "not_asked"), problem, nearest(entry, names)
                )


def _consent(loaded: Loaded) -> Iterator[ContractError]:
    """A code for "not answered" allows nothing; each column of consent is asked one thing."""
    research, at = loaded.contract.consent.research, ("consent", "research")
    allowing: list[tuple[tuple[str, ...], str, list[str]]] = [
        (("missing",), "a yes to research", research.yes)
    ]
    if research.guardian is not None:
        words = [*research.guardian.yes, *research.guardian.not_needed]
        allowing.append(((*at, "guardian"), "a guardian's yes", words))
    if research.form_versions is not None:
        covering = research.form_versions.covers
        allowing.append(((*at, "form_versions"), "a form that covers research", covering))
    if research.scope is not None:
        allowing.append(((*at, "scope"), "a scope of consent", list(research.scope.codes)))
    for place, what, words in allowing:
        for word in loaded.contract.missing:
            if fold(word) in set(map(fold, words)):
                problem = f"`{word}` means no answer and is {what} too; take it out of one of them"
                yield loaded.error(place, problem)
    read: dict[str, str] = {}
    for part, header in research.read:
        if (before := read.setdefault(str(header), part)) != part:
            problem = f"`{header}` is read under `{before}` too: each needs a column of its own"
            yield loaded.error((*at, *part.split(".")), problem)
    for part in ("given_on", "withdrawn_on"):
        day = getattr(research, part)
        if day and any("%b" in p for p in day.date) and not loaded.contract.months:
            yield loaded.error((*at, part, "date"), "`%b` needs the names of `months`")
    yield from _guardian(loaded)


def _guardian(loaded: Loaded) -> Iterator[ContractError]:
    """Whose guardian is asked can be told."""
    guardian, case = loaded.contract.consent.research.guardian, loaded.contract.tables["case"]
    if guardian is None or guardian.not_needed or columns_of(case, "age_band"):
        return
    problem = (
        "nothing tells who is a minor: fill `case.age_band`, or list in `not_needed` the answers that "
        "say that the person is of age"
    )
    yield loaded.error(("consent", "research", "guardian"), problem)


def _assertions(loaded: Loaded) -> Iterator[ContractError]:
    """Fill rates are asked only of fields that the contract fills."""
    contract = loaded.contract
    for name, assertion in contract.assert_.items():
        table = contract.tables[name]
        filled = [f.name for f in TABLES[name].fields if is_filled(contract, name, table, f)]
        for field in assertion.filled:
            if field not in filled:
                problem = "no column of this contract fills it"
                at = ("assert", name, "filled", field)
                yield loaded.error(at, problem, nearest(field, filled))


def _source(loaded: Loaded) -> Iterator[ContractError]:
    """What is said of the file fits its format."""
    source = loaded.contract.source
    if source.trimmed and source.format != "fixed":
        yield loaded.error(("source", "trimmed"), f"lines of {source.format} have no fixed width")
    if source.header.ruler is not None and source.format != "fixed":
        at = ("source", "header", "ruler")
        yield loaded.error(at, f"an export in {source.format} has no ruler")
    if source.header.label == 0 and source.format != "fixed":
        at = ("source", "header", "label")
        yield loaded.error(at, "only a file of fixed width can do without names: count from 1")
    if source.header.label == 0 and source.header.ruler is not None:
        yield loaded.error(
            ("source", "header", "label"), "a ruler marks columns, the names say which"
        )


def _layout(loaded: Loaded, name: str, table: Table) -> Iterator[ContractError]:
    """Columns of fixed width have their places, which do not overlap; other columns have none."""
    source, at = loaded.contract.source, ("tables", name, "layout")
    if table.layout and (source.format != "fixed" or source.header.ruler is not None):
        problem = (
            "a ruler marks the columns" if source.format == "fixed" else "columns have no width"
        )
        yield loaded.error(at, f"{problem}: leave it out")
        return
    if source.format == "fixed" and table.own_rows and not table.layout:
        if source.header.ruler is None:
            problem = "say where each column stands, here or by the `ruler` of `source.header`"
            yield loaded.error(("tables", name), problem)
        return
    placed = sorted((span, label) for label, span in table.layout.items())
    for ((_, end), before), ((start, _), label) in itertools.pairwise(placed):
        if start <= end:
            yield loaded.error((*at, label), f"overlaps `{before}`")


def _rows(loaded: Loaded, name: str, table: Table) -> Iterator[ContractError]:
    """Where the rows of a table are, in the words of the export's format."""
    at = ("tables", name)
    wanted = _PLACE[loaded.contract.source.format]
    for place in ("file", "sheet", "records"):
        if getattr(table, place) is not None and place != wanted:
            problem = f"an export in {loaded.contract.source.format} has no {place}"
            yield loaded.error((*at, place), problem, wanted)
    if table.file is not None and loaded.contract.source.archive is None and name != "case":
        yield loaded.error((*at, "file"), "several files need an `archive`")


def _columns(loaded: Loaded, name: str, table: Table) -> Iterator[ContractError]:
    """What the words under a column refer to is there."""
    fields = {f.name: f for f in TABLES[name].fields}
    item = TABLES[name].item
    dated = [f for f in fields if fields[f].kind is Kind.MONTH and columns_of(table, f)]
    for at, field, column in placed_columns(name, table):
        if column.at is not None and column.at not in dated:
            problem = f"`{column.at}` is no dated field of this table"
            yield loaded.error((*at, "at"), problem, nearest(column.at, dated))
        if column.many is not None and (item is None or name == "local_attribute"):
            problem = "a case has one of it: only a table with items takes several codes"
            yield loaded.error((*at, "many"), problem)
        if column.basis is not None and fields[field].kind is not Kind.COUNTRY:
            yield loaded.error((*at, "basis"), "only a country has a basis")
        if column.with_ is not None and item is not None:
            on_form = items_on_form(loaded.contract, name, table)
            if column.with_ not in on_form:
                problem = f"`{column.with_}` is no item of this table's list"
                yield loaded.error((*at, "with"), problem, nearest(column.with_, on_form))
        if column.dates_are_bands and (fields[field].kind is not Kind.BAND or not column.codes):
            yield loaded.error((*at, "dates_are_bands"), "only a band with `codes` has such dates")
        if field in table.columns and at[2] != "columns":
            twice = ".".join(at[2:-1])
            yield loaded.error(at, f"is filled twice, under `columns` and under `{twice}`")
        if any("%b" in pattern for pattern in column.date or []) and not loaded.contract.months:
            yield loaded.error((*at, "date"), "`%b` needs the names of `months`")
    yield from _each(loaded, name, table)


def _each(loaded: Loaded, name: str, table: Table) -> Iterator[ContractError]:
    """A table's items are columns or codes of one column, not both; answers can be landed."""
    item = TABLES[name].item
    if not table.each or item is None:
        return
    at = ("tables", name, "each")
    if columns_of(table, item):
        yield loaded.error(at, f"`{item}` has a column of its own")
    if answer_field(name) is None:
        yield loaded.error(at, "this table has no answer to each item")


def _claims(loaded: Loaded, name: str, table: Table) -> Iterator[ContractError]:
    """No column is both read and dropped, and none is dropped for two reasons."""
    at = ("tables", name)
    read: dict[Header, str] = dict.fromkeys(table.key or [], "key")
    for place, _, column in placed_columns(name, table):
        if column.from_ is not None and place[2] != "becomes":
            read[column.from_] = ".".join(place[2:])
    read |= dict.fromkeys(table.merged.from_ if table.merged else [], "merged")
    read |= {header: f"each.{item}" for item, header in table.each.items()}
    read |= {local.from_: f"local.{field}" for field, local in table.local.items()}
    if name == "case":
        research = loaded.contract.consent.research
        read |= {header: f"consent.research.{part}" for part, header in research.read}
    dropped = {str(header): header for header in table.personal}
    for header in table.personal:
        if header in read:
            problem = f"`{header}` is personal, and is read under `{read[header]}`"
            yield loaded.error((*at, "personal"), problem)
    for label in table.ignore:
        if label in dropped:
            yield loaded.error((*at, "ignore", label), "is listed under `personal` too")
        elif any(label == header.label for header in read):
            where = next(field for header, field in read.items() if header.label == label)
            yield loaded.error((*at, "ignore", label), f"is read under `{where}`")
